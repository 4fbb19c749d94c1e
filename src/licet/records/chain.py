"""The chain: each entry's hash covers the hash before it, so that no entry changes quietly.

What a chain alone can say: an altered, missing, moved or inserted entry shows,
and is located, as long as some later hash is as it was. An end cut off, or
rewritten with every hash after it, shows only against a head that somebody kept
(a receipt will do); pass it as `expected`.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from licet.errors import InputError
from licet.terms import ID_PATTERN, RecordId

HASH_BYTES = 32
"""Length of every hash in the chain: SHA-256."""

_LINK_DOMAIN = b"licet record chain v1\x00"

GENESIS = hashlib.sha256(b"licet record chain v1, genesis\x00").digest()
"""The hash before the first entry."""

_SEQUENCE_BYTES = 8
_ID_MEMBER = re.compile(rb'"id":"(' + ID_PATTERN.encode() + rb')","kind":"')


class Flaw(StrEnum):
    """What is wrong at a place in the log."""

    BROKEN_LINK = "broken_link"  # the entry is not what its hash was made of
    ALTERED_HASH = "altered_hash"  # the next hash shows that the entry is whole and its hash is not
    MISSING = "missing"  # the first of one or more sequence numbers that are not there
    OUT_OF_ORDER = "out_of_order"  # a sequence number that is repeated, late or below the first
    TRUNCATED = "truncated"  # the log ends before the head that was expected
    OTHER_HEAD = "other_head"  # whole in itself, but not the log whose head was expected
    ALTERED_COLUMN = "altered_column"  # the store says something else of the entry than the entry
    UNREADABLE = "unreadable"  # the store gives up here


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as a store holds it."""

    sequence: int
    entry: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How long a chain is, and the hash of its last entry."""

    length: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainFault:
    """One thing that is wrong, and where.

    Attributes:
        record_id: The id the entry gives itself, if it still has one; after an
            alteration it is a pointer for the reader, not a fact.
    """

    sequence: int
    record_id: RecordId | None
    what: Flaw


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found: the length, the last hash, and every fault in order of place."""

    length: int
    head: bytes
    faults: tuple[ChainFault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def link(previous: bytes, entry: bytes, sequence: int) -> bytes:
    """Hash one entry onto the chain.

    The domain keeps these hashes apart from every other use of SHA-256; the two
    fixed-width members before the entry keep every input's parts apart.

    Raises:
        InputError: `previous` is not 32 bytes or `sequence` is not in 1 to 2^64 - 1.
    """
    if len(previous) != HASH_BYTES or not 1 <= sequence < 1 << 8 * _SEQUENCE_BYTES:
        raise InputError(f"expected a hash of `{HASH_BYTES}` bytes and a sequence from 1, found `{sequence}`")
    return hashlib.sha256(_LINK_DOMAIN + previous + sequence.to_bytes(_SEQUENCE_BYTES) + entry).digest()


def verify_chain(entries: Iterable[StoredEntry], expected: ChainHead | None = None) -> ChainReport:
    """Check every link and locate every fault.

    One altered byte is one fault: after a broken link the check goes on from the
    hash that is stored, and where the next entry fits the computed hash better,
    the hash was altered and not the entry. After a gap the first entry cannot be
    checked (its predecessor is gone); the chain goes on from its stored hash.

    Args:
        entries: In the order of the store.
        expected: A head that was true once; the log must still reach and hold it.
    """
    walk = _Walk(expected)
    for stored in entries:
        walk.take(stored)
    return walk.finish()


@dataclass(slots=True)
class _Walk:
    """The state of one check.

    Invariant: `_candidates` are the hashes that the last entry may have had. There
    is one, `head`, while all is well; after a broken link also those computed,
    until the next entry tells; none when only a later entry can be checked.
    """

    expected: ChainHead | None
    last: int = 0
    head: bytes = GENESIS
    faults: list[ChainFault] = field(default_factory=list)
    _candidates: tuple[bytes, ...] = (GENESIS,)

    def take(self, stored: StoredEntry) -> None:
        """Check the next entry."""
        if stored.sequence <= self.last:
            self._report(stored.sequence, Flaw.OUT_OF_ORDER, stored.entry)
            return
        if stored.sequence > self.last + 1:
            self._report(self.last + 1, Flaw.MISSING)
            self._candidates = ()
        self._check_link(stored)
        self.last, self.head = stored.sequence, stored.hash
        if self.expected is not None and stored.sequence == self.expected.length:
            self._check_expected(self.expected.hash, stored)

    def finish(self) -> ChainReport:
        """Say what was found."""
        if self.expected is not None and self.last < self.expected.length:
            self._report(self.last + 1, Flaw.TRUNCATED)
        self.faults.sort(key=lambda fault: fault.sequence)
        return ChainReport(self.last, self.head, tuple(self.faults))

    def _check_link(self, stored: StoredEntry) -> None:
        computed = [link(before, stored.entry, stored.sequence) for before in self._candidates]
        believable = [stored.hash]
        if computed and stored.hash not in computed:
            self._report(stored.sequence, Flaw.BROKEN_LINK, stored.entry)
            # The first goes on from what is stored, the last from what was computed
            # all along; those between would make a run of broken links quadratic.
            believable += [computed[0], computed[-1]]
        elif computed and self._candidates[computed.index(stored.hash)] != self.head:
            self._blame_hash(self.last)
        self._candidates = tuple(known for known in dict.fromkeys(believable) if len(known) == HASH_BYTES)

    def _check_expected(self, expected: bytes, stored: StoredEntry) -> None:
        if expected == stored.hash:
            return
        if expected in self._candidates:
            self._blame_hash(stored.sequence)
        elif all(fault.sequence != stored.sequence for fault in self.faults):
            self._report(stored.sequence, Flaw.OTHER_HEAD, stored.entry)

    def _blame_hash(self, sequence: int) -> None:
        """What was taken for a broken link is an altered hash over a whole entry."""
        self.faults = [
            replace(fault, what=Flaw.ALTERED_HASH)
            if (fault.sequence, fault.what) == (sequence, Flaw.BROKEN_LINK)
            else fault
            for fault in self.faults
        ]

    def _report(self, sequence: int, what: Flaw, entry: bytes = b"") -> None:
        self.faults.append(ChainFault(sequence, _claimed_id(entry), what))


def _claimed_id(entry: bytes) -> RecordId | None:
    """The id in an entry that may be damaged anywhere.

    Members are sorted, so the record's own id comes after anything in its body.
    """
    found = _ID_MEMBER.findall(entry)
    return RecordId(found[-1].decode()) if found else None
