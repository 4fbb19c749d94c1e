"""References that a vendor was given, and how far what it says of each has come.

A reference is for one person and is known by its digest alone: a copy of the store
holds none that could be used.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from licet.errors import ConflictError
from licet.stores import schema
from licet.terms import KeyId, PartyId, format_instant, parse_instant

MOST_OPEN = 8
"""How many references of one party may wait for a vendor's first word."""
UNUSED = timedelta(days=30)
"""After which a reference is forgotten of which the vendor has said nothing."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A reference: whose it is, and the latest event of it that counted."""

    vendor: str
    party: PartyId
    key: KeyId
    latest_at: datetime | None
    latest_event: str | None

    def is_after(self, at: datetime, event: str, *, tightens: bool) -> bool:
        """Whether an event comes after all that counted; of two of one instant the one that tightens does."""
        if self.latest_at is None:
            return True
        return at > self.latest_at or (at == self.latest_at and event != self.latest_event and tightens)


class Inquiries:
    """They, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, reference: str, vendor: str, party: PartyId, key: KeyId, now: datetime) -> None:
        """Remember a reference; forget those that nothing came of.

        Raises:
            ConflictError: as many of the party wait as may.
        """
        c = schema.inquiries.c
        gone = delete(schema.inquiries).where(c.latest_at.is_(None), c.begun_at <= format_instant(now - UNUSED))
        self._connection.execute(gone)
        open_ones = select(func.count()).select_from(schema.inquiries).where(c.party == party, c.latest_at.is_(None))
        if self._connection.execute(open_ones).scalar_one() >= MOST_OPEN:
            raise ConflictError(f"expected at most `{MOST_OPEN}` references that wait", code="too_many_references")
        values = {"sha256": _sha256(reference), "vendor": vendor, "party": party, "key": key}
        self._connection.execute(insert(schema.inquiries).values(**values, begun_at=format_instant(now)))

    def find(self, reference: str, vendor: str) -> Inquiry | None:
        """The inquiry of a reference that this vendor was given."""
        c = schema.inquiries.c
        query = select(schema.inquiries).where(c.sha256 == _sha256(reference), c.vendor == vendor)
        found = self._connection.execute(query).first()
        if found is None:
            return None
        latest_at = None if found.latest_at is None else parse_instant(found.latest_at)
        return Inquiry(found.vendor, PartyId(found.party), KeyId(found.key), latest_at, found.latest_event)

    def advance(self, reference: str, at: datetime, event: str) -> None:
        """Remember the latest event that counted."""
        row = schema.inquiries.c.sha256 == _sha256(reference)
        values = {"latest_at": format_instant(at), "latest_event": _sha256(event)}
        self._connection.execute(update(schema.inquiries).where(row).values(**values))


def event_mark(event: str) -> str:
    """By what an event is known again."""
    return _sha256(event)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
