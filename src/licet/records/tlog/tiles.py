"""Tiles: the tree's hashes and the entries, cut into files of 256 that never change once full.

Source: C2SP tlog-tiles.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from licet.errors import InputError
from licet.records.record import MAX_ENTRY_BYTES
from licet.records.tlog.merkle import HASH_BYTES, Nodes, fold_peaks, node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""How many hashes or entries a full tile has."""

ENTRIES = -1
"""Stands for a level in the name of an entry bundle."""

_MAX_LEVEL = 63
_LENGTH_BYTES = 2
_GROUP = 1000
_PATH = re.compile(r"tile/(entries|0|[1-9]\d?)/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)

Tiles: TypeAlias = Callable[[int, int], bytes]
"""Gives a tile's hashes by level and number: at least as many as the tree that is asked about has there."""


@dataclass(frozen=True, slots=True, order=True)
class TileName:
    """A tile by level and number, and how many hashes or entries it has."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it is found below a log's prefix."""
        groups = [f"{self.number % _GROUP:03d}"]
        rest = self.number // _GROUP
        while rest:
            groups.insert(0, f"x{rest % _GROUP:03d}")
            rest //= _GROUP
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read a path.

        Raises:
            InputError: no tile is found there.
        """
        found = _PATH.fullmatch(path)
        if found:
            level = ENTRIES if found[1] == "entries" else int(found[1])
            number = int(found[2].replace("x", "").replace("/", ""))
            name = cls(level, number, int(found[3] or TILE_WIDTH))
            # One tile has one path: leading groups of zeros would give it more.
            if level <= _MAX_LEVEL and name.path == path:
                return name
        raise InputError(f"expected the path of a tile, found `{path[:120]}`")


def tiles_of(size: int) -> Iterator[TileName]:
    """Every tile of the tree of this size, entry bundles first, each level in order."""
    for level in (ENTRIES, *range(_MAX_LEVEL + 1)):
        hashes = size >> (TILE_HEIGHT * max(level, 0))
        if not hashes:
            return
        full, width = divmod(hashes, TILE_WIDTH)
        yield from (TileName(level, number) for number in range(full))
        if width:
            yield TileName(level, full, width)


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries as a bundle.

    Raises:
        InputError: an entry is too long.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise InputError(f"expected an entry of at most `{MAX_ENTRY_BYTES}` bytes, found `{len(entry)}`")
        parts += (len(entry).to_bytes(_LENGTH_BYTES), entry)
    return b"".join(parts)


def decode_bundle(content: bytes) -> tuple[bytes, ...]:
    """Read a bundle.

    Raises:
        InputError: it does not end with an entry.
    """
    entries: list[bytes] = []
    place = 0
    while place < len(content):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(content[start - _LENGTH_BYTES : start])
        if place > len(content):
            raise InputError(f"expected a bundle of whole entries, found entry `{len(entries)}` cut off")
        entries.append(content[start:place])
    return tuple(entries)


def split_hashes(tile: bytes) -> list[bytes]:
    """The hashes of a tile; bytes after the last whole one are left out."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile) - HASH_BYTES + 1, HASH_BYTES)]


def tile_root(hashes: list[bytes]) -> bytes:
    """The root over a full tile's hashes, or over any number that is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def nodes_from(tiles: Tiles) -> Nodes:
    """The hashes of complete subtrees, computed from tiles.

    Raises:
        InputError: (when asked) a tile has fewer hashes than it should.
    """

    def node(height: int, place: int) -> bytes:
        level, within = divmod(height, TILE_HEIGHT)
        first = place << within
        number, offset = divmod(first, TILE_WIDTH)
        count = 1 << within
        hashes = split_hashes(tiles(level, number)[offset * HASH_BYTES : (offset + count) * HASH_BYTES])
        if len(hashes) != count:
            raise InputError(f"expected `{offset + count}` hashes in `{TileName(level, number).path}`")
        return tile_root(hashes)

    return node


def tile_peaks(hashes: list[bytes]) -> list[bytes]:
    """The roots of the complete subtrees that a partial tile's hashes make up, the largest first."""
    peaks: list[bytes] = []
    start = 0
    for bit in range(TILE_HEIGHT - 1, -1, -1):
        if len(hashes) >> bit & 1:
            peaks.append(tile_root(hashes[start : start + (1 << bit)]))
            start += 1 << bit
    return peaks


@dataclass(slots=True)
class Frontier:
    """The right edge of a tree, which is all that appending to it needs.

    Invariant: `peaks` are the roots of the complete subtrees that make up the tree,
    the largest first; `edge[level]` are the hashes of that level's last tile, while
    it is not full; `full` are the tiles filled since `take_full`.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)
    edge: list[bytearray] = field(default_factory=lambda: [bytearray()])
    full: dict[tuple[int, int], bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, size: int, tiles: Tiles) -> Self:
        """The frontier of a tree whose tiles are kept.

        Raises:
            InputError: a tile has fewer hashes than it should.
        """
        edge: list[bytearray] = []
        peaks: list[bytes] = []
        for level in range(max(1, -(-size.bit_length() // TILE_HEIGHT))):
            number, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
            content = tiles(level, number)[: width * HASH_BYTES] if width else b""
            if len(content) != width * HASH_BYTES:
                raise InputError(f"expected `{width}` hashes in `{TileName(level, number).path}`")
            edge.append(bytearray(content))
            peaks = tile_peaks(split_hashes(content)) + peaks
        return cls(size, peaks, edge)

    def copy(self) -> Self:
        """Another one, so that a batch that fails leaves this one as it was."""
        return type(self)(self.size, list(self.peaks), [bytearray(tile) for tile in self.edge], dict(self.full))

    def append(self, leaf: bytes) -> None:
        """Add a leaf."""
        node, place, height = leaf, self.size, 0
        self._put(0, node)
        while place & 1:
            node = node_hash(self.peaks.pop(), node)
            place >>= 1
            height += 1
            if height % TILE_HEIGHT == 0:
                self._put(height // TILE_HEIGHT, node)
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree."""
        return fold_peaks(self.peaks)

    def changed_since(self, size: int) -> Iterator[tuple[TileName, bytes]]:
        """The tiles that the appends since `size` filled or added to."""
        for (level, number), content in sorted(self.full.items()):
            yield TileName(level, number), content
        for level, tile in enumerate(self.edge):
            reach = TILE_HEIGHT * level
            if tile and self.size >> reach != size >> reach:
                yield TileName(level, self.size >> (reach + TILE_HEIGHT), len(tile) // HASH_BYTES), bytes(tile)

    def _put(self, level: int, node: bytes) -> None:
        if level == len(self.edge):
            self.edge.append(bytearray())
        tile = self.edge[level]
        tile += node
        if len(tile) == TILE_WIDTH * HASH_BYTES:
            self.full[level, self.size >> (TILE_HEIGHT * (level + 1))] = bytes(tile)
            tile.clear()
