"""Keys, signatures and checkpoints: what `licet.receipts` reads and checks, written.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from licet import receipts
from licet.errors import InputError, TrustError
from licet.receipts import DASH, ED25519, MLDSA44, OWN_EXTRA, PROOF_HEADER, Checkpoint, Policy, Signature, VerifierKey

SEED_BYTES = 32
TIME_BYTES = 8
"""How many bytes of a dated signature are its time; they stand first."""

_PRIVATE = "PRIVATE+KEY+"

_Secret: TypeAlias = Ed25519PrivateKey | MLDSA44PrivateKey


@contextmanager
def ours() -> Iterator[None]:
    """Turn what `licet.receipts` raises into our family.

    Raises:
        InputError: something could not be read.
        TrustError: something is not to be believed.
    """
    try:
        yield
    except receipts.ReceiptError as err:
        kind = InputError if err.code == "malformed" else TrustError
        raise kind(str(err), code=f"receipt_{err.code}") from err


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, made from a seed, with the name it signs under.

    Attributes:
        verifier: The public key.
    """

    name: str
    kind: int
    verifier: VerifierKey
    _secret: _Secret
    _seed: bytes

    @classmethod
    def make(cls, name: str, kind: int, seed: bytes) -> Self:
        """Derive the key.

        Raises:
            InputError: the name or the seed cannot be one.
        """
        if not receipts.is_name(name) or kind not in receipts.KINDS or len(seed) != SEED_BYTES:
            raise InputError(f"expected a name without spaces or plus and `{SEED_BYTES}` bytes, found `{name}`")
        maker = MLDSA44PrivateKey.from_seed_bytes if kind == MLDSA44 else Ed25519PrivateKey.from_private_bytes
        secret = maker(seed)
        return cls(name, kind, VerifierKey(name, kind, secret.public_key().public_bytes_raw()), secret, seed)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a private key as `spell_secret` writes it.

        Raises:
            InputError: it is none; the message does not quote it.
        """
        name, _, rest = text.removeprefix(_PRIVATE).partition("+")
        identity, _, encoded = rest.partition("+")
        try:
            material = base64.b64decode(encoded, validate=True)
            key = cls.make(name, material[0], material[1:])
        except (ValueError, IndexError, InputError):
            raise InputError("expected a private key as `PRIVATE+KEY+name+id+key`") from None  # it could be quoted
        if not text.startswith(_PRIVATE) or key.verifier.id.hex() != identity:
            raise InputError(f"the private key of `{name}` does not have the id that it must have")
        return key

    def spell_secret(self) -> str:
        """Write the key; whoever reads it can sign."""
        encoded = base64.b64encode(bytes([self.kind]) + self._seed).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{encoded}"

    def sign(self, checkpoint: Checkpoint, time_s: int) -> Signature:
        """Sign a checkpoint.

        Args:
            checkpoint: What is signed.
            time_s: Seconds since 1970; it stands in the signature of kinds that are dated.
        """
        value = self._secret.sign(receipts.signed_message(self.verifier, checkpoint, time_s))
        dated = b"" if self.kind == ED25519 else time_s.to_bytes(TIME_BYTES)
        return Signature(self.name, self.verifier.id, dated + value)


def spell_key(key: VerifierKey) -> str:
    """Write a public key as `name+id+key`."""
    return f"{key.name}+{key.id.hex()}+{base64.b64encode(bytes([key.kind]) + key.public).decode()}"


def spell_signature(signature: Signature) -> str:
    """Write a signature line."""
    return f"{DASH} {signature.name} {base64.b64encode(signature.key_id + signature.value).decode()}\n"


def spell_note(text: str, signatures: Iterable[Signature]) -> str:
    """Write a signed note."""
    return f"{text}\n{''.join(map(spell_signature, signatures))}"


def sign_checkpoint(checkpoint: Checkpoint, keys: Iterable[SigningKey], time_s: int) -> str:
    """Sign a checkpoint with every key, and write the note."""
    return spell_note(checkpoint.text, [key.sign(checkpoint, time_s) for key in keys])


def spell_policy(logs: Iterable[VerifierKey]) -> str:
    """Write a trust file for these keys of logs, without witnesses."""
    return "".join(f"log {spell_key(key)}\n" for key in logs) + "quorum none\n"


def read_policy(content: bytes) -> Policy:
    """Read a trust file.

    Raises:
        InputError: it is none.
    """
    with ours():
        return Policy.parse(content)


def read_checkpoint(content: str) -> Checkpoint:
    """Read a signed checkpoint without checking who signed it.

    Raises:
        InputError: it is none.
    """
    with ours():
        return Checkpoint.parse(receipts.parse_note(content)[0])


def spell_receipt(entry: bytes, index: int, proof: Sequence[bytes], checkpoint: str) -> str:
    """Write a receipt that brings its entry along."""
    hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
    body = f"index {index}\n{hashes}\n{checkpoint}"
    extra = OWN_EXTRA + hashlib.sha256(body.encode()).digest() + entry
    return f"{PROOF_HEADER}\nextra {base64.b64encode(extra).decode()}\n{body}"
