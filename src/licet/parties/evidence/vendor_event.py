"""Verify a vendor's callback, and read of it what the vendor's mapping names.

The signature comes first, over the bytes as they came; nothing is parsed before it
holds. What an event says beside the five things that are mapped is never looked at.

Source: RFC 6901 (JSON pointers); RFC 2104; for the header with times,
https://docs.withpersona.com/docs/webhooks-best-practices and
https://docs.stripe.com/webhooks#verify-manually, which are alike.
"""

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from licet.errors import InputError
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.signed import PublicKey, require_plain_header, verify_signed
from licet.parties.evidence.token import MAX_TOKEN_BYTES, read_object, take_apart
from licet.parties.peppers import keyed_digest
from licet.parties.standing import (
    EvidenceKind,
    Fact,
    ForeignPerson,
    Genuineness,
    HolderBinding,
    NotForeignPerson,
    Standing,
    nationality_fact,
)
from licet.parties.vendor import IdentityVendor, Meaning, Scheme, vendor_name
from licet.terms import KeyId, PartyId, parse_instant, require_aware

VENDOR_VERIFIER = "vendor-event/1"
"""Name and version, kept in each standing: a changed rule is a new version."""

MAX_EVENT_BYTES = 262_144
AHEAD = timedelta(seconds=60)
"""How far a vendor's clock may be ahead."""

_DIGEST_DOMAIN = b"licet evidence digest v1\x00vendor event\x00"
_MOST_SIGNATURES = 8
_LONGEST_HEADER = 1024
_LONGEST_TEXT = 200
_HEX = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,3}")
# A token that has a meaning of its own is no event.
_OTHER_TYPES = frozenset({"at+jwt", "application/at+jwt", "dpop+jwt"})


@dataclass(frozen=True, slots=True)
class VendorEvent:
    """What is read of an event.

    `meaning` is None where it means nothing here: another status, another template.
    """

    number: str
    at: datetime
    reference: str
    meaning: Meaning | None
    facts: tuple[Fact, ...]
    digest: bytes


@dataclass(frozen=True, slots=True)
class VendorTrust:
    """By what a vendor's signature is verified: its active secrets, or its keys by their names."""

    secrets: Sequence[bytes] = ()
    keys: Mapping[str, PublicKey] | None = None


def read_event(
    body: bytes, signature: bytes | None, vendor: IdentityVendor, trust: VendorTrust, now: datetime
) -> VendorEvent:
    """Believe an event, or say why not.

    Args:
        body: As it came.
        signature: What stands in the vendor's header, if it is there.
        vendor: As it is enrolled.
        trust: Its secrets or keys.
        now: The instant, with a UTC offset.

    Raises:
        EvidenceError: with one of the codes of `refusals`.
        NaiveInstantError: `now` has no UTC offset.
    """
    require_aware(now)
    require(not vendor.suspended, Refusal.ISSUER_SUSPENDED, "the vendor is suspended")
    require(len(body) <= MAX_EVENT_BYTES, Refusal.TOO_LARGE, f"expected at most `{MAX_EVENT_BYTES}` bytes")
    members = _verified(body, signature, vendor, trust, now)
    number, reference = _text(members, vendor.event), _text(members, vendor.reference)
    at = _instant(_find(members, vendor.at))
    require(at - now <= AHEAD, Refusal.CHECK_IN_FUTURE, "the event is of the future")
    meaning = _meaning(members, vendor)
    return VendorEvent(number, at, reference, meaning, _facts(members, vendor, meaning), sha256(body).digest())


def vendor_standing(
    event: VendorEvent, vendor: IdentityVendor, subject: tuple[PartyId, KeyId], standing_id: str, pepper: bytes
) -> Standing:
    """What an event establishes, of the party and with the key that was given the reference.

    Raises:
        EvidenceError: nothing_established or check_too_old.
    """
    require(event.facts, Refusal.NOTHING_ESTABLISHED, "nothing is said of citizenship or status")
    return Standing(
        id=standing_id,
        subject=subject[0],
        facts=event.facts,
        kind=EvidenceKind.IDENTITY_VENDOR,
        issuer=vendor_name(vendor.id),
        assurance=vendor.assurance,
        verified_at=event.at,
        not_after=event.at + timedelta(days=vendor.max_age_days) + timedelta.resolution,
        evidence_digest=keyed_digest(pepper, _DIGEST_DOMAIN + event.digest),
        verifier=VENDOR_VERIFIER,
        genuineness=Genuineness.SIGNED,
        binding=HolderBinding.NAMED,
        keys=(subject[1],),
    )


def event_key(body: bytes) -> str | None:
    """The name of the key with which an event in the form of a token is signed; not verified.

    Raises:
        EvidenceError: it is no token.
    """
    found = take_apart(body)[0].get("kid")
    return found if isinstance(found, str) else None


