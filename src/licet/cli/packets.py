"""`licet log export`: a packet that an agency can open and check without licet."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.files import read_text, write_new
from licet.cli.instance import find_directory
from licet.cli.logs import open_log, organization_id
from licet.cli.options import AsJson, Dir, UsageError
from licet.cli.output import say
from licet.errors import InputError, NotFoundError
from licet.logwriter import LogReader, Search, StoredRow, database_path, policy_path
from licet.records import Record, describe
from licet.records.packets import README, PacketRecord, Profile, page, redacted
from licet.terms import RecordId, parse_instant

_ALL = 1_000_000
_VERIFIER = ("receipts.py", "packet.py")


def export_packet(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory for the packet.")],
    profile: Annotated[Profile, typer.Option(help="For whom; a holder is not shown rules, facts and officers.")],
    party: Annotated[str | None, typer.Option(help="A person's pseudonym.")] = None,
    organization: Annotated[str | None, typer.Option(help="An organization's id or enrolled name.")] = None,
    country: Annotated[str | None, typer.Option(help="The country of the organization.")] = None,
    document: Annotated[str | None, typer.Option(help="The number of a license or a directive.")] = None,
    since: Annotated[str | None, typer.Option(help="An instant, included.")] = None,
    until: Annotated[str | None, typer.Option(help="An instant, not included.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Write records, receipts and their verifier as a packet that is checked without this instance."""
    if profile is Profile.HOLDER and party is None and organization is None:
        raise UsageError("expected --party or --organization: a holder's packet is about the holder")
    found = find_directory(directory)
    wanted = Search(
        party=party,
        organization=None if organization is None else organization_id(organization, found),
        country=country,
        document=document,
        since=None if since is None else parse_instant(since),
        until=None if until is None else parse_instant(until),
        limit=_ALL,
        # Of a transaction a holder sees what is about them, an agency the whole.
        whole=profile is Profile.AGENCY,
    )
    with open_log(database_path(found), found) as reader, reader.snapshot():
        records = [_packed(reader, row, profile) for row in reversed(reader.search(wanted))]
        proofs = {record.receipt: reader.receipt(RecordId(record.id)) for record in records}
        checkpoint = reader.checkpoint()
    _write(target, _content(records, profile, checkpoint, read_text(policy_path(found))) | proofs)
    value = {"directory": str(target), "records": len(records), "profile": profile.value}
    say(value, f"{len(records)} records are in {target}; README.txt says how to check them", as_json=as_json)


def _packed(reader: LogReader, row: StoredRow, profile: Profile) -> PacketRecord:
    told = row.told()
    entry: dict[str, Any] = json.loads(row.entry)
    if isinstance(told, Record):
        # Of the first form: nothing in the entry is hidden, so nothing can be left out.
        if profile is Profile.HOLDER:
            raise InputError(f"the record `{row.id}` is older than sealed records: nothing of it can be left out")
        return PacketRecord(row.id, row.index, entry, {}, {}, describe(told))
    try:
        shown, withheld = redacted(reader.disclosed(row), profile)
    except NotFoundError:
        erased = dict.fromkeys(told.commitments, "erased")
        return PacketRecord(row.id, row.index, entry, {}, erased, ("What this record said was erased.",))
    words = describe(reader.open(row)) if profile is Profile.AGENCY else ()
    return PacketRecord(row.id, row.index, entry, shown, withheld, words)


def _content(records: list[PacketRecord], profile: Profile, checkpoint: str, policy: str) -> dict[str, str]:
    """Every file of the packet but the receipts, by its path."""
    value = {"format": "licet-packet/1", "profile": profile, "records": [record.to_value() for record in records]}
    source = files("licet")
    verifier = {f"verifier/licet/{name}": source.joinpath(name).read_text(encoding="utf-8") for name in _VERIFIER}
    return {
        "README.txt": README,
        "records.json": json.dumps(value, indent=1, ensure_ascii=False) + "\n",
        "records.html": page(records, f"Records for the {profile}", checkpoint),
        "checkpoint": checkpoint,
        "log.policy": policy,
        "verifier/licet/__init__.py": "",
        **verifier,
    }


def _write(target: Path, content: dict[str, str]) -> None:
    try:
        target.mkdir(mode=0o700, parents=True)
        for folder in ("receipts", "verifier", "verifier/licet"):
            (target / folder).mkdir(mode=0o700)
    except OSError as err:
        raise InputError(f"expected a new directory, `{target}` cannot be made: {err.strerror}") from err
    for name, text in content.items():
        write_new(target / name, text)
