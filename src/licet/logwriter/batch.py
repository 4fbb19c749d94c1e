"""One batch of records on its way into the log: what each adds to the tree and to what is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from licet.errors import ConflictError
from licet.records import Receipt, Record, RecordKind
from licet.records.record import spelled_at
from licet.records.sealing import Sealed
from licet.records.tlog import Frontier, leaf_hash

Row: TypeAlias = tuple[int, str, str, str, bytes]


class Batch:
    """Records taken one after the other, and what they add.

    Args:
        tree: The right edge before the batch; it is changed.
        known: Place and entry of records that the log has, by id; it is changed.
    """

    def __init__(self, tree: Frontier, known: dict[str, tuple[int, bytes]]) -> None:
        self.tree = tree
        self._known = known
        self.rows: list[Row] = []
        self.bodies: list[tuple[int, bytes]] = []
        self.finds: list[tuple[bytes, int]] = []
        self.tallies: Counter[str] = Counter()
        self.objects: dict[str, str] = {}

    def knows(self, record: Record) -> bool:
        """Whether the log, or this batch, has a record of its id."""
        return record.id in self._known

    def take(
        self, record: Record, entry: bytes, sealed: Sealed | None = None, terms: Iterable[bytes] = ()
    ) -> Receipt | ConflictError:
        """Add a record that the log does not have; answer again for one that it has.

        Args:
            record: What happened.
            entry: The same, as it was submitted.
            sealed: Its leaf and sealed body; None: the entry is the leaf as it is.
            terms: Under which it is to be found.
        """
        written = entry if sealed is None else sealed.leaf
        place, taken = self._known.get(record.id, (self.tree.size, written))
        if taken != written:
            return ConflictError(f"another record has the id `{record.id}`", code="record_id_taken")
        leaf = leaf_hash(written)
        if place == self.tree.size:
            self._known[record.id] = (place, written)
            self.tree.append(leaf)
            self.rows.append((place, record.id, spelled_at(entry), record.kind.value, written))
            if sealed is not None:
                self.bodies.append((place, sealed.body))
            self.finds += [(term, place) for term in terms]
            for subject in tallied(record):
                self.tallies[subject] += 1
            if "stored" in record.body:
                self.objects.update(stored_objects(record))
        return Receipt(record.id, place, leaf.hex())


def tallied(record: Record) -> Iterator[str]:
    """What a record is counted under: its kind, and each license that it used."""
    yield f"kind:{record.kind.value}"
    licenses = record.body.get("licenses")
    if record.kind is RecordKind.DECISION and record.body.get("outcome") == "permit" and isinstance(licenses, list):
        for license_id in licenses:
            yield f"license:{license_id}"


def stored_objects(record: Record) -> Mapping[str, str]:
    """What the release stored at an upstream, and of which item it is: `{"stored": {OBJECT: ITEM}}` in a body."""
    stored = record.body.get("stored")
    return {name: item for name, item in stored.items() if isinstance(item, str)} if isinstance(stored, dict) else {}
