"""Rows of the change feed: what each kind holds, and its wire form.

The policy bundle says what the rules are; rows say who, what and which leave.
Each change has a sequence number and names the one before it, so that a reader
who missed one knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from licet.decisions.snapshot import Stop
from licet.errors import InputError
from licet.items import Item
from licet.licenses import License
from licet.parties import (
    Assurance,
    EvidenceIssuer,
    EvidenceKind,
    Genuineness,
    HolderBinding,
    IdentityVendor,
    IssuedKey,
    Organization,
    Party,
    PartyLink,
    Standing,
    TokenIssuer,
    Withdrawal,
    fact_from_value,
    fact_to_value,
)
from licet.terms import parse_instant

Row: TypeAlias = (
    Item
    | Organization
    | Party
    | IssuedKey
    | Standing
    | License
    | Stop
    | TokenIssuer
    | PartyLink
    | EvidenceIssuer
    | IdentityVendor
)


class RowKind(StrEnum):
    """The kinds of rows."""

    ITEM = "item"
    ORGANIZATION = "organization"
    PARTY = "party"
    KEY = "key"
    STANDING = "standing"
    LICENSE = "license"
    STOP = "stop"
    ISSUER = "issuer"
    LINK = "link"
    EVIDENCE_ISSUER = "evidence_issuer"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row as it now is; `body` is None where it is gone.

    `previous` is the sequence number before this one: a reader at another has a gap.
    """

    sequence: int
    previous: int
    kind: RowKind
    key: str
    body: bytes | None


_TYPES: Mapping[RowKind, type[Any]] = {
    RowKind.ITEM: Item,
    RowKind.ORGANIZATION: Organization,
    RowKind.PARTY: Party,
    RowKind.KEY: IssuedKey,
    RowKind.STANDING: Standing,
    RowKind.LICENSE: License,
    RowKind.STOP: Stop,
    RowKind.ISSUER: TokenIssuer,
    RowKind.LINK: PartyLink,
    RowKind.EVIDENCE_ISSUER: EvidenceIssuer,
    RowKind.VENDOR: IdentityVendor,
}
_KINDS = {type_: kind for kind, type_ in _TYPES.items()}


def row_key(row: Row) -> tuple[RowKind, str]:
    """The kind of a row and the key under which it is kept."""
    return _KINDS[type(row)], row.item if isinstance(row, Stop) else row.id


def encode_row(row: Row) -> bytes:
    """A row as canonical JSON."""
    value = msgspec.to_builtins(row)
    if isinstance(row, Standing):
        value["facts"] = [fact_to_value(fact) for fact in row.facts]
        for name, usual in _USUAL.items():
            if getattr(row, name) == usual:
                del value[name]
    return msgspec.json.encode(value, order="sorted")


def decode_row(kind: RowKind, body: bytes) -> Row:
    """Read a row back.

    Raises:
        InputError: the body is not a row of that kind.
    """
    read: Callable[[bytes], Row] = _read_standing if kind is RowKind.STANDING else _DECODERS[kind].decode
    try:
        return read(body)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as err:
        raise InputError(f"expected a row of the kind `{kind}`: {err}", code="bad_row") from err


_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in _TYPES.items() if kind is not RowKind.STANDING}


# There may be a million: what is as it mostly is takes no room.
_USUAL: Mapping[str, Any] = {
    field.name: field.default
    for field in fields(Standing)
    if field.default is not MISSING and field.name != "withdrawn_at"
}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _read_standing(body: bytes) -> Standing:
    value = msgspec.json.decode(body)
    return Standing(
        id=value["id"],
        subject=value["subject"],
        facts=tuple(fact_from_value(fact) for fact in value["facts"]),
        kind=EvidenceKind(value["kind"]),
        issuer=value["issuer"],
        assurance=Assurance(value["assurance"]),
        verified_at=parse_instant(value["verified_at"]),
        not_after=parse_instant(value["not_after"]),
        evidence_digest=value["evidence_digest"],
        verifier=value["verifier"],
        withdrawn_at=_instant(value["withdrawn_at"]),
        withdrawal=Withdrawal(value["withdrawal"]) if "withdrawal" in value else None,
        genuineness=Genuineness(value.get("genuineness", _USUAL["genuineness"])),
        binding=HolderBinding(value.get("binding", _USUAL["binding"])),
        identity_assurance=value.get("identity_assurance"),
        not_before=_instant(value.get("not_before")),
        recheck_at=_instant(value.get("recheck_at")),
        signing_key=value.get("signing_key"),
        keys=tuple(value.get("keys", ())),
    )
