"""What is asked of a log, and what is given back."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from licet.records import Leaf, Record, RecordKind, read_entry
from licet.records.tlog import leaf_hash


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it lies in the file, whatever was done to it."""

    index: int
    id: str
    at: str
    kind: str
    entry: bytes
    sealed: bytes | None = None

    @property
    def hash(self) -> bytes:
        """The hash of its leaf in the tree."""
        return leaf_hash(self.entry)

    def told(self) -> Record | Leaf:
        """Read the entry; a leaf tells what is not sealed.

        Raises:
            InputError: it is neither a record nor a leaf.
        """
        return read_entry(self.entry)

    def body_is_of(self, told: Record | Leaf) -> bool:
        """Whether the sealed body is the one that the entry, once read, names; so it is where nothing is sealed."""
        return isinstance(told, Record) or (self.sealed is not None and sha256(self.sealed).hexdigest() == told.sealed)


@dataclass(frozen=True, slots=True)
class Due:
    """What holds a subject's records.

    Attributes:
        until: The first instant at which no duty does; None where there are none.
        citation: Of the duty that ends last.
        holds: The legal holds on any of them.
        is_over: Whether `until` has come.
    """

    subject: str
    until: datetime | None
    citation: str | None
    holds: tuple[str, ...]
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for. Each member that is given narrows the search.

    All but `kind`, `since` and `until` are looked up in the index, which needs the
    key of the log's sealed records. `since` is included and `until` is not. `document`
    is the number of a license, a directive, a key or a hold; with `whole`, the rest of
    each transaction is found too.
    """

    kind: RecordKind | None = None
    item: str | None = None
    party: str | None = None
    organization: str | None = None
    country: str | None = None
    document: str | None = None
    outcome: str | None = None
    decision: str | None = None
    whole: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
