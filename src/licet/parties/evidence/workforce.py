"""A whole workforce in one signed file: JSON lines in a JWS, each line an attestation of one person.

The first line says what holds for all: who attests, to whom, until when the file may be
handed in, and the members that the other lines leave out. The file is believed whole
or not at all.

Source: RFC 7515, section 3.1 (compact form); each line becomes the claims of one
attestation and is read as strictly as one that comes alone.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import import_key
from joserfc.jws import deserialize_compact, serialize_compact

from licet.errors import EvidenceError, InputError
from licet.parties.evidence.attestation import CLOCK_AHEAD, check_limits, check_status, signer, standing_of
from licet.parties.evidence.claims import read_claims
from licet.parties.evidence.contract import Spent
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.token import StrictRegistry, algorithm_of, decode_part, read_object
from licet.parties.party import Organization
from licet.parties.peppers import keyed_digest
from licet.parties.standing import Standing
from licet.terms import OrganizationId, PartyId, require_aware

WORKFORCE_TYPE = "licet-workforce+jws"
WORKFORCE_LIFETIME = timedelta(days=7)
"""For how long a file may be handed in at most; what it attests holds on."""
MOST_LINES = 200_000
MAX_WORKFORCE_BYTES = 64_000_000

_FOR_ALL = frozenset({"iss", "aud", "iat", "exp", "jti", "statement_version", "signatory"})
_DEFAULTS = frozenset({"status", "relation", "checked_at", "method", "valid_until"})
_OF_LINE = _DEFAULTS | {"sub", "nationalities", "permanent_residencies"}
_HEADER = frozenset({"alg", "typ", "kid"})
_PARTS, _TOLD = 3, 10
_DIGEST_DOMAIN = b"licet workforce digest v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkforceContext:
    """All that the verifier of a file may rely on; see `Context`.

    Attributes:
        batch: With what the ids of the standings begin.
        watch: Is told how many lines are read.
    """

    now: datetime
    audience: str
    anchors: Mapping[OrganizationId, Organization]
    is_spent: Callable[[OrganizationId, str], bool]
    max_age_days: int
    batch: str
    pepper: bytes
    watch: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Workforce:
    """What a file establishes.

    Attributes:
        key: With which of the organization's keys it was signed.
        digest: SHA-256 of the file.
        whole: Whether the organization vouches for nobody else.
    """

    issuer: OrganizationId
    key: str
    digest: str
    whole: bool
    spent: Spent
    standings: tuple[Standing, ...]


def verify_workforce(payload: bytes, context: WorkforceContext) -> Workforce:
    """Believe a file, or say why not.

    Raises:
        EvidenceError: with one of the codes of `refusals`; where lines are wrong, the
            code of the first, and a message that names the first ten.
        NaiveInstantError: `context.now` has no UTC offset.
    """
    require_aware(context.now)
    lines, key_id, algorithm = _take_apart(payload)
    head = read_object(lines[0])
    organization, jwk = signer(head.get("iss"), key_id, context.anchors)
    _verify(payload, algorithm, jwk)
    common = _common(head)
    spent = _check_delivery(common, organization, context)
    _require_count(head, len(lines) - 1)
    standings = _Reading(common, organization, key_id, context).read(lines[1:])
    digest = hashlib.sha256(payload).hexdigest()
    return Workforce(organization.id, key_id, digest, head.get("whole") is True, spent, standings)


def sign_workforce(
    head: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], private_jwk: Mapping[str, str], key_id: str
) -> bytes:
    """Write and sign a file.

    Args:
        head: What holds for all lines; `lines` is added.
        lines: One object for each person: `sub`, and what is not as `head` says.
        private_jwk: The organization's private key, Ed25519 or P-256.
        key_id: The name under which its public half is enrolled.

    Raises:
        InputError: the key cannot sign, or there are too many lines or none.
    """
    written = [msgspec.json.encode(line, order="sorted") for line in lines]
    if not 0 < len(written) <= MOST_LINES:
        raise InputError(f"expected 1 to {MOST_LINES:,} people, found {len(written):,}")
    whole = b"\n".join((msgspec.json.encode({**head, "lines": len(written)}, order="sorted"), *written))
    header = {"alg": algorithm_of(private_jwk), "typ": WORKFORCE_TYPE, "kid": key_id}
    try:
        return serialize_compact(header, whole, import_key(dict(private_jwk)), registry=_Registry()).encode()
    except (JoseError, ValueError) as err:
        raise InputError(f"expected a private key in JWK form, found one that cannot sign: {err}") from err


class _Registry(StrictRegistry):
    """The same two algorithms over a payload that may be long."""

    max_payload_length = MAX_WORKFORCE_BYTES
    max_header_length = 1024
    max_signature_length = 1024


def _take_apart(payload: bytes) -> tuple[list[bytes], str, str]:
    """The lines, the key's name and the algorithm; nothing is verified."""
    require(len(payload) <= MAX_WORKFORCE_BYTES, Refusal.TOO_LARGE, f"expected at most {MAX_WORKFORCE_BYTES:,} bytes")
    parts = payload.split(b".")
    require(len(parts) == _PARTS, Refusal.MALFORMED, "expected three parts joined by dots")
    header = read_object(decode_part(parts[0]))
    decode_part(parts[2])
    is_plain = header.keys() == _HEADER and all(isinstance(member, str) for member in header.values())
    require(is_plain, Refusal.HEADER_REFUSED, "expected a header of exactly `alg`, `typ` and `kid`")
    require(header["typ"] == WORKFORCE_TYPE, Refusal.WRONG_TYPE, f"expected the type `{WORKFORCE_TYPE}`")
    lines = decode_part(parts[1]).removesuffix(b"\n").split(b"\n")
    require(len(lines) <= MOST_LINES + 1, Refusal.TOO_LARGE, f"expected at most {MOST_LINES:,} people")
    return lines, header["kid"], header["alg"]


