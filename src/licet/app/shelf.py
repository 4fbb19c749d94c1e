"""The log's file as the control API and the caller's door read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from licet.decisions import Caller
from licet.errors import InputError, NotFoundError, TrustError
from licet.logwriter import LogReader, Search, database_path, open_reader, opened_value, read_record_key
from licet.records import Record, RecordKind
from licet.terms import RecordId, parse_instant


@dataclass(frozen=True, slots=True)
class LogShelf:
    """Records of one instance, opened anew for each question: the key is in memory for no longer."""

    directory: Path

    def search(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Records by what they are about, newest first, opened where they can be."""
        words = dict(wanted)
        with self._open() as reader:
            record_id = words.pop("id", None)
            rows = (reader.find(RecordId(record_id)),) if record_id else reader.search(_search(words))
            return [opened_value(reader, row) for row in rows]

    def receipt(self, record_id: str, caller: Caller) -> str:
        """The receipt of a record, for whom it is about.

        Raises:
            NotFoundError: there is no such record, or it is about others; which of the two is not told.
        """
        unknown = NotFoundError("there is no such record of yours", code="unknown_record")
        with self._open() as reader:
            try:
                row = reader.find(RecordId(record_id))
                record = reader.open(row)
            except (NotFoundError, TrustError, InputError) as err:
                raise unknown from err
            if not _is_about(record, caller):
                raise unknown
            return reader.receipt(RecordId(row.id))

    def _open(self) -> LogReader:
        return open_reader(database_path(self.directory), read_record_key(self.directory))


def _search(words: dict[str, str]) -> Search:
    try:
        kind = RecordKind(words.pop("kind")) if "kind" in words else None
    except ValueError as err:
        raise InputError(f"expected one of the kinds {', '.join(RecordKind)}: {err}") from err
    instants = {name: parse_instant(words.pop(name)) for name in ("since", "until") if name in words}
    return Search(kind=kind, **instants, **words)  # type: ignore[arg-type]  # the names are those of the API's query


def _is_about(record: Record, caller: Caller) -> bool:
    """A person's records are that person's; an organization's key reads what concerns it, its people's too."""
    if caller.party is not None:
        return record.body.get("party") == caller.party
    return caller.organization is not None and record.body.get("organization") == caller.organization
