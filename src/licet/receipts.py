"""Check a receipt of a transparency log, with nothing but this file and `cryptography`.

    python receipts.py RECEIPT --policy FILE [--entry FILE] [--json]

A receipt leads from an entry of a log, by hashes, to the root of a checkpoint that
the log and its witnesses have signed; the trust file says whose signatures, and
how many. No server is asked, and no other part of licet is used.

Source: C2SP tlog-proof, tlog-checkpoint, tlog-cosignature, tlog-policy, signed-note; RFC 6962 section 2.1.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

HASH_BYTES, ID_BYTES, MAX_LEVELS = 32, 4, 63
# Kinds of keys: a log's plain signature, a witness's dated one, and the dated one that both may make.
ED25519, COSIGNATURE, MLDSA44 = 0x01, 0x04, 0x06
KINDS = {ED25519: "Ed25519", COSIGNATURE: "Ed25519 cosignature", MLDSA44: "ML-DSA-44"}
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
# Begins the extra data of our receipts: then the SHA-256 of all lines below it, then the entry.
OWN_EXTRA = b"licet-receipt/v1\n"
DASH, _TIME_BYTES = "\u2014", 8
_MAX_SIGNATURES, _MAX_TIME, _ED25519_BYTES, _MLDSA44_BYTES = 64, (1 << 63) - 1, 32, 1312
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class ReceiptError(Exception):
    """What cannot be read or believed; `code` is `malformed` or `refused`, the message says why."""

    def __init__(self, message: str, code: str = "refused") -> None:
        super().__init__(message)
        self.code = code


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry. Source: RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two halves of a tree. Source: RFC 6962 section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes) -> None:
    """Check that the leaf stands at this index of this tree. Source: RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        raise ReceiptError(f"expected an index below the tree's size `{size}`, found `{index}`")
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ReceiptError("the proof has more hashes than the tree has levels")
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise ReceiptError(f"the entry at index `{index}` and the proof do not lead to the checkpoint's root")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key, and the name it signs under."""

    name: str
    kind: int
    public: bytes
    url: str | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+id+key`."""
        name, _, rest = text.partition("+")
        identity, _, encoded = rest.partition("+")
        material = decode64(encoded, f"the key of `{name}`")
        if not is_name(name) or not material or material[0] not in KINDS:
            _malformed(f"expected a key as `name+id+key` of a known kind, found `{text[:80]}`")
        key = cls(name, material[0], material[1:])
        if len(key.public) != (_MLDSA44_BYTES if key.kind == MLDSA44 else _ED25519_BYTES) or identity != key.id.hex():
            _malformed(f"the key of `{name}` does not have the length or the id that it must have")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key. Source: C2SP signed-note, "Signatures"."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:ID_BYTES]

    def verify(self, signature: bytes, checkpoint: "Checkpoint") -> int | None:
        """Check a signature and give back its time in seconds; None where the kind has none."""
        dated = self.kind != ED25519
        time = int.from_bytes(signature[:_TIME_BYTES]) if dated else None
        key = MLDSA44PublicKey if self.kind == MLDSA44 else Ed25519PublicKey
        if time is not None and time > _MAX_TIME:
            raise ReceiptError(f"the signature of `{self.name}` has a time that is none")
        try:
            message = signed_message(self, checkpoint, time or 0)
            key.from_public_bytes(self.public).verify(signature[_TIME_BYTES * dated :], message)
        except (InvalidSignature, ValueError) as err:
            raise ReceiptError(f"the {KINDS[self.kind]} signature of `{self.name}` does not verify") from err
        return time


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's size and root hash, as text that can be signed."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):  # noqa: PLR2004  # three lines and what follows the last
            _malformed("expected a checkpoint's lines: origin, size, root hash")
        size = decimal(lines[1], "the checkpoint's size")
        return cls(lines[0], size, decode64(lines[2], "the checkpoint's root", HASH_BYTES), tuple(lines[3:]))


def signed_message(key: VerifierKey, checkpoint: Checkpoint, time: int) -> bytes:
    """What a key of this kind signs. Source: C2SP signed-note, "Ed25519 signatures", and tlog-cosignature."""
    if key.kind == ED25519:
        return checkpoint.text.encode()
    if key.kind == COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode()
    # A name of more than 255 bytes does not fit: `bytes` raises ValueError.
    cosigner, origin = (bytes([len(name)]) + name for name in (key.name.encode(), checkpoint.origin.encode()))
    numbers = bytes(8) + checkpoint.size.to_bytes(8)
    return b"subtree/v1\n\x00" + cosigner + time.to_bytes(8) + origin + numbers + checkpoint.root


class Signature(NamedTuple):
    """One signature line of a note."""

    name: str
    key_id: bytes
    value: bytes


