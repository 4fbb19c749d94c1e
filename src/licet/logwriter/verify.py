"""Verify a whole log as it lies on the disk."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from licet.errors import InputError, UnavailableError
from licet.logwriter.reader import LogReader, StoredRow, open_reader
from licet.records import (
    ChainFault,
    ChainHead,
    ChainReport,
    Flaw,
    Record,
    StoredEntry,
    spell_instant,
    verify_chain,
)
from licet.terms import RecordId


def verify_log(path: Path, expected: ChainHead | None = None) -> ChainReport:
    """Check the chain, and that each row says of its entry what the entry says.

    A file too damaged to be read on is a fault at the place where reading ended.

    Args:
        path: The log's file; its writer may be running.
        expected: A head that was true once, from a receipt for example.

    Raises:
        UnavailableError: there is no log at `path`.
    """
    with open_reader(path) as reader:
        rows = _Rows(reader)
        report = verify_chain(rows.entries(), expected)
    # One alteration is one fault: a broken link already covers its row's columns.
    located = {fault.sequence for fault in report.faults}
    faults = [*report.faults, *(fault for fault in rows.faults if fault.sequence not in located)]
    return replace(report, faults=tuple(sorted(faults, key=lambda fault: fault.sequence)))


class _Rows:
    """Hands entries to the chain's check and compares the columns in passing."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self.faults: list[ChainFault] = []

    def entries(self) -> Iterator[StoredEntry]:
        last = 0
        try:
            for row in self._reader.entries():
                last = row.sequence
                if not _agrees(row):
                    self.faults.append(ChainFault(row.sequence, _id(row), Flaw.ALTERED_COLUMN))
                yield row.stored_entry
        except UnavailableError:
            self.faults.append(ChainFault(last + 1, None, Flaw.UNREADABLE))


def _agrees(row: StoredRow) -> bool:
    try:
        record = row.record()
    except InputError:
        return False
    return (row.id, row.at, row.kind) == (record.id, spell_instant(record.at), record.kind.value)


def _id(row: StoredRow) -> RecordId | None:
    try:
        return Record.from_bytes(row.entry).id
    except InputError:
        return None
