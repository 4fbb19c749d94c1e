"""A standing token: what is established of somebody, for another door, for some minutes, bound to a key of theirs.

It holds predicates and nothing else: no country, no evidence, no issuer of evidence,
and a name of the person that no two doors have in common.

Source: RFC 7519; RFC 7800, section 3 and RFC 9449, section 6.1 for `cnf.jkt`; OpenID
Connect Core 1.0, section 8.1 for pairwise names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.sign import sign_members
from licet.parties.evidence.token import read_token, verify_signature
from licet.parties.party import AttestedStatus
from licet.parties.peppers import keyed_digest
from licet.parties.standing import Assurance, Standing
from licet.parties.status import PersonStatus
from licet.terms import PartyId, require_aware

STANDING_TYPE = "licet-standing+jwt"
STANDING_LIFETIME = timedelta(minutes=15)
"""The longest; a door that is to learn of a change sooner asks for less, down to five minutes."""
SHORTEST_LIFETIME = timedelta(minutes=5)
_AHEAD = timedelta(seconds=60)
_DOMAIN = b"licet standing subject v1\x00"
_DIGITS = 40
_CLAIMS = frozenset({"iss", "aud", "iat", "exp", "jti", "sub", "cnf", "status", "assurance"})
_TEXT = re.compile(r"[\x21-\x7e]{1,256}")
_MARK = re.compile(r"[A-Za-z0-9_-]{43}")
_LATEST_S = 253_402_300_800
_STATUSES = {
    PersonStatus.NOT_FOREIGN: AttestedStatus.NOT_FOREIGN_PERSON,
    PersonStatus.FOREIGN: AttestedStatus.FOREIGN_PERSON,
}


@dataclass(frozen=True, slots=True)
class StandingToken:
    """What one door learns of one person.

    Attributes:
        issuer: The gateway's name.
        audience: The door's.
        subject: The person's pairwise pseudonym; see `pairwise`.
        key: The thumbprint of the key that has to be proved with it (RFC 7638).
        assurance: The least of the evidence that it rests on.
    """

    issuer: str
    audience: str
    subject: str
    key: str
    status: AttestedStatus
    assurance: Assurance
    number: str
    issued_at: datetime
    expires_at: datetime


def pairwise(pepper: bytes, party: PartyId, audience: str) -> str:
    """A person's name for one door: nobody without the pepper can tell that two are one person."""
    return keyed_digest(pepper, _DOMAIN + audience.encode() + b"\x00" + party.encode(), _DIGITS)


def shown_status(status: PersonStatus, usable: Iterable[Standing]) -> tuple[AttestedStatus, Assurance] | None:
    """What may be told of somebody, and how sure it is; None where nothing is established."""
    told, levels = _STATUSES.get(status), [standing.assurance for standing in usable]
    return None if told is None or not levels else (told, min(levels))


def sign_standing(token: StandingToken, private_jwk: Mapping[str, str], key_id: str) -> bytes:
    """Write and sign a token; instants are cut to whole seconds.

    Raises:
        InputError: the key cannot sign.
    """
    members = {
        "iss": token.issuer,
        "aud": token.audience,
        "iat": int(token.issued_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
        "jti": token.number,
        "sub": token.subject,
        "cnf": {"jkt": token.key},
        "status": token.status.value,
        "assurance": token.assurance.name.lower(),
    }
    return sign_members(members, STANDING_TYPE, private_jwk, key_id)


def verify_standing(
    text: bytes, keys: Mapping[str, Mapping[str, str]], *, issuer: str, audience: str, key: str, now: datetime
) -> StandingToken:
    """Believe a token, or say why not: what a door does.

    Args:
        text: The token.
        keys: The gateway's public keys by their `kid`, as `/licet/jwks` lists them.
        issuer: The gateway's name.
        audience: This door's own.
        key: The thumbprint of the key that the caller has just proved to hold; see `verify_proof`.
        now: The instant, with a UTC offset.

    Raises:
        EvidenceError: with the code of the check that failed.
        NaiveInstantError: `now` has no UTC offset.
    """
    require_aware(now)
    token = read_token(text, STANDING_TYPE)
    jwk = keys.get(token.key_id)
    if jwk is None:
        raise refused(Refusal.UNKNOWN_KEY, "expected a key of the gateway")
    found = _read(verify_signature(token, jwk))
    require(found.issuer == issuer, Refusal.UNKNOWN_ISSUER, f"expected the issuer `{issuer}`")
    require(found.audience == audience, Refusal.WRONG_AUDIENCE, f"expected the audience `{audience}`")
    require(found.key == key, Refusal.WRONG_SUBJECT, "expected the key that the token is bound to")
    require(found.issued_at < found.expires_at, Refusal.CONTRADICTORY, "expected `exp` after `iat`")
    lifetime = found.expires_at - found.issued_at
    require(lifetime <= STANDING_LIFETIME, Refusal.LIFETIME_TOO_LONG, "expected a lifetime of at most 15 minutes")
    require(found.issued_at - now <= _AHEAD, Refusal.ISSUED_IN_FUTURE, "it was issued in the future")
    require(now < found.expires_at, Refusal.EXPIRED, "it has expired")
    return found


def _read(claims: Mapping[str, Any]) -> StandingToken:
    require(claims.keys() >= _CLAIMS, Refusal.CLAIM_MISSING, f"expected the claims {', '.join(sorted(_CLAIMS))}")
    require(claims.keys() <= _CLAIMS, Refusal.CLAIM_UNKNOWN, f"expected no claims but {', '.join(sorted(_CLAIMS))}")
    texts = all(
        isinstance(claims[name], str) and _TEXT.fullmatch(claims[name]) for name in ("iss", "aud", "jti", "sub")
    )
    times = all(type(claims[name]) is int and 0 <= claims[name] < _LATEST_S for name in ("iat", "exp"))
    bound = claims["cnf"]
    marked = isinstance(bound, dict) and bound.keys() == {"jkt"} and isinstance(bound["jkt"], str)
    well_formed = texts and times and marked and _MARK.fullmatch(bound["jkt"])
    require(well_formed, Refusal.CLAIM_MALFORMED, "a claim is not of the form it must have")
    try:
        status, assurance = AttestedStatus(claims["status"]), Assurance[str(claims["assurance"]).upper()]
    except (ValueError, KeyError, TypeError) as err:
        raise refused(Refusal.CLAIM_MALFORMED, "a claim is not of the form it must have") from err
    return StandingToken(
        claims["iss"],
        claims["aud"],
        claims["sub"],
        bound["jkt"],
        status,
        assurance,
        claims["jti"],
        datetime.fromtimestamp(claims["iat"], UTC),
        datetime.fromtimestamp(claims["exp"], UTC),
    )
