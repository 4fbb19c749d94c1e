"""Records that are alike in all but their id, their instant and one number."""

from collections.abc import Mapping
from datetime import datetime

from licet.records.record import Record, RecordKind, spell_instant, spell_record, spelled_by
from licet.terms import RecordId

_BODY = len('{"at":"2026-06-12T21:21:00.000000Z","body":{')
_ID = len('},"id":"0')


class RecordForm:
    """What such records share; it is checked and spelled once, and not for each.

    A gateway answers the same caller many times on the same grounds. To write that
    down anew each time is more work than to decide.

    Args:
        kind: Of each record.
        body: Of each record, without the number. What is in it must not be changed afterwards.
        number: The name of the member that is another one each time.
    """

    __slots__ = ("_kind", "_name", "_parts", "_shared")

    def __init__(self, kind: RecordKind, body: Mapping[str, object], number: str) -> None:
        self._kind = kind
        self._shared = body
        self._name = number
        self._parts: tuple[bytes, bytes, bytes] | None = None

    def record(self, record_id: RecordId, at: datetime, number: int) -> Record:
        """One of these records."""
        return spelled_by(Record(record_id, at, self._kind, {**self._shared, self._name: number}), self)

    def spell(self, record: Record) -> bytes:
        """The same as `spell_record` writes.

        Raises:
            TypeError, ValueError, OverflowError, RecursionError: JSON cannot say what is in the body.
        """
        if self._parts is None:
            self._parts = self._spell_shared(record)
        before, after, end = self._parts
        at, number = spell_instant(record.at).encode(), str(record.body[self._name]).encode()
        return b'{"at":"%b","body":{%b%b%b},"id":"%b%b' % (at, before, number, after, record.id.encode(), end)

    def _spell_shared(self, record: Record) -> tuple[bytes, bytes, bytes]:
        """What stands before the number, between it and the body's end, and after the id: members are in order."""
        less = {name: value for name, value in self._shared.items() if name < self._name}
        more = {name: value for name, value in self._shared.items() if name > self._name}
        end, before, after = (
            spell_record(Record(RecordId("0"), record.at, self._kind, body))[_BODY:]
            for body in ({}, {**less, self._name: 0}, more)
        )
        return before[: -len(end) - 1], b"," * bool(more) + after[: -len(end)], end[_ID:]
