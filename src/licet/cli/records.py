"""`licet record`, `licet receipt` and `licet log`: what was written down, read from the log's own file.

No service is needed for it: whoever may read the file can search and verify it.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from licet import receipts
from licet.cli import keeping
from licet.cli.files import read_bytes
from licet.cli.instance import find_directory, find_instance, is_remote
from licet.cli.logs import organization_id, single_person
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say
from licet.cli.packets import export_packet
from licet.cli.reading import read_noted, search_words
from licet.cli.tables import members_table, print_table, rows_table, show_rows
from licet.cli.usage import UsageError
from licet.errors import TrustError
from licet.logwriter import (
    LogReader,
    Search,
    chain_path,
    database_path,
    export_tiles,
    open_reader,
    opened_value,
    policy_path,
    prepare_log,
    verify_log,
    verify_tiles,
    witnessed_path,
)
from licet.records import SINGLE_PERSON, RecordKind, describe
from licet.records.tlog import Checkpoint, Flaw, Policy, ours, read_policy, verify_checkpoint
from licet.terms import Outcome, RecordId, parse_instant

_File = Annotated[Path | None, typer.Option("--file", help="A log's file, such as a copy, instead of the instance's.")]
_Policy = Annotated[
    Path | None, typer.Option(help="A trust file (C2SP tlog-policy) instead of the instance's `log.policy`.")
]
_COLUMNS = ("index", "at", "id", "kind", "what", "item", "party", "organization", "code")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    record = typer.Typer(help="Records: what was decided and done.")
    record.command("list")(list_found)
    record.command("show")(show)
    record.command("receipt")(give_receipt)
    record.command("redecide")(keeping.redecide_again)
    record.command("erase")(keeping.erase)
    app.add_typer(record, name="record")
    receipt = typer.Typer(help="Receipts: that a record stands in the log.")
    receipt.command("verify")(verify_receipt)
    receipt.callback()(_receipts)
    app.add_typer(receipt, name="receipt")
    log = typer.Typer(help="The log that the records form.")
    log.command("verify")(verify)
    log.command("checkpoint")(show_checkpoint)
    log.command("export-tiles")(export_files)
    log.command("migrate")(migrate)
    log.command("export")(export_packet)
    log.command("expire")(keeping.expire)
    hold = typer.Typer(help="Legal holds: what they cover cannot be erased.")
    hold.command("set")(keeping.set_hold)
    hold.command("release")(keeping.release_hold)
    hold.command("list")(keeping.list_holds)
    log.add_typer(hold, name="hold")
    app.add_typer(log, name="log")


def list_found(
    kind: Annotated[RecordKind | None, typer.Option(help="What the record is about.")] = None,
    item: Annotated[str | None, typer.Option(help="An item's id.")] = None,
    party: Annotated[str | None, typer.Option(help="A party's id.")] = None,
    organization: Annotated[str | None, typer.Option(help="An organization's id or enrolled name.")] = None,
    country: Annotated[str | None, typer.Option(help="The country of the organization.")] = None,
    document: Annotated[str | None, typer.Option(help="The number of a license, a directive, a key or a hold.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="What was answered.")] = None,
    decision: Annotated[str | None, typer.Option(help="The decision that a cut ended.")] = None,
    since: Annotated[str | None, typer.Option(help="An instant, included.")] = None,
    until: Annotated[str | None, typer.Option(help="An instant, not included.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Also the rest of each transaction: its cuts, what was done with its licenses."),
    ] = False,
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List records, newest first."""
    words = search_words(
        kind=kind,
        item=item,
        party=party,
        organization=organization,
        country=country,
        document=document,
        outcome=outcome,
        decision=decision,
        since=since,
        until=until,
        limit=limit,
        whole=whole,
    )
    if file is None and is_remote(directory):
        found = find_instance(directory).get(f"/records?{urlencode(words)}")
    else:
        wanted = Search(
            kind=kind,
            item=item,
            party=party,
            organization=None if organization is None else organization_id(organization, directory),
            country=country,
            document=document,
            outcome=None if outcome is None else outcome.value,
            decision=decision,
            whole=whole,
            since=None if since is None else parse_instant(since),
            until=None if until is None else parse_instant(until),
            limit=limit,
        )
        found = read_noted(file, directory, "record.read", words, lambda reader: _search(reader, wanted), len)
    show_rows(
        found if as_json else [_in_short(row) for row in found], _COLUMNS, as_json=as_json, none="no record found"
    )


def _search(reader: LogReader, wanted: Search) -> list[dict[str, Any]]:
    return [opened_value(reader, row) for row in reader.search(wanted)]


def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="A record's id, as the header licet-decision gives it.")],
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Explain one record in words, with its place in the log."""
    if file is None and is_remote(directory):
        (value,) = find_instance(directory).get(f"/records?{urlencode({'id': record})}")
    else:
        wanted = {"id": record}
        value = read_noted(file, directory, "record.read", wanted, lambda reader: _told(reader, record))
    if as_json:
        print_json(value)
        return
    body, leaf, words = value.pop("body"), value.pop("leaf"), value.pop("words")
    say(None, *words, as_json=False)
    print_table(members_table({**value, **(body or leaf or {})}))


def _told(reader: LogReader, record: str) -> dict[str, Any]:
    row = reader.find(RecordId(record))
    value = opened_value(reader, row)
    value["words"] = [] if value["body"] is None else list(describe(reader.open(row)))
    return value


def give_receipt(
    record: Annotated[str, typer.Argument(metavar="ID", help="A record's id, as the header licet-decision gives it.")],
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Print the receipt of one record: that it stands in the log, to be verified by anybody."""
    with open_reader(_log_file(file, directory)) as reader:
        receipt = reader.receipt(RecordId(record))
    _print_text("receipt", receipt, as_json=as_json)


