"""Make a packet of records that an agency can open and check without licet."""

import json
from importlib.resources import files
from typing import Any

from licet.errors import InputError, NotFoundError
from licet.logwriter import LogReader, Search, StoredRow
from licet.records import Record, describe
from licet.records.packets import README, PacketRecord, Profile, page, redacted
from licet.terms import RecordId

_VERIFIER = ("receipts.py", "packet.py")


def make_packet(
    reader: LogReader, wanted: Search, profile: Profile, policy: str, notice: str
) -> tuple[dict[str, str], int]:
    """Every file of a packet by its path, and how many records it has.

    Args:
        reader: The log.
        wanted: Which records.
        profile: For whom.
        policy: The text of the log's trust file.
        notice: What every page and file for reading must say of the instance, if anything.

    Raises:
        InputError: a record cannot be shown to such a reader.
    """
    settled = reader.settle()
    with reader.snapshot():
        found = [row for row in reversed(reader.search(wanted)) if row.index < settled]
        records = [_packed(reader, row, profile) for row in found]
        proofs = {record.receipt: reader.receipt(RecordId(record.id)) for record in records}
        checkpoint = reader.checkpoint(settled)
    return _content(records, profile, checkpoint, policy, notice) | proofs, len(records)


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


def _content(
    records: list[PacketRecord], profile: Profile, checkpoint: str, policy: str, notice: str
) -> dict[str, str]:
    """Every file of the packet but the receipts, by its path."""
    value: dict[str, Any] = {"format": "licet-packet/1", "profile": profile}
    value |= {"notice": notice} if notice else {}
    value["records"] = [record.to_value() for record in records]
    source = files("licet")
    verifier = {f"verifier/licet/{name}": source.joinpath(name).read_text(encoding="utf-8") for name in _VERIFIER}
    return {
        "README.txt": f"{README}\n{notice}\n" if notice else README,
        "records.json": json.dumps(value, indent=1, ensure_ascii=False) + "\n",
        "records.html": page(records, f"Records for the {profile}", checkpoint, notice),
        "checkpoint": checkpoint,
        "log.policy": policy,
        "verifier/licet/__init__.py": "",
        **verifier,
    }