def parse_note(content: str) -> tuple[str, tuple[Signature, ...]]:
    """Part a signed note into its text and its signatures. Source: C2SP signed-note, "Format"."""
    text, gap, below = content.rpartition("\n\n")
    if not gap or not below.endswith("\n") or _CONTROL.search(content):
        _malformed("expected a signed note: a text, an empty line, signature lines")
    lines = below[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        _malformed(f"expected at most `{_MAX_SIGNATURES}` signatures, found `{len(lines)}`")
    return text + "\n", tuple(map(parse_signature, lines))


def parse_signature(line: str) -> Signature:
    """Read one signature line."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    value = decode64(encoded, f"the signature of `{name}`")
    if dash != DASH or not is_name(name) or len(value) <= ID_BYTES:
        _malformed(f"expected a signature line, found `{line[:80]}`")
    return Signature(name, value[:ID_BYTES], value[ID_BYTES:])


@dataclass(slots=True)
class Policy:
    """A trust file: whom to believe, and which witnesses together are enough. Source: C2SP tlog-policy."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = ""

    @classmethod
    def parse(cls, content: bytes) -> "Policy":
        """Read a trust file, or raise ReceiptError with the line that is wrong."""
        policy = cls()
        for number, line in enumerate(content.decode(errors="surrogateescape").split("\n"), 1):
            words = [word for word in re.split("[ \t]+", line) if word]
            try:
                if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line):
                    _malformed("expected no control characters")
                if words and not words[0].startswith("#"):
                    policy._take(words)
            except ReceiptError as err:
                raise ReceiptError(f"line `{number}` of the trust file: {err}", "malformed") from err
        if not policy.quorum:
            _malformed("expected a `quorum` line in the trust file")
        return policy

    def is_met(self, cosigned: Iterable[str]) -> bool:
        """Whether these are enough; groups name only what stands above them, so one pass settles all."""
        met = {"none", *cosigned}
        for name, (needed, members) in self.groups.items():
            if sum(member in met for member in members) >= needed:
                met.add(name)
        return self.quorum in met

    def _take(self, words: list[str]) -> None:
        known = {*self.witnesses, *self.groups}
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self.logs.append(_trusted_key(key, url, (ED25519, MLDSA44), self.logs))
            case ["witness", name, key, *url] if len(url) <= 1 and name not in {"none", *known}:
                self.witnesses[name] = _trusted_key(key, url, (COSIGNATURE, MLDSA44), self.witnesses.values())
            case ["group", name, needed, *members] if name not in {"none", *known}:
                free = known.difference(*(taken for _, taken in self.groups.values()))
                count = {"any": 1, "all": len(members)}.get(needed) or decimal(needed, "the group's number")
                if not 1 <= count <= len(set(members)) == len(members) or not free.issuperset(members):
                    _malformed("expected members defined above, each in one group, and a number no larger than theirs")
                self.groups[name] = (count, tuple(members))
            case ["quorum", name] if not self.quorum and name in {"none", *known}:
                self.quorum = name
            case _:
                _malformed(f"expected a `log`, `witness`, `group` or the one `quorum`, found `{' '.join(words)[:80]}`")


def _trusted_key(text: str, url: list[str], kinds: tuple[int, ...], others: Iterable[VerifierKey]) -> VerifierKey:
    key = replace(VerifierKey.parse(text), url=url[0] if url else None)
    if key.kind not in kinds or key.public in {other.public for other in others}:
        _malformed(f"the key of `{key.name}` is of a kind that is wrong here, or stands here twice")
    return key


class Endorsed(NamedTuple):
    """A checkpoint that a trust file accepts: which of its log's keys and which witnesses signed, and when."""

    checkpoint: Checkpoint
    log_keys: tuple[VerifierKey, ...]
    cosigned: Mapping[str, int]


def verify_checkpoint(content: str, policy: Policy) -> Endorsed:
    """Check a checkpoint against a trust file.

    Signatures of keys that are not in it are passed over, as the format asks; one
    of a key that is in it must verify.
    """
    text, signatures = parse_note(content)
    checkpoint = Checkpoint.parse(text)
    logs = {(key.name, key.id): key for key in policy.logs if key.name == checkpoint.origin}
    if not logs:
        raise ReceiptError(f"the trust file has no log of the origin `{checkpoint.origin}`")
    witnesses = {(key.name, key.id): (name, key) for name, key in policy.witnesses.items()}
    signed: dict[bytes, VerifierKey] = {}
    cosigned: dict[str, int] = {}
    for signature in signatures:
        place = (signature.name, signature.key_id)
        if place in logs:
            logs[place].verify(signature.value, checkpoint)
            signed[signature.key_id] = logs[place]
        if place in witnesses:
            name, key = witnesses[place]
            cosigned[name] = key.verify(signature.value, checkpoint) or 0
    if not signed:
        raise ReceiptError(f"no key that the trust file has for `{checkpoint.origin}` signed the checkpoint")
    if not policy.is_met(cosigned):
        found = ", ".join(cosigned) or "none"
        raise ReceiptError(f"expected cosignatures that meet the quorum `{policy.quorum}`, found {found}")
    return Endorsed(checkpoint, tuple(signed.values()), cosigned)


