"""What is done with a record before its batch is written: it is read, sealed and hashed.

Nothing here touches the file, so that it can be done while another batch is being
committed. It is most of the work there is with a record.
"""

from dataclasses import dataclass
from typing import TypeAlias

from licet.errors import InputError, LicetError
from licet.logwriter.forms import Form, Forms
from licet.logwriter.vault import Vault
from licet.records.sealing import KeyRing
from licet.records.tlog import leaf_hash


@dataclass(slots=True)
class Prepared:
    """A record on its way into the log.

    Attributes:
        form: What it shares with others.
        id: What it is known by.
        at: Its instant, as it is spelled.
        age: Its age, as it is spelled; None if it has none.
        entry: The record, as it was submitted.
        written: What will stand in the log: its leaf, or where nothing is sealed the entry itself.
        leaf: The hash of that.
        body: The sealed body.
        keys: In which state of the vault it was sealed; in any other it must be sealed again.
    """

    form: Form
    id: str
    at: str
    age: str | None
    entry: bytes
    written: bytes = b""
    leaf: bytes = b""
    body: bytes | None = None
    keys: int = -1

    def seal(self, keys: KeyRing, state: int) -> None:
        """Seal it to these keys of its subjects.

        Raises:
            InputError: its leaf would be longer than an entry may be.
        """
        sealing = self.form.sealing
        if sealing is not None:
            sealed = sealing.seal(self.entry, self.id, self.at, self.age, keys)
            self.written, self.body, self.keys = sealed.leaf, sealed.body, state
            self.leaf = leaf_hash(sealed.leaf)


Preparation: TypeAlias = Prepared | LicetError
"""A record that can be taken, or why it cannot."""


def prepare(entry: bytes, forms: Forms, vault: Vault | None) -> Preparation:
    """Read an entry, and seal it if its subjects' keys are at hand; a new subject gets one within the transaction."""
    try:
        prepared = Prepared(*forms.read(entry), entry)
        if vault is None:
            prepared.written, prepared.leaf = entry, leaf_hash(entry)
            return prepared
        keys = vault.at_hand(prepared.form.subjects)
        if keys is not None:
            prepared.seal(keys, vault.state)
    except InputError as err:
        return err
    return prepared