def verify_receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt (C2SP tlog-proof).")],
    policy: Annotated[Path, typer.Option(help="The trust file (C2SP tlog-policy).")],
    entry: Annotated[Path | None, typer.Option(help="The entry's bytes, if the receipt has none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a receipt offline, as anybody can: no instance is needed."""
    trusted = _policy(policy, None)
    content, shown = read_bytes(file), None if entry is None else read_bytes(entry)
    with ours():
        value = receipts.verify_receipt(content, trusted, shown).as_value()
    if as_json:
        print_json(value)
        return
    print_table(members_table(value))
    say(None, "the receipt is verified", as_json=False)


def verify(
    tiles: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A log as files (C2SP tlog-tiles) instead of the instance's.")
    ] = None,
    policy: _Policy = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint that was kept: the log must have it as its beginning.")
    ] = None,
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Check every record and tile of the log against its signed checkpoint, and say where it does not hold."""
    trusted, kept = _policy(policy, directory), None
    if checkpoint is not None:
        with ours():
            kept = verify_checkpoint(read_bytes(checkpoint).decode(errors="replace"), trusted).checkpoint
    if tiles is not None:
        report = verify_tiles(tiles, trusted, kept)
    else:
        log = _log_file(file, directory)
        report = verify_log(log, replace(trusted, quorum="none"), kept or _witnessed(log, trusted))
        if kept is None and any(fault.index is not None for fault in report.faults):
            # An altered entry changes every root after it: named once, where it is.
            faults_here = tuple(fault for fault in report.faults if fault.what is not Flaw.OTHER_LOG)
            report = replace(report, faults=faults_here)
    faults = [_fault_value(asdict(fault)) for fault in report.faults]
    if as_json:
        value = {"whole": report.is_whole, "size": report.size, "root": report.root.hex(), "faults": faults}
        print_json(value)
    else:
        say(None, f"{report.size} records, root {report.root.hex()}", as_json=False)
        if faults:
            print_table(rows_table(faults, ("what", "index", "tile", "record", "detail")))
        say(None, "the log is whole" if report.is_whole else f"{len(faults)} fault(s) found", as_json=False)
    if not report.is_whole:
        raise typer.Exit(1)


def show_checkpoint(file: _File = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Print the log's signed tree head. It is public; keep one elsewhere, and a rewritten log is found out."""
    with open_reader(_log_file(file, directory)) as reader:
        note = reader.checkpoint(reader.settle())
    _print_text("checkpoint", note, as_json=as_json)


def export_files(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; brought up to date if it has some already.")],
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Write the log out as static files (C2SP tlog-tiles), for readers who may see its entries."""
    size = export_tiles(_log_file(file, directory), target)
    notice = [SINGLE_PERSON] if single_person(directory) else []
    value = {"directory": str(target), "size": size} | ({"notice": SINGLE_PERSON} if notice else {})
    say(value, f"{size} records are in {target}", *notice, as_json=as_json)


def migrate(directory: Dir = None, as_json: AsJson = False) -> None:
    """Carry a log of the first form (a hash chain) over; `licet serve` does it too when it starts."""
    found = find_directory(directory)
    count = prepare_log(found)
    told = f"{count} records were carried over; the old log is kept as {chain_path(found)}"
    say({"carried_over": count}, "nothing to carry over" if count is None else told, as_json=as_json)


def _receipts() -> None:
    """Keep `verify` a command of its own, though it is the only one."""


def _log_file(file: Path | None, directory: Path | None) -> Path:
    if file is not None:
        return file
    try:
        return database_path(find_directory(directory))
    except UsageError as err:
        raise UsageError("records are read from the log's file: give --dir, --file, or set LICET_DIR") from err


def _policy(file: Path | None, directory: Path | None) -> Policy:
    if file is None:
        try:
            file = policy_path(find_directory(directory))
        except UsageError as err:
            raise UsageError("expected whom to believe: give --policy, --dir, or set LICET_DIR") from err
    return read_policy(read_bytes(file))


def _witnessed(log: Path, trusted: Policy) -> Checkpoint | None:
    """The checkpoint that the witnesses signed last, which must be this log's beginning.

    The present one is newer than any that they have seen, so the quorum is asked of this one.
    """
    with open_reader(log) as reader:
        note = reader.witnessed()
    if note is not None:
        with ours():
            return verify_checkpoint(note, trusted).checkpoint
    if trusted.quorum != "none":
        told = f"expected a cosigned checkpoint at `{witnessed_path(log)}`, as the trust file's quorum asks"
        raise TrustError(told, code="not_witnessed")
    return None


def _print_text(name: str, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({name: text})
    else:
        typer.echo(text, nl=False)


def _fault_value(members: dict[str, Any]) -> dict[str, Any]:
    return {**members, "record": members.pop("record_id"), "what": members["what"].value}


def _in_short(value: dict[str, Any]) -> dict[str, Any]:
    body = value["body"] or value["leaf"] or {}
    state = next((name for name in ("damaged", "erased") if value[name]), None)
    what = state or body.get("outcome") or body.get("act") or body.get("decision")
    shown = {name: body.get(name) for name in ("party", "organization", "code")}
    return {**value, **shown, "what": what, "item": body.get("item") or body.get("items")}
