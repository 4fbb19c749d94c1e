"""Verify one part of a log again, against the rest of it that was verified.

The whole log leads to the root of its checkpoint or does not, and that takes every
entry. Once it did, the hashes of every tile are known to be right, and any tile,
bundle, row or checkpoint can be held against them alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from licet.errors import TrustError
from licet.logwriter.rows import StoredRow
from licet.logwriter.verify import read_bundle, read_row, read_signed
from licet.records.tlog import ENTRIES, TILE_WIDTH, Checkpoint, Flaw, Frontier, LogFault, Policy, TileName, leaf_hash
from licet.records.tlog.audit import claimed_id, entry_faults, tile_faults


@dataclass(frozen=True, slots=True)
class ConfirmedLog:
    """The hashes of a log that its checkpoint confirms.

    Attributes:
        right: The hashes of every tile.
        checkpoint: What confirms them.
        policy: Whose signatures were believed.
    """

    right: Mapping[TileName, bytes]
    checkpoint: Checkpoint
    policy: Policy

    @classmethod
    def confirm(cls, entries: Iterable[bytes], note: str, policy: Policy) -> Self:
        """Hash every entry, and hold the root against the signed checkpoint.

        Raises:
            TrustError: with the code `log_not_whole`, it does not confirm them; `verify_log` says where.
        """
        checkpoint, faults = read_signed(note, policy)
        tree = Frontier()
        for entry in entries:
            tree.append(leaf_hash(entry))
        if checkpoint is None or faults or (tree.size, tree.root()) != (checkpoint.size, checkpoint.root):
            raise TrustError("the entries are not those of the checkpoint", code="log_not_whole")
        return cls(dict(tree.changed_since(0)), checkpoint, policy)

    def check_tile(self, name: TileName, content: bytes) -> tuple[LogFault, ...]:
        """What is wrong with a tile or an entry bundle as it lies in the store or in a file."""
        if name.level != ENTRIES:
            return tuple(tile_faults(name, content, self.right[name]))
        tile = TileName(0, name.number, name.width)
        entries, faults = read_bundle(name, content, self.right[tile])
        return (*faults, *self._missing(name, len(entries)), *self._entries(tile, entries))

    def check_row(self, row: StoredRow) -> tuple[LogFault, ...]:
        """What is wrong with a row: its entry, or else what is stored beside it."""
        if not 0 <= row.index < self.checkpoint.size:
            return (LogFault(Flaw.OUT_OF_ORDER if row.index < 0 else Flaw.UNSIGNED, row.index),)
        number, offset = divmod(row.index, TILE_WIDTH)
        tile = TileName(0, number, min(TILE_WIDTH, self.checkpoint.size - number * TILE_WIDTH))
        altered = entry_faults(tile, [row.hash], self.right[tile], lambda _: claimed_id(row.entry), first=offset)
        return tuple(altered) or read_row(row)[1]

    def check_checkpoint(self, note: str) -> tuple[LogFault, ...]:
        """What is wrong with a checkpoint that should be the one that was confirmed."""
        checkpoint, faults = read_signed(note, self.policy)
        if checkpoint is None or checkpoint == self.checkpoint:
            return faults
        return (*faults, LogFault(Flaw.OTHER_ROOT, detail=f"expected `{self.checkpoint.root.hex()}`"))

    @staticmethod
    def _missing(name: TileName, count: int) -> Iterator[LogFault]:
        if count < name.width:
            yield LogFault(Flaw.MISSING, name.number * TILE_WIDTH + count)

    def _entries(self, tile: TileName, entries: tuple[bytes, ...]) -> Iterator[LogFault]:
        leaves = map(leaf_hash, entries)
        return entry_faults(tile, leaves, self.right[tile], lambda offset: claimed_id(entries[offset]))
