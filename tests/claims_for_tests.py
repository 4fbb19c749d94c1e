"""Identity providers of the tests, and what they say of a person."""

import json
from dataclasses import replace
from datetime import timedelta

from callers_for_tests import AUDIENCE, ISSUER, KINDS, NOON, key_for, public, sign
from licet.parties import Accepted, Assurance, EvidenceIssuer, EvidenceKind, SignIn, StatusClaim
from licet.parties.evidence import (
    Answer,
    Context,
    Evidence,
    Gathered,
    SignedIn,
    VerifiedClaimsVerifier,
    read_public_key,
)

CLIENT = "licet-app"
NONCE = "the-nonce-of-this-sign-in"
DOOR = AUDIENCE + "/licet/evidence"
SIGN_IN = SignIn(ISSUER + "authorize", ISSUER + "token", CLIENT, AUDIENCE + "/licet/enroll/return")
PROVIDER = EvidenceIssuer(
    id="idp",
    url=ISSUER,
    jwks_url=ISSUER + "keys",
    audience=AUDIENCE,
    clients=(CLIENT,),
    algorithms=tuple(KINDS),
    accepts=(
        Accepted("nist_800_63A", "ial2"),
        Accepted("nist_800_63A", "ial3"),
        Accepted("eidas", "high"),
        Accepted("de_aml"),
    ),
    country="US",
    assurance=Assurance.SUBSTANTIAL,
    max_age_days=180,
    status=StatusClaim("us_person", not_foreign=True, foreign=False),
    userinfo_url=ISSUER + "userinfo",
    sign_in=SIGN_IN,
)
LAST_WEEK = NOON - timedelta(days=7)


def element(framework="nist_800_63A", level="ial2", time=LAST_WEEK, evidence=None, **claims):
    """One element; None leaves a member out, and a text stands for itself."""
    if time is not None and not isinstance(time, str):
        time = time.isoformat()
    every = {"trust_framework": framework, "assurance_level": level, "time": time, "evidence": evidence}
    return {"verification": {name: x for name, x in every.items() if x is not None}, "claims": claims}


NOT_FOREIGN = element(us_person=True)


def verification_keys():
    """Every key of the provider's, as it is found by its name."""
    return {f"k-{kind}": read_public_key(public(key_for(kind), alg=kind)) for kind in KINDS}


def access_token(verified=NOT_FOREIGN, *, now=NOON, algorithm="ES256", key=None, header=None, **over):
    """An access token for this gateway; None takes a claim or a header member out."""
    from callers_for_tests import claims

    members = claims(now, **{"client_id": CLIENT, "verified_claims": verified, **over})
    head = {"alg": algorithm, "typ": "at+jwt", "kid": f"k-{algorithm}", **(header or {})}
    return sign({k: v for k, v in head.items() if v is not None}, members, key or key_for(algorithm))


def id_token(*, now=NOON, algorithm="ES256", header=None, **over):
    at = int(now.timestamp())
    members = {"iss": ISSUER, "aud": CLIENT, "sub": "alice@example", "iat": at, "exp": at + 300, "nonce": NONCE, **over}
    head = {"alg": algorithm, "typ": "JWT", "kid": f"k-{algorithm}", **(header or {})}
    kept = {k: v for k, v in members.items() if v is not None}
    return sign({k: v for k, v in head.items() if v is not None}, kept, key_for(algorithm))


def gathered(issuer=PROVIDER, *, answer=None, signed_in=False, signed=False, **over):
    """What the shell would have gathered; an answer may be JSON, or bytes."""
    if answer is not None:
        answer = Answer(answer if isinstance(answer, bytes) else json.dumps(answer).encode(), signed)
    came_back = SignedIn(NONCE, b"an-access-token") if signed_in else None
    return Gathered(
        **{"issuer": issuer, "keys": verification_keys(), "url": DOOR, **over}, answer=answer, signed_in=came_back
    )


def context(found=None, **over):
    return Context(
        **{
            "now": NOON,
            "audience": "licet",
            "subject": "P1",
            "key": "K1",
            "organization": None,
            "nonce": None,
            "anchors": {},
            "is_spent": lambda _issuer, _number: False,
            "max_age_days": 365,
            "standing_id": "S1",
            "pepper": b"pepper",
            "gathered": gathered() if found is None else found,
            **over,
        }
    )


def verify(payload, found=None, **over):
    evidence = Evidence(EvidenceKind.VERIFIED_CLAIMS, payload, NOON)
    return VerifiedClaimsVerifier().verify(evidence, context(found, **over))


def without(issuer, **over):
    return replace(issuer, **over)
