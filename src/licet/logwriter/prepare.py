"""What is done with a record before its batch is written: it is read, sealed and hashed.

Nothing here touches the file, so that it can be done while another batch is being
committed. It is most of the work there is with a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from licet.errors import InputError, LicetError
from licet.logwriter.vault import Vault
from licet.records import Record, terms_of
from licet.records.finding import FOUND_BY, names_another
from licet.records.sealing import SealingKey, seal, spelled_members, subjects_of
from licet.records.tlog import leaf_hash

_MOST_WORDS = 4096


@dataclass(slots=True)
class Prepared:
    """A record on its way into the log.

    Attributes:
        record: What happened.
        entry: The same, as it was submitted.
        written: What will stand in the log: its leaf, or where nothing is sealed the entry itself.
        leaf: The hash of that.
        body: The sealed body.
        words: What it will be found by.
        keys: In which state of the vault it was sealed; in any other it must be sealed again.
        spelled: The members of its body as they are spelled in the entry.
    """

    record: Record
    entry: bytes
    written: bytes = b""
    leaf: bytes = b""
    body: bytes | None = None
    words: bytes = b""
    keys: int = -1
    spelled: Mapping[str, bytes] | None = None

    def seal(self, keys: tuple[SealingKey, ...], state: int) -> None:
        """Seal it to these keys of its subjects.

        Raises:
            InputError: its leaf would be longer than an entry may be.
        """
        sealed = seal(self.record, self.entry, keys, self.spelled)
        self.written, self.body, self.keys = sealed.leaf, sealed.body, state
        self.leaf = leaf_hash(sealed.leaf)


Preparation: TypeAlias = Prepared | LicetError
"""A record that can be taken, or why it cannot."""


def prepare(entry: bytes, vault: Vault | None) -> Preparation:
    """Read an entry, and seal it if its subjects' keys are at hand; a new subject gets one within the transaction."""
    try:
        record = Record.from_bytes(entry)
        if vault is None:
            return Prepared(record, entry, entry, leaf_hash(entry))
        spelled = spelled_members(entry)
        prepared = Prepared(record, entry, words=_words(record, spelled, vault), spelled=spelled)
        keys = vault.at_hand(subjects_of(record))
        if keys is not None:
            prepared.seal(keys, vault.state)
    except InputError as err:
        return err
    return prepared


def _words(record: Record, spelled: Mapping[str, bytes], vault: Vault) -> bytes:
    """The same as `words_of`: there are far fewer combinations of what they depend on than there are records."""
    if names_another(record):
        return words_of(record, vault)
    grounds = tuple(map(spelled.get, FOUND_BY))
    words = vault.words.get(grounds)
    if words is None:
        if len(vault.words) >= _MOST_WORDS:
            vault.words.clear()
        words = vault.words[grounds] = words_of(record, vault)
    return words


def words_of(record: Record, vault: Vault) -> bytes:
    """What a record is found by: the keyed hashes of its words, one after the other."""
    return b"".join(map(vault.term, terms_of(record)))
