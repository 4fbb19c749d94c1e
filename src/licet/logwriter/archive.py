"""Sealed records found and opened: what the writer and the readers of a log share."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from licet.errors import NotFoundError
from licet.logwriter.index import SCHEMA as _INDEX_SCHEMA
from licet.logwriter.index import Index
from licet.logwriter.vault import Vault
from licet.records import Record, RecordKind, read_entry
from licet.records.finding import links_of, origin_of
from licet.records.retention import Basis, kept_until
from licet.records.sealing import disclosed, open_sealed

SCHEMA = (
    # `words` are what the record is found by: keyed hashes, gone when it is erased.
    "CREATE TABLE bodies(place INTEGER PRIMARY KEY, sealed BLOB NOT NULL, words BLOB)",
    *_INDEX_SCHEMA,
    # Without a term a hold is on everything. Who set it and why is in the record at its place.
    "CREATE TABLE holds(name TEXT PRIMARY KEY, term BLOB, place INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX entries_by_at ON entries(at)",
    "CREATE INDEX entries_by_kind ON entries(kind)",
)
_ENTRY = """
SELECT CAST(entry AS BLOB), CAST(sealed AS BLOB) FROM entries LEFT JOIN bodies USING (place) WHERE place = ?
"""


class Archive:
    """The opened records of a log's database."""

    def __init__(self, database: sqlite3.Connection, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._index = Index(database)

    def open(self, leaf: bytes, sealed: bytes | None) -> Record:
        """The whole record of an entry.

        Raises:
            NotFoundError: with the code `erased`, its key was destroyed.
            TrustError: its body was altered.
            InputError: the entry is none.
        """
        told = read_entry(leaf)
        return told if isinstance(told, Record) else open_sealed(leaf, sealed or b"\x00", self._vault.secret)

    def at(self, place: int) -> Record | None:
        """The record at a place; None if there is none or it was erased."""
        row = self._database.execute(_ENTRY, (place,)).fetchone()
        if row is None:
            return None
        try:
            return self.open(*row)
        except NotFoundError:
            return None

    def places(self, word: str) -> tuple[int, ...]:
        """Where the records are that a word is of."""
        return self._index.places(self._vault.term(word))

    def terms(self, *words: str) -> tuple[bytes, ...]:
        """The words as the index holds them."""
        return tuple(map(self._vault.term, words))

    def disclosed(self, record: Record, sealed: bytes) -> Mapping[str, tuple[str, Any]]:
        """The salt and value behind each commitment, by name."""
        return disclosed(record, sealed, self._vault.secret)

    def rest_of(self, record: Record) -> Iterator[int]:
        """The places of the other records of a record's transaction."""
        origin = self._place_of(origin_of(record))
        if origin is not None:
            yield origin
            first = self.at(origin)
            if first is not None:
                yield from self._linked(first)
        if record.kind is RecordKind.DECISION:
            yield from self._linked(record)

    def transaction(self, places: Iterable[int]) -> tuple[int, ...]:
        """The places given, and those of the rest of each one's transaction, in order."""
        found: set[int] = set()
        for place in places:
            record = self.at(place)
            found |= {place, *(self.rest_of(record) if record is not None else ())}
        return tuple(sorted(found))

    def holds_on(self, subject: str) -> tuple[str, ...]:
        """The names of the legal holds on any record of a subject."""
        holds = self._database.execute("SELECT name, term FROM holds ORDER BY name").fetchall()
        places = set(self.places(subject)) if holds else set()
        return tuple(
            str(name) for name, term in holds if term is None or not places.isdisjoint(self._index.places(term))
        )

    def kept_until(self, subject: str) -> tuple[datetime, Basis] | None:
        """Until when a subject's records must be kept, and by which duty; None where it has none."""
        ends = (self._kept_until(place) for place in reversed(self.places(subject)))
        return max((end for end in ends if end is not None), key=lambda end: end[0], default=None)

    def may_go(self, subject: str, at: datetime) -> bool:
        """Whether no duty holds a subject's records any more; quickly answered where the newest is young."""
        places = self.places(subject)
        for place in (*places[-1:], *places):
            end = self._kept_until(place)
            if end is not None and at < end[0]:
                return False
        return True

    def _kept_until(self, place: int) -> tuple[datetime, Basis] | None:
        record = self.at(place)
        if record is None:
            return None
        return kept_until([record, *filter(None, map(self.at, self.rest_of(record)))])

    def _linked(self, record: Record) -> Iterator[int]:
        for link in sorted(links_of(record)):
            # A document leads to what was done with it, not to every other use of it.
            is_document = link.startswith("document:")
            yield from (place for place in self.places(link) if not is_document or self._is_act(place))

    def _is_act(self, place: int) -> bool:
        row = self._database.execute("SELECT kind FROM entries WHERE place = ?", (place,)).fetchone()
        return row is not None and row[0] == RecordKind.ADMINISTRATIVE

    def _place_of(self, record_id: str | None) -> int | None:
        row = self._database.execute("SELECT place FROM entries WHERE id = ?", (record_id,)).fetchone()
        return None if row is None else int(row[0])
