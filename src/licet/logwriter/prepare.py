"""What is done with a record before its batch is written: it is read, sealed and hashed.

Nothing here touches the file, so that it can be done while another batch is being
committed. It is most of the work there is with a record.
"""

from dataclasses import dataclass
from typing import TypeAlias

from licet.errors import InputError, LicetError
from licet.logwriter.vault import Vault
from licet.records import Record, terms_of
from licet.records.sealing import SealingKey, seal, subjects_of
from licet.records.tlog import leaf_hash


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
    """

    record: Record
    entry: bytes
    written: bytes = b""
    leaf: bytes = b""
    body: bytes | None = None
    words: bytes = b""
    keys: int = -1

    def seal(self, keys: tuple[SealingKey, ...], state: int) -> None:
        """Seal it to these keys of its subjects.

        Raises:
            InputError: its leaf would be longer than an entry may be.
        """
        sealed = seal(self.record, self.entry, keys)
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
        prepared = Prepared(record, entry, words=words_of(record, vault))
        keys = vault.at_hand(subjects_of(record))
        if keys is not None:
            prepared.seal(keys, vault.state)
    except InputError as err:
        return err
    return prepared


def words_of(record: Record, vault: Vault) -> bytes:
    """What a record is found by: the keyed hashes of its words, one after the other."""
    return b"".join(map(vault.term, terms_of(record)))