@dataclass(frozen=True)
class Proof:
    """The parts of a receipt, not yet checked; `body` is all lines below the extra data."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None
    body: str


def parse_proof(content: bytes) -> Proof:
    """Read a receipt. Source: C2SP tlog-proof, "Format"."""
    above, gap, checkpoint = content.decode(errors="surrogateescape").partition("\n\n")
    header, *lines = above.split("\n")
    if header != PROOF_HEADER or not gap:
        _malformed(f"expected a receipt that begins with `{PROOF_HEADER}`")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode64(lines.pop(0).removeprefix("extra "), "the extra data")
    if not lines or not lines[0].startswith("index ") or len(lines) > MAX_LEVELS + 1:
        _malformed("expected an `index` line and at most `63` hashes")
    index = decimal(lines[0].removeprefix("index "), "the index")
    hashes = tuple(decode64(line, "the proof", HASH_BYTES) for line in lines[1:])
    return Proof(index, hashes, checkpoint, extra, "\n".join(lines) + gap + checkpoint)


@dataclass(frozen=True)
class Verified:
    """What a receipt has shown."""

    entry: bytes
    index: int
    endorsed: Endorsed

    def as_value(self) -> dict[str, object]:
        """The same as JSON values."""
        (checkpoint, keys, cosigned), entry = self.endorsed, self.entry.decode(errors="replace")
        found = {"origin": checkpoint.origin, "index": self.index, "size": checkpoint.size}
        signed = {"signed_by": [f"{key.name}+{key.id.hex()}" for key in keys], "cosigned_by": dict(cosigned)}
        return {"verified": True, **found, "root": checkpoint.root.hex(), **signed, "entry": entry}


def verify_receipt(receipt: bytes, policy: Policy, entry: bytes | None = None) -> Verified:
    """Check a receipt against a trust file.

    `entry` is for receipts that do not bring theirs along, as licet's do.
    """
    proof = parse_proof(receipt)
    extra = proof.extra or b""
    own, content = extra.startswith(OWN_EXTRA), extra[len(OWN_EXTRA) :]
    digest, brought = content[:HASH_BYTES], content[HASH_BYTES:]
    if own and entry not in {None, brought}:
        raise ReceiptError("the entry given is not the one in the receipt")
    shown = brought if own else entry
    if shown is None:
        raise ReceiptError("the receipt does not bring its entry along: give the entry's bytes")
    endorsed = verify_checkpoint(proof.checkpoint, policy)
    verify_inclusion(leaf_hash(shown), proof.index, endorsed.checkpoint.size, proof.hashes, endorsed.checkpoint.root)
    # Last, so that whatever a signature covers is named by its own check. It finds a
    # change in what no key of this trust file covers, and proves nothing by itself.
    if own and hashlib.sha256(proof.body.encode()).digest() != digest:
        raise ReceiptError("the receipt is not as it was given: its lines do not have the digest in its extra data")
    return Verified(shown, proof.index, endorsed)


def is_name(name: str) -> bool:
    """Whether a key can have this name. Source: C2SP signed-note, "Format"."""
    return name.strip() != "" and not any(c == "+" or c < " " or c.isspace() or "\ud800" <= c <= "\udfff" for c in name)


def decimal(text: str, what: str) -> int:
    """Read a number that has one spelling."""
    if not _DECIMAL.fullmatch(text):
        _malformed(f"expected a decimal number for {what}, found `{text[:40]}`")
    return int(text)


def decode64(text: str, what: str, length: int | None = None) -> bytes:
    """Read base64 in its one spelling: decoders that are lenient would pass altered bits."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if base64.b64encode(value).decode() != text or len(value) != (len(value) if length is None else length):
        _malformed(f"expected base64 for {what}, found `{text[:48]}`")
    return value


def _malformed(message: str) -> NoReturn:
    raise ReceiptError(message, "malformed")


def main() -> int:
    """Check one receipt: 0 verified, 1 refused, 2 not read."""
    parser = argparse.ArgumentParser(description="Check a receipt of a transparency log, offline.")
    parser.add_argument("receipt", type=Path)
    parser.add_argument("--policy", type=Path, required=True, help="the trust file (C2SP tlog-policy)")
    parser.add_argument("--entry", type=Path, help="the entry's bytes, if the receipt does not bring them along")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        entry = None if options.entry is None else options.entry.read_bytes()
        policy = Policy.parse(options.policy.read_bytes())
        value = verify_receipt(options.receipt.read_bytes(), policy, entry).as_value()
    except OSError as err:
        sys.stderr.write(f"{err}\n")
        return 2
    except ReceiptError as err:
        value = {"verified": False, "why": str(err)}
    sys.stdout.write(json.dumps(value, indent=None if options.json else 2) + "\n")
    return 0 if value["verified"] else 1


if __name__ == "__main__":
    sys.exit(main())
