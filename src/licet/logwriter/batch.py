"""One batch of records on its way into the log: what each adds to the tree and to what is counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from licet.errors import ConflictError
from licet.logwriter.prepare import Prepared
from licet.records import Receipt, Record, RecordKind
from licet.records.record import spelled_at
from licet.records.tlog import Frontier

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

    def knows(self, record: Record) -> bool:
        """Whether the log, or this batch, has a record of its id."""
        return record.id in self._known

    def take(self, prepared: Prepared) -> Receipt | ConflictError:
        """Add a record that the log does not have; answer again for one that it has."""
        record, written = prepared.record, prepared.written
        place, taken = self._known.setdefault(record.id, (self.tree.size, written))
        if taken != written:
            return ConflictError(f"another record has the id `{record.id}`", code="record_id_taken")
        if place == self.tree.size:
            self.tree.append(prepared.leaf)
            self.rows.append((place, record.id, spelled_at(prepared.entry), record.kind.value, written))
            if prepared.body is not None:
                self.bodies.append((place, prepared.body, prepared.words))
            for subject in tallied(record):
                self.tallies[subject] += 1
            if "stored" in record.body:
                self.objects.update(stored_objects(record))
        return Receipt(record.id, place, prepared.leaf.hex())


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