def _verified(
    body: bytes, signature: bytes | None, vendor: IdentityVendor, trust: VendorTrust, now: datetime
) -> Mapping[str, Any]:
    if vendor.scheme is Scheme.JWS:
        return _of_token(body, vendor, trust, now)
    if signature is None or len(signature) > _LONGEST_HEADER or not signature.isascii():
        raise refused(Refusal.BAD_SIGNATURE, "expected one signature in the vendor's header")
    text = signature.decode()
    if vendor.scheme is Scheme.HMAC:
        _require_mark([text.strip().lower()], body, trust)
    else:
        signed_at = _timed(text, body, trust)
        require(signed_at - now.timestamp() <= vendor.skew_s, Refusal.ISSUED_IN_FUTURE, "it was signed in the future")
        require(now.timestamp() - signed_at <= vendor.skew_s, Refusal.ISSUED_TOO_LONG_AGO, "it was signed long ago")
    return read_object(body)


def _timed(text: str, body: bytes, trust: VendorTrust) -> int:
    """When it was signed, by the set of the header that holds; there are two while secrets rotate."""
    for group in text.split()[:_MOST_SIGNATURES]:
        pairs = [part.partition("=") for part in group.split(",")]
        times = [value for name, _, value in pairs if name == "t"]
        if len(times) == 1 and _SECONDS.fullmatch(times[0]):
            marks = [value for name, _, value in pairs if name == "v1"]
            if _holds(marks, times[0].encode() + b"." + body, trust):
                return int(times[0])
    raise refused(Refusal.BAD_SIGNATURE, "the signature does not verify")


def _require_mark(marks: list[str], signed: bytes, trust: VendorTrust) -> None:
    require(_holds(marks, signed, trust), Refusal.BAD_SIGNATURE, "the signature does not verify")


def _holds(marks: list[str], signed: bytes, trust: VendorTrust) -> bool:
    """Whether a mark is that of a secret; every one is compared, in a time that tells nothing."""
    held = False
    for secret in trust.secrets:
        expected = hmac.digest(secret, signed, "sha256").hex().encode()
        for mark in marks[:_MOST_SIGNATURES]:
            same = hmac.compare_digest(mark.encode(), expected)
            held = held or (same and _HEX.fullmatch(mark) is not None)
    return held


def _of_token(body: bytes, vendor: IdentityVendor, trust: VendorTrust, now: datetime) -> Mapping[str, Any]:
    require(len(body) <= MAX_TOKEN_BYTES, Refusal.TOO_LARGE, f"expected at most `{MAX_TOKEN_BYTES}` bytes")
    header, claims = take_apart(body)
    require_plain_header(header)
    kind, key_id = header.get("typ", "JWT"), header.get("kid")
    is_event = isinstance(kind, str) and kind.lower() not in _OTHER_TYPES and not kind.lower().startswith("licet")
    require(is_event, Refusal.WRONG_TYPE, "expected a token that is an event")
    key = (trust.keys or {}).get(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise refused(Refusal.UNKNOWN_KEY, "expected a key that the vendor has published")
    verify_signed(body, header.get("alg"), key, vendor.algorithms)
    signed_at = claims.get("iat")
    if type(signed_at) is not int or not 0 <= signed_at < 1 << 40:
        raise refused(Refusal.CLAIM_MALFORMED, "expected whole seconds in `iat`")
    require(signed_at - now.timestamp() <= vendor.skew_s, Refusal.ISSUED_IN_FUTURE, "it was signed in the future")
    require(now.timestamp() - signed_at <= vendor.skew_s, Refusal.ISSUED_TOO_LONG_AGO, "it was signed long ago")
    return claims


def _meaning(members: Mapping[str, Any], vendor: IdentityVendor) -> Meaning | None:
    if any(_find(members, place) != wanted for place, wanted in vendor.conditions):
        return None
    status = _find(members, vendor.status)
    return dict(vendor.meanings).get(status) if isinstance(status, str) else None


def _facts(members: Mapping[str, Any], vendor: IdentityVendor, meaning: Meaning | None) -> tuple[Fact, ...]:
    if meaning is None or meaning is Meaning.WITHDRAWN:
        return ()
    return tuple(dict.fromkeys(_stated(members, vendor, meaning)))


def _stated(members: Mapping[str, Any], vendor: IdentityVendor, meaning: Meaning) -> Iterator[Fact]:
    if meaning is Meaning.NOT_FOREIGN_PERSON:
        yield NotForeignPerson()
    elif meaning is Meaning.FOREIGN_PERSON:
        yield ForeignPerson()
    if vendor.nationality is not None:
        found = _find(members, vendor.nationality)
        for code in found if isinstance(found, list) else [found]:
            if isinstance(code, str) and code:
                yield nationality_fact(code)


def _find(members: Mapping[str, Any], pointer: str) -> Any:
    """What stands at a pointer; None where nothing does."""
    found: Any = members
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and _INDEX.fullmatch(name) and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _text(members: Mapping[str, Any], pointer: str) -> str:
    found = _find(members, pointer)
    well_formed = isinstance(found, str) and 0 < len(found) <= _LONGEST_TEXT and found.isprintable()
    require(well_formed, Refusal.CLAIM_MALFORMED, f"expected a text at `{pointer}`")
    return str(found)


def _instant(value: object) -> datetime:
    """An instant of RFC 3339, or seconds since 1970."""
    try:
        if isinstance(value, str) and value.isascii():
            return parse_instant(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (InputError, OverflowError, ValueError, OSError) as err:
        raise refused(Refusal.CLAIM_MALFORMED, "expected when the event was") from err
    raise refused(Refusal.CLAIM_MALFORMED, "expected when the event was")
