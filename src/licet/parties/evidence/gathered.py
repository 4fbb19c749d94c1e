"""What the shell has gathered for a verifier: whose word it is, the keys, and what was fetched."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from licet.parties.evidence.signed import PublicKey
from licet.parties.evidence_issuer import EvidenceIssuer


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer's userinfo endpoint gave for the token: a JSON object, or where `is_signed` a token of it."""

    body: bytes = field(repr=False)
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a person who was sent to the issuer must come back with.

    Attributes:
        nonce: What their ID token must hold.
        access_token: That came with it, by which the claims were asked for.
    """

    nonce: str
    access_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All of it, for one piece of evidence.

    Attributes:
        issuer: As it is enrolled.
        keys: Of the issuer, by their names: those that its tokens here name.
        answer: What was asked for with the token; None where it was not needed.
        signed_in: Where the evidence is the ID token of a sign-in from here; None where
            it is an access token that a caller has brought.
        url: Where the caller has presented it, for a proof of possession; None if unknown.
    """

    issuer: EvidenceIssuer
    keys: Mapping[str, PublicKey]
    answer: Answer | None = None
    signed_in: SignedIn | None = None
    url: str | None = None
