"""The log's file as the caller's door reads it."""

from pathlib import Path

from licet.decisions import Caller
from licet.errors import InputError, NotFoundError, TrustError
from licet.logwriter import LogReader, database_path, open_reader, read_record_key
from licet.records import Record
from licet.terms import RecordId


def opened_log(directory: Path) -> LogReader:
    """The log, with the key that opens its records."""
    return open_reader(database_path(directory), read_record_key(directory))


def receipt_for(directory: Path, record_id: str, caller: Caller) -> str:
    """The receipt of a record, for whom it is about.

    Raises:
        NotFoundError: there is no such record, or it is about others; which of the two is not told.
    """
    unknown = NotFoundError("there is no such record of yours", code="unknown_record")
    with opened_log(directory) as reader:
        try:
            row = reader.find(RecordId(record_id))
            record = reader.open(row)
        except (NotFoundError, TrustError, InputError) as err:
            raise unknown from err
        if not _is_about(record, caller):
            raise unknown
        return reader.receipt(RecordId(row.id))


def _is_about(record: Record, caller: Caller) -> bool:
    """A person's records are that person's; an organization's key reads what concerns it, its people's too."""
    if caller.party is not None:
        return record.body.get("party") == caller.party
    return caller.organization is not None and record.body.get("organization") == caller.organization
