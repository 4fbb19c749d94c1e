"""Check a whole log: every entry and every tile against a checkpoint, and say where it does not hold.

What the checkpoint's root confirms is right, and what differs from it is wrong.
The entries are hashed anew. If they lead to the root, they are whole, and a tile
that differs is altered. Otherwise the tiles are followed down from the root, and an
entry that differs from a hash confirmed so is altered. If neither leads there, each
difference between the two is named.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from licet.receipts import Checkpoint, leaf_hash
from licet.records.tlog.merkle import HASH_BYTES, fold_peaks
from licet.records.tlog.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Frontier,
    TileName,
    split_hashes,
    tile_peaks,
    tile_root,
    tiles_of,
)
from licet.terms import ID_PATTERN, RecordId

_ID_MEMBER = re.compile(rb'"id":"(' + ID_PATTERN.encode() + rb')","kind":"')

KeptTile: TypeAlias = Callable[[TileName], bytes]
"""Gives a tile as it lies there, whatever was done to it; nothing if it is gone."""

SaidId: TypeAlias = Callable[[int], RecordId | None]


class Flaw(StrEnum):
    """What is wrong at a place in the log."""

    ALTERED_ENTRY = "altered_entry"  # the tree was made over another one
    MISSING = "missing"  # the first of one or more entries that are not there
    OUT_OF_ORDER = "out_of_order"  # an index that is repeated, late or negative
    UNSIGNED = "unsigned"  # the first of one or more entries beyond the checkpoint
    ALTERED_TILE = "altered_tile"  # a tile's hashes are not those of the tree
    DISPUTED = "disputed"  # the entry or its hash in the tile was altered; nothing says which
    CHECKPOINT_REFUSED = "checkpoint_refused"  # its signatures do not meet the trust file
    OTHER_ROOT = "other_root"  # neither the entries nor the tiles lead to the checkpoint's root
    OTHER_LOG = "other_log"  # not the log of which a kept checkpoint was the beginning
    ALTERED_COLUMN = "altered_column"  # the store says something else of the entry than the entry
    UNREADABLE = "unreadable"  # the store gives up here


@dataclass(frozen=True, slots=True)
class LogFault:
    """One thing that is wrong, and where.

    Attributes:
        index: The entry's place in the log, from 0.
        tile: The path of the tile.
        record_id: The id the entry gives itself, if it still has one; after an
            alteration it is a pointer for the reader, not a fact.
        detail: More, in words.
    """

    what: Flaw
    index: int | None = None
    tile: str | None = None
    record_id: RecordId | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was found: how many entries, the root over them, and every fault."""

    size: int
    root: bytes
    faults: tuple[LogFault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def audit(
    entries: Iterable[tuple[int, bytes]], tile: KeptTile, checkpoint: Checkpoint | None, kept: Checkpoint | None = None
) -> LogReport:
    """Check the entries and tiles of a log.

    Args:
        entries: Each with its index, in the order of the store.
        tile: The store's tiles.
        checkpoint: What to believe. None if there is nothing to believe: then
            entries and tiles are compared with one another.
        kept: A checkpoint that was true once; the log must have it as its beginning.
    """
    walk = _Walk(tile, None if checkpoint is None else checkpoint.size, kept)
    walk.take_all(entries)
    size, root = walk.tree.size, walk.tree.root()
    if checkpoint is not None and root == checkpoint.root:
        walk.faults += _altered_tiles(walk)
    elif checkpoint is not None and _stored_root(walk) == checkpoint.root:
        walk.faults += _follow_down(walk)
    else:
        walk.faults += _differences(walk)
    if checkpoint is not None and root != checkpoint.root and not walk.faults:
        walk.faults.append(LogFault(Flaw.OTHER_ROOT, detail=f"expected `{checkpoint.root.hex()}`"))
    if kept is not None and walk.root_at_kept != kept.root:
        walk.faults.append(LogFault(Flaw.OTHER_LOG, detail=f"at the size `{kept.size}` that was kept"))
    return LogReport(size, root, tuple(walk.faults))


def tile_faults(name: TileName, content: bytes, right: bytes) -> Iterator[LogFault]:
    """Hold a stored tile against the hashes that are known to be right."""
    if content != right:
        yield LogFault(Flaw.ALTERED_TILE, tile=name.path)


def entry_faults(
    name: TileName,
    leaves: Iterable[bytes],
    right: bytes,
    said: SaidId,
    *,
    what: Flaw = Flaw.ALTERED_ENTRY,
    first: int = 0,
) -> Iterator[LogFault]:
    """Hold the hashes of a bottom tile's entries against those that are known to be right.

    Args:
        name: The tile.
        leaves: The entries hashed anew, from the place `first` in the tile on.
        right: The hashes of the whole tile.
        said: Gives the id that an entry gives itself, by its place in the tile.
        what: What an entry is whose hash is another.
        first: Where `leaves` begin.
    """
    for offset, leaf in enumerate(leaves, first):
        if leaf != right[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]:
            yield LogFault(what, name.number * TILE_WIDTH + offset, name.path, said(offset))


def claimed_id(entry: bytes) -> RecordId | None:
    """The id in an entry that may be damaged anywhere.

    Members are sorted, so the record's own id comes after anything in its body.
    """
    found = _ID_MEMBER.findall(entry)
    return RecordId(found[-1].decode()) if found else None


@dataclass(slots=True)
class _Walk:
    """The entries hashed anew, next to the tiles as they lie there.

    Attributes:
        disputed: Bottom tiles that differ from the entries, with the hashes and the
            ids of the entries there.
    """

    tile: KeptTile
    size: int | None
    kept: Checkpoint | None
    tree: Frontier = field(default_factory=Frontier)
    faults: list[LogFault] = field(default_factory=list)
    disputed: dict[int, tuple[list[bytes], list[RecordId | None]]] = field(default_factory=dict)
    root_at_kept: bytes | None = None
    _leaves: list[bytes] = field(default_factory=list)
    _entries: list[bytes] = field(default_factory=list)

    def take_all(self, entries: Iterable[tuple[int, bytes]]) -> None:
        beyond = False
        self._mark()
        for index, entry in entries:
            if index < self.tree.size:
                self.faults.append(LogFault(Flaw.OUT_OF_ORDER, index, record_id=claimed_id(entry)))
            elif self.size is not None and index >= self.size:
                if not beyond:
                    self.faults.append(LogFault(Flaw.UNSIGNED, index, record_id=claimed_id(entry)))
                beyond = True
            else:
                if index > self.tree.size:
                    self._fill(index)
                self._add(leaf_hash(entry), entry)
        if self.size is not None and self.tree.size < self.size:
            self._fill(self.size)
        if self._leaves:
            self._compare(TileName(0, self.tree.size // TILE_WIDTH, len(self._leaves)))

    def stored(self, name: TileName) -> list[bytes]:
        """A stored tile's hashes, in the number that it should have."""
        hashes = split_hashes(self.tile(name)[: name.width * HASH_BYTES])
        return hashes + [b""] * (name.width - len(hashes))

    def computed(self, name: TileName) -> list[bytes]:
        """The same tile above the bottom, computed from the entries."""
        full = self.tree.full.get((name.level, name.number))
        return split_hashes(full if full is not None else bytes(self.tree.edge[name.level]))

    def _fill(self, until: int) -> None:
        """Where entries are missing, go on with what the tiles say, so that the rest can be checked."""
        self.faults.append(LogFault(Flaw.MISSING, self.tree.size))
        while self.tree.size < until:
            number, offset = divmod(self.tree.size, TILE_WIDTH)
            # Without a size to go by, the tile has at most so many as are looked for.
            width = TILE_WIDTH if self.size is None else min(TILE_WIDTH, self.size - number * TILE_WIDTH)
            hashes = self.stored(TileName(0, number, width))
            for leaf in hashes[offset : offset + until - self.tree.size]:
                self._add(leaf, b"")

    def _add(self, leaf: bytes, entry: bytes) -> None:
        self.tree.append(leaf)
        self._leaves.append(leaf)
        self._entries.append(entry)
        self._mark()
        if len(self._leaves) == TILE_WIDTH:
            number = self.tree.size // TILE_WIDTH - 1
            self._compare(TileName(0, number))
            del self.tree.full[0, number]  # compared; kept, a long log's would fill the memory

    def _mark(self) -> None:
        if self.kept is not None and self.tree.size == self.kept.size:
            self.root_at_kept = self.tree.root()

    def _compare(self, name: TileName) -> None:
        if b"".join(self._leaves) != self.tile(name):
            self.disputed[name.number] = (self._leaves, [claimed_id(entry) for entry in self._entries])
        self._leaves, self._entries = [], []


def _upper(size: int) -> Iterator[TileName]:
    return (name for name in tiles_of(size) if name.level > 0)


def _bottom(walk: _Walk, number: int) -> TileName:
    return TileName(0, number, min(TILE_WIDTH, walk.tree.size - number * TILE_WIDTH))


def _altered_tiles(walk: _Walk) -> Iterator[LogFault]:
    """The entries are right, so every tile that differs is not."""
    for number, (leaves, _) in walk.disputed.items():
        name = _bottom(walk, number)
        yield from tile_faults(name, walk.tile(name), b"".join(leaves))
    for name in _upper(walk.tree.size):
        yield from tile_faults(name, walk.tile(name), b"".join(walk.computed(name)))


def _stored_root(walk: _Walk) -> bytes:
    """The root to which the stored tiles at the right edge lead."""
    peaks: list[bytes] = []
    for name in tiles_of(walk.tree.size):
        if name.level != ENTRIES and name.width < TILE_WIDTH:
            peaks = tile_peaks(walk.stored(name)) + peaks
    return fold_peaks(peaks)


def _follow_down(walk: _Walk) -> Iterator[LogFault]:
    """The right edge of the tiles is right; go down from there."""
    names = sorted(_upper(walk.tree.size), key=lambda name: -name.level)
    suspect = set(walk.disputed)
    right: dict[tuple[int, int], bytes] = {}  # the confirmed root of a full tile, while its own level is looked at
    for name in names:
        hashes, computed = walk.stored(name), walk.computed(name)
        if name.width == TILE_WIDTH and tile_root(hashes) != right.get((name.level, name.number)):
            yield LogFault(Flaw.ALTERED_TILE, tile=name.path)
            hashes = computed
        elif len(walk.tile(name)) != name.width * HASH_BYTES:
            yield LogFault(Flaw.ALTERED_TILE, tile=name.path)
        for offset, each in enumerate(hashes):
            right[name.level - 1, name.number * TILE_WIDTH + offset] = each
            if name.level == 1 and computed[offset] != each:
                suspect.add(name.number * TILE_WIDTH + offset)
    for number in sorted(suspect):
        yield from _follow_bottom(walk, _bottom(walk, number), right.get((0, number)))


def _follow_bottom(walk: _Walk, name: TileName, right: bytes | None) -> Iterator[LogFault]:
    """Tell altered hashes from altered entries in a bottom tile; `right` is its confirmed root if it is full."""
    if name.number not in walk.disputed:
        # The entries and the tile agree, and are not what the tree was made of.
        yield LogFault(Flaw.ALTERED_TILE, tile=name.path, detail="and entries in it")
        return
    hashes = walk.stored(name)
    if right is not None and tile_root(hashes) != right:
        yield LogFault(Flaw.ALTERED_TILE, tile=name.path)
        if tile_root(walk.disputed[name.number][0]) == right:
            return
    elif len(walk.tile(name)) != name.width * HASH_BYTES:
        yield LogFault(Flaw.ALTERED_TILE, tile=name.path)
    is_sure = right is None or tile_root(hashes) == right
    yield from _altered_entries(walk, name, hashes, Flaw.ALTERED_ENTRY if is_sure else Flaw.DISPUTED)


def _altered_entries(walk: _Walk, name: TileName, hashes: list[bytes], what: Flaw) -> Iterator[LogFault]:
    leaves, ids = walk.disputed[name.number]
    yield from entry_faults(name, leaves, b"".join(hashes), ids.__getitem__, what=what)


def _differences(walk: _Walk) -> Iterator[LogFault]:
    """Nothing says which is right."""
    for number in sorted(walk.disputed):
        name = _bottom(walk, number)
        yield from _altered_entries(walk, name, walk.stored(name), Flaw.DISPUTED)
        if len(walk.tile(name)) != name.width * HASH_BYTES:
            yield LogFault(Flaw.ALTERED_TILE, tile=name.path)
    for tile in _upper(walk.tree.size):
        if walk.tile(tile) != b"".join(walk.computed(tile)) and not walk.disputed:
            yield LogFault(Flaw.ALTERED_TILE, tile=tile.path)
