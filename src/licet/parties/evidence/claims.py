"""What an organization attests of one person, as values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from licet.errors import InputError
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.party import AttestedStatus
from licet.parties.standing import Relation
from licet.terms import ID_PATTERN, OrganizationId, is_country, parse_instant


class CheckMethod(StrEnum):
    """How the organization came to know. Papers made for another purpose are not asked for.

    Source: 8 U.S.C. 1324a(b)(5): Form I-9 serves that law alone.
    """

    DOCUMENT_REVIEW = "document_review"
    IDENTITY_PROVIDER = "identity_provider"
    VENDOR = "vendor"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationClaims:
    """One attestation.

    Attributes:
        subject: The person's party id or key id at this gateway; never a name.
        nationalities: Alpha-2 codes, for a foreign person only; at least these.
        permanent_residencies: The same.
        checked_at: When the organization last checked the status.
        statement_version: Which wording the signatory agreed to.
        signatory: The role that signed, such as `export compliance`; never a name.
        valid_until: The first instant at which the status is no longer vouched for.
    """

    issuer: OrganizationId
    audience: str
    issued_at: datetime
    expires_at: datetime
    number: str
    subject: str
    status: AttestedStatus
    relation: Relation
    checked_at: datetime
    method: CheckMethod
    statement_version: str
    signatory: str
    nonce: str | None = None
    nationalities: tuple[str, ...] = ()
    permanent_residencies: tuple[str, ...] = ()
    valid_until: datetime | None = None


_Value = TypeVar("_Value")
_Reader: TypeAlias = Callable[[Any], _Value]

_REQUIRED = frozenset(
    {"iss", "aud", "iat", "exp", "jti", "sub"}
    | {"status", "relation", "checked_at", "method", "statement_version", "signatory"}
)
_OPTIONAL = frozenset({"nonce", "nationalities", "permanent_residencies", "valid_until"})
_EXTRA_PREFIX = "x_"
_END_OF_TIME_S = 253_402_300_800  # year 10000
_ID = re.compile(ID_PATTERN)
_NONCE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_TEXT = 200


def read_claims(members: Mapping[str, Any]) -> AttestationClaims:
    """Read the claims of a token whose signature was verified.

    Raises:
        EvidenceError: claim_unknown, claim_missing, claim_malformed or contradictory.
    """
    known = {name: member for name, member in members.items() if not name.startswith(_EXTRA_PREFIX)}
    unknown = known.keys() - _REQUIRED - _OPTIONAL
    require(
        not unknown,
        Refusal.CLAIM_UNKNOWN,
        f"expected no claim besides the known ones and `x_...`, found `{len(unknown)}`",
    )
    for name in sorted(_REQUIRED):
        require(name in known, Refusal.CLAIM_MISSING, f"expected the claim `{name}`")
    claims = AttestationClaims(
        issuer=OrganizationId(_read(known, "iss", _matching(_ID))),
        audience=_read(known, "aud", _text),
        issued_at=_read(known, "iat", _numeric_date),
        expires_at=_read(known, "exp", _numeric_date),
        number=_read(known, "jti", _matching(_NONCE)),
        subject=_read(known, "sub", _matching(_ID)),
        status=_read(known, "status", AttestedStatus),
        relation=_read(known, "relation", Relation),
        checked_at=_read(known, "checked_at", _instant),
        method=_read(known, "method", CheckMethod),
        statement_version=_read(known, "statement_version", _matching(_VERSION)),
        signatory=_read(known, "signatory", _text),
        nonce=_read(known, "nonce", _matching(_NONCE)) if "nonce" in known else None,
        nationalities=_read(known, "nationalities", _countries) if "nationalities" in known else (),
        permanent_residencies=_read(known, "permanent_residencies", _countries)
        if "permanent_residencies" in known
        else (),
        valid_until=_read(known, "valid_until", _instant) if "valid_until" in known else None,
    )
    _refuse_contradictions(claims)
    return claims


def _refuse_contradictions(claims: AttestationClaims) -> None:
    countries = {*claims.nationalities, *claims.permanent_residencies}
    if claims.status is AttestedStatus.NOT_FOREIGN_PERSON:
        # Which of the six statuses makes somebody not foreign is not asked, so it is not taken either.
        require(not countries, Refusal.CONTRADICTORY, "expected no countries of a person who is not foreign")
    require("US" not in countries, Refusal.CONTRADICTORY, "expected no tie to the US that a foreign person cannot have")
    require(claims.issued_at < claims.expires_at, Refusal.CONTRADICTORY, "expected `exp` after `iat`")
    require(
        claims.valid_until is None or claims.checked_at < claims.valid_until,
        Refusal.CONTRADICTORY,
        "expected `valid_until` after `checked_at`",
    )


def _read(members: Mapping[str, Any], name: str, reader: "_Reader[_Value]") -> _Value:
    """Read one claim; its value is not repeated in the message, since it may be personal."""
    try:
        return reader(members[name])
    except (ValueError, InputError, OverflowError) as err:
        raise refused(Refusal.CLAIM_MALFORMED, f"the claim `{name}` is not of the form it must have") from err


def _matching(pattern: "re.Pattern[str]") -> "_Reader[str]":
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError
        return value

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or not value.isprintable():
        raise ValueError
    return value


def _numeric_date(value: Any) -> datetime:
    """Whole seconds since 1970 (RFC 7519, section 2); `True` is not a number here."""
    if type(value) is not int or not 0 <= value < _END_OF_TIME_S:
        raise ValueError
    return datetime.fromtimestamp(value, UTC)


def _instant(value: Any) -> datetime:
    return parse_instant(_text(value))


def _countries(value: Any) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(code, str) and is_country(code) for code in value)
    ):
        raise ValueError
    return tuple(dict.fromkeys(value))
