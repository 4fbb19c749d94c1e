"""The tree over a log's entries: roots, and proofs computed from any source of its hashes.

Source: RFC 6962 section 2.1; RFC 9162 section 2.1 for how proofs are verified.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from licet.errors import InputError, TrustError
from licet.receipts import HASH_BYTES, ReceiptError, leaf_hash, node_hash
from licet.receipts import verify_inclusion as _verify_inclusion

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without entries."""

Nodes: TypeAlias = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree of a height whose place among those of that height is the second argument."""

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Nodes",
    "consistency_proof",
    "fold_peaks",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "range_hash",
    "root_hash",
    "verify_consistency",
    "verify_inclusion",
]


def range_hash(nodes: Nodes, start: int, end: int) -> bytes:
    """The hash of the tree over the entries from `start` up to `end`, as it stands in the tree over all."""
    length = end - start
    split = _split(length) if length > 1 else 0
    if length == 1 or (split * 2 == length and start % length == 0):
        return nodes(length.bit_length() - 1, start // length)
    return node_hash(range_hash(nodes, start, start + split), range_hash(nodes, start + split, end))


def root_hash(nodes: Nodes, size: int) -> bytes:
    """The root of the tree over the first `size` entries."""
    return range_hash(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_proof(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """The hashes that lead from an entry to the root, the entry's sibling first.

    Raises:
        InputError: there is no such entry.

    Source: RFC 6962 section 2.1.1.
    """
    if not 0 <= index < size:
        raise InputError(f"expected an index below `{size}`, found `{index}`")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(range_hash(nodes, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(nodes: Nodes, old: int, size: int) -> tuple[bytes, ...]:
    """The hashes that show the tree of size `old` to be the beginning of that of `size`.

    Raises:
        InputError: `old` is larger than `size`, or negative.

    Source: RFC 6962 section 2.1.2.
    """
    if not 0 <= old <= size:
        raise InputError(f"expected an old size of at most `{size}`, found `{old}`")
    if old in {0, size}:
        return ()
    start, end, path = 0, size, []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(range_hash(nodes, start, middle))
            start = middle
    # The verifier has the old root, so the old tree's last part is told only where it is not that root.
    return tuple(reversed(path)) if start == 0 else (range_hash(nodes, start, end), *reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes) -> None:
    """Check that the leaf stands at `index` of the tree with this size and root.

    Raises:
        TrustError: it is not shown to.
    """
    if {len(leaf), len(root)} != {HASH_BYTES}:
        raise TrustError(f"expected hashes of `{HASH_BYTES}` bytes", code="not_included")
    try:
        _verify_inclusion(leaf, index, size, proof, root)
    except ReceiptError as err:
        raise TrustError(str(err), code="not_included") from err


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Check that the tree of size `old` is the beginning of the other.

    Raises:
        TrustError: it is not shown to be, or `old` is 0 and `size` is not.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= old <= size:
        raise _inconsistent(f"expected a size of at least `{old}`, found `{size}`")
    if old == 0 and size:
        # Every tree goes on from an empty one; there is nothing to prove, and the caller knows it.
        raise _inconsistent("expected an old tree that is not empty")
    if old == size:
        if proof or old_root != root or (size == 0 and root != EMPTY_ROOT):
            raise _inconsistent("expected equal roots for equal sizes, and no hashes")
        return
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)  # a whole subtree: its hash is known and not told
    if not hashes:
        raise _inconsistent("the proof has no hashes")
    before, after = _climb(old - 1, size - 1, hashes)
    if before != old_root or after != root:
        raise _inconsistent("the proof's hashes do not lead to both roots")


def _climb(place: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The old tree's root and the new one's, as the hashes make them."""
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise _inconsistent("the proof has more hashes than the tree has levels")
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise _inconsistent("the proof has fewer hashes than the tree has levels")
    return before, after


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that stand side by side, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    folded = peaks[-1]
    for peak in reversed(peaks[:-1]):
        folded = node_hash(peak, folded)
    return folded


def _split(length: int) -> int:
    """The largest power of two below `length`."""
    return 1 << ((length - 1).bit_length() - 1)


def _inconsistent(message: str) -> TrustError:
    return TrustError(message, code="inconsistent")
