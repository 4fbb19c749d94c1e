"""What records share that are alike in all but their id, their instant and their age.

A gateway answers the same caller many times on the same grounds, and writes down the
same each time. To read that anew for every record is more work than to seal it, so it
is remembered by its bytes, for as long as nothing is erased and there is room.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from licet.logwriter.duties import Duty, duty_of
from licet.logwriter.vault import Vault
from licet.records import Record, RecordKind, terms_of
from licet.records.record import has_one_age, spelled_at, take_apart
from licet.records.sealing import Sealing, subjects_of

_MOST_BYTES = 8 << 20
"""Of the entries that are remembered; what is kept of them takes about four times as much."""


@dataclass(frozen=True, slots=True)
class Form:
    """What such records share.

    Attributes:
        kind: What each is about.
        tallied: What each is counted under.
        stored: What each says that the release stored at an upstream.
        subjects: Whose keys seal each.
        duty: What each has the log itself do.
        words: What each is found by; empty where nothing is sealed.
        sealing: How each is sealed; None where nothing is.
    """

    kind: str
    tallied: tuple[str, ...]
    stored: Mapping[str, str]
    subjects: tuple[str, ...]
    duty: Duty | None
    words: bytes
    sealing: Sealing | None

    @classmethod
    def of(cls, record: Record, entry: bytes, vault: Vault | None) -> Self:
        """The form of one record, written as `entry`."""
        shared = record.kind.value, tuple(tallied(record)), stored_objects(record), subjects_of(record)
        if vault is None:
            return cls(*shared, None, b"", None)
        return cls(*shared, duty_of(record), words_of(record, vault), Sealing(record, entry))


class Forms:
    """Reads entries, and remembers their forms.

    Args:
        vault: Knows the words that records are found by; None where nothing is sealed.
    """

    def __init__(self, vault: Vault | None) -> None:
        self._vault = vault
        self._known: dict[tuple[bytes, bytes, bytes], Form] = {}
        self._bytes, self._state = 0, -1

    def read(self, entry: bytes) -> tuple[Form, str, str, str | None]:
        """Read an entry: its form, its id, and its instant and age as they are spelled.

        Raises:
            InputError: it is no record.
        """
        if self._vault is not None and self._vault.state != self._state:
            self._forget(self._vault.state)  # what was erased is not remembered either
        apart = take_apart(entry)
        form = None if apart is None else self._known.get(apart.shared)
        if apart is not None and form is not None:
            return form, apart.id, apart.at, apart.age
        record = Record.from_bytes(entry)
        form = Form.of(record, entry, self._vault)
        if apart is not None and has_one_age(record, entry):
            self._remember(apart.shared, form, len(entry))
        return form, record.id, spelled_at(entry), None if form.sealing is None else form.sealing.age

    def _remember(self, shared: tuple[bytes, bytes, bytes], form: Form, size: int) -> None:
        if self._bytes + size > _MOST_BYTES:
            self._forget(self._state)
        self._known[shared] = form
        self._bytes += size

    def _forget(self, state: int) -> None:
        self._known.clear()
        self._bytes, self._state = 0, state


def words_of(record: Record, vault: Vault) -> bytes:
    """What a record is found by: the keyed hashes of its words, one after the other."""
    return b"".join(map(vault.term, terms_of(record)))


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