def _verify(payload: bytes, algorithm: str, jwk: Mapping[str, str]) -> None:
    try:
        agreed = algorithm_of(jwk)
    except InputError as err:
        raise refused(Refusal.ALGORITHM_REFUSED, "expected an enrolled key of a kind in use here") from err
    require(algorithm == agreed, Refusal.ALGORITHM_REFUSED, "expected the algorithm of the enrolled key")
    try:
        deserialize_compact(payload, import_key(dict(jwk)), registry=_Registry())
    except (JoseError, InputError, ValueError) as err:
        raise refused(Refusal.BAD_SIGNATURE, "the signature does not verify") from err


def _common(head: Mapping[str, Any]) -> dict[str, Any]:
    """The members that each line has unless it says otherwise."""
    known = {"lines", "whole"} | _FOR_ALL | _DEFAULTS
    unknown = {name for name in head if not name.startswith("x_")} - known
    require(not unknown, Refusal.CLAIM_UNKNOWN, "the first line has a member that is not known")
    for name in sorted(_FOR_ALL):
        require(name in head, Refusal.CLAIM_MISSING, f"expected `{name}` in the first line")
    require(isinstance(head.get("whole", False), bool), Refusal.CLAIM_MALFORMED, "expected `whole` to be true or false")
    return {name: head[name] for name in _FOR_ALL | _DEFAULTS if name in head}


def _check_delivery(common: Mapping[str, Any], organization: Organization, context: WorkforceContext) -> Spent:
    """Meant for this gateway, in time, and not handed in before."""
    # Read as an attestation of one, of whom nothing is said that matters here.
    one = {"sub": "somebody", "status": "foreign_person", "relation": "employee", "method": "other"}
    claims = read_claims({**one, "checked_at": "2026-01-01T00:00:00Z", **{n: common[n] for n in _FOR_ALL}})
    now = context.now
    require(claims.audience == context.audience, Refusal.WRONG_AUDIENCE, f"expected the audience `{context.audience}`")
    require(claims.issued_at - now <= CLOCK_AHEAD, Refusal.ISSUED_IN_FUTURE, "it was issued in the future")
    require(now < claims.expires_at, Refusal.EXPIRED, "it has expired")
    lifetime = claims.expires_at - claims.issued_at
    require(lifetime <= WORKFORCE_LIFETIME, Refusal.LIFETIME_TOO_LONG, "expected a lifetime of at most a week")
    require(not context.is_spent(organization.id, claims.number), Refusal.REPLAYED, "it was handed in before")
    return Spent(organization.id, claims.number, claims.expires_at)


def _require_count(head: Mapping[str, Any], found: int) -> None:
    told = head.get("lines")
    require(type(told) is int, Refusal.CLAIM_MALFORMED, "expected the number of people as `lines` in the first line")
    require(told == found, Refusal.CONTRADICTORY, f"expected {told} lines after the first, found {found}")
    require(found, Refusal.CLAIM_MISSING, "expected somebody in the file")


class _Reading:
    """The lines of one file, read one by one; what is wrong with them is told together."""

    def __init__(
        self, common: Mapping[str, Any], organization: Organization, key: str, context: WorkforceContext
    ) -> None:
        self._common = common
        self._organization = organization
        self._key = key
        self._context = context

    def read(self, lines: list[bytes]) -> tuple[Standing, ...]:
        standings, wrong, seen = [], [], set[str]()
        for number, line in enumerate(lines, 2):
            try:
                standing = self._standing(number, line)
                require(standing.subject not in seen, Refusal.CONTRADICTORY, "this person stands on a line before")
            except EvidenceError as err:
                wrong.append((number, err))
                continue
            seen.add(standing.subject)
            standings.append(standing)
            if number % 1_000 == 0:
                self._context.watch(number)
        if wrong:
            raise _refuse_lines(wrong)
        return tuple(standings)

    def _standing(self, number: int, line: bytes) -> Standing:
        members = read_object(line)
        unknown = {name for name in members if not name.startswith("x_")} - _OF_LINE
        require(not unknown, Refusal.CLAIM_UNKNOWN, "a member is not known; never write a name here")
        claims = read_claims({**self._common, **members})
        check_limits(claims, self._organization.limits)
        check_status(claims, self._organization.limits, self._context.now, self._context.max_age_days)
        digest = keyed_digest(self._context.pepper, _DIGEST_DOMAIN + claims.number.encode() + b"\x00" + line)
        named = f"{self._context.batch}-{number}", digest
        return standing_of(claims, self._organization, self._key, PartyId(claims.subject), named)


def _refuse_lines(wrong: list[tuple[int, EvidenceError]]) -> EvidenceError:
    told = "; ".join(f"line {number}: {err} ({err.code})" for number, err in wrong[:_TOLD])
    more = f"; and {len(wrong) - _TOLD:,} lines more" if len(wrong) > _TOLD else ""
    return EvidenceError(f"nothing of the file is taken: {told}{more}", code=wrong[0][1].code)
