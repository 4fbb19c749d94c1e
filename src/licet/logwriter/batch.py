"""One batch of records on its way into the log: what each adds to the tree and to what is counted."""

from collections import Counter
from typing import TypeAlias

from licet.errors import ConflictError
from licet.logwriter.prepare import Prepared
from licet.records import Receipt
from licet.records.tlog import Frontier
from licet.terms import RecordId

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
        self.bodies: list[tuple[int, bytes, bytes]] = []
        self.tallies: Counter[str] = Counter()
        self.objects: dict[str, str] = {}

    def knows(self, record_id: str) -> bool:
        """Whether the log, or this batch, has a record of this id."""
        return record_id in self._known

    def take(self, prepared: Prepared) -> Receipt | ConflictError:
        """Add a record that the log does not have; answer again for one that it has."""
        record_id, written, form = RecordId(prepared.id), prepared.written, prepared.form
        place, taken = self._known.setdefault(record_id, (self.tree.size, written))
        if taken != written:
            return ConflictError(f"another record has the id `{record_id}`", code="record_id_taken")
        if place == self.tree.size:
            self.tree.append(prepared.leaf)
            self.rows.append((place, record_id, prepared.at, form.kind, written))
            if prepared.body is not None:
                self.bodies.append((place, prepared.body, form.words))
            for subject in form.tallied:
                self.tallies[subject] += 1
            if form.stored:
                self.objects.update(form.stored)
        return Receipt(record_id, place, prepared.leaf.hex())
