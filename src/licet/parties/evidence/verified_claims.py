"""Verify what an identity provider says of a person: `verified_claims` in an access token, or asked for with it.

The token is believed first; what was fetched with it counts only if it is about the same
subject. Of the claims only those inside `verified_claims.claims` count, and only of an
element that was verified under a framework, at a level and at a time that the issuer's
enrollment accepts. `refusals` lists the codes.

Source: OpenID Connect for Identity Assurance 1.0; the `verified_claims` of OpenID
Identity Assurance Schema Definition 1.0; RFC 9068, section 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from licet.parties.evidence.access import read_access_token, read_instant, verify_access_token
from licet.parties.evidence.contract import Context, Evidence, Spent, Verified
from licet.parties.evidence.elements import Established, establish, read_elements
from licet.parties.evidence.gathered import Answer, Gathered
from licet.parties.evidence.id_token import read_answer, verify_id_token
from licet.parties.evidence.possession import verify_proof
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.signed import PublicKey
from licet.parties.evidence.token import take_apart
from licet.parties.evidence_issuer import EvidenceIssuer, evidence_issuer_name
from licet.parties.peppers import keyed_digest
from licet.parties.standing import EvidenceKind, Standing
from licet.terms import FOREVER, require_aware

CLAIMS_VERIFIER = "verified-claims/1"
"""Name and version, kept in each standing: a changed rule is a new version."""

_DIGEST_DOMAIN = b"licet evidence digest v1\x00verified claims\x00"


@dataclass(frozen=True, slots=True)
class _Believed:
    """A token that was verified: its subject, its claims, and what of it may not be taken again."""

    subject: str
    client: str
    claims: dict[str, Any]
    issued_at: datetime
    expires_at: datetime
    number: str


class VerifiedClaimsVerifier:
    """The `Verifier` of `verified_claims`: of an access token that a caller brings, or of a sign-in from here."""

    def verify(self, evidence: Evidence, context: Context) -> Verified:
        """Believe the claims, or say why not.

        Raises:
            EvidenceError: with one of the codes of `refusals`.
            NaiveInstantError: `context.now` has no UTC offset.
        """
        require_aware(context.now)
        require(evidence.kind is EvidenceKind.VERIFIED_CLAIMS, Refusal.EVIDENCE_KIND, "expected verified claims")
        gathered = context.gathered
        if gathered is None:
            raise refused(Refusal.UNKNOWN_ISSUER, "expected an issuer whose word is believed here")
        require(not gathered.issuer.suspended, Refusal.ISSUER_SUSPENDED, "the issuer is suspended")
        believe = _believe_brought if gathered.signed_in is None else _believe_signed_in
        token = believe(evidence, gathered, context)
        issuer = evidence_issuer_name(gathered.issuer.id)
        require(not context.is_spent(issuer, token.number), Refusal.REPLAYED, "it was presented before")
        found = establish(read_elements(_members(token, gathered, context)), gathered.issuer, token.issued_at, context)
        standing = _standing(found, gathered, evidence, context)
        return Verified(standing, Spent(issuer, token.number, token.expires_at))


def issuer_of(payload: bytes) -> tuple[str, str]:
    """The issuer and the key that a presented token names, so that the shell can find both; neither is verified.

    Raises:
        EvidenceError: the token's form is wrong.
    """
    token = read_access_token(_parted(payload)[0])
    return token.issuer, token.key_id


def answer_is_wanted(payload: bytes, gathered: Gathered, now: datetime) -> bytes | None:
    """The token with which the issuer is to be asked for claims; None where it holds them itself.

    It is verified first: only an issuer's own token has anything fetched.

    Raises:
        EvidenceError: it must not be believed.
    """
    text, proof = _parted(payload)
    token = read_access_token(text)
    verify_access_token(token, gathered.issuer, _key(gathered, token.key_id), now)
    # A token that is bound to the caller's key is of no use to anybody else, us included.
    if "verified_claims" in token.claims or gathered.issuer.userinfo_url is None or proof or "cnf" in token.claims:
        return None
    return text


def answer_key(answer: Answer) -> str | None:
    """The name of the key with which an answer is signed; None where it is not.

    Raises:
        EvidenceError: it says that it is signed, and is no token.
    """
    if not answer.is_signed:
        return None
    key_id = take_apart(answer.body)[0].get("kid")
    return key_id if isinstance(key_id, str) else None


def _parted(payload: bytes) -> tuple[bytes, bytes | None]:
    """A token, and after one space the proof of possession that comes with it."""
    token, space, proof = payload.partition(b" ")
    return token, proof if space else None


def _key(gathered: Gathered, key_id: str) -> PublicKey:
    key = gathered.keys.get(key_id)
    if key is None:
        raise refused(Refusal.UNKNOWN_KEY, "expected a key that its issuer has published")
    return key


def _believe_brought(evidence: Evidence, gathered: Gathered, context: Context) -> _Believed:
    """An access token, made for this gateway by way of a client whose tokens count."""
    text, proof = _parted(evidence.payload)
    unverified, issuer = read_access_token(text), gathered.issuer
    token = verify_access_token(unverified, issuer, _key(gathered, unverified.key_id), context.now)
    claims = dict(unverified.claims)
    client = claims.get("client_id")
    is_known = isinstance(client, str) and client in issuer.clients
    require(is_known, Refusal.WRONG_CLIENT, "expected a token of a client whose tokens count")
    require(token.certificate is None, Refusal.PROOF_MISSING, "a token that is bound to a certificate cannot be taken")
    require((proof is None) == (token.proof_key is None), Refusal.PROOF_MISSING, "expected a proof for a bound token")
    if proof is not None:
        url = gathered.url
        if url is None:
            raise refused(Refusal.PROOF_MISSING, "this gateway was not told its own address")
        shown = verify_proof(proof, method="POST", url=url, access_token=text, now=context.now)
        require(shown.thumbprint == token.proof_key, Refusal.PROOF_MISSING, "expected a proof by the token's own key")
    issued_at = read_instant(claims, "iat")
    return _Believed(token.subject, str(client), claims, issued_at, token.expires_at, _number(text, claims))


def _believe_signed_in(evidence: Evidence, gathered: Gathered, context: Context) -> _Believed:
    """The ID token of somebody who was sent to sign in, and came back to where they were sent from."""
    id_token = verify_id_token(evidence.payload, gathered, context.now)
    claims = dict(id_token.claims)
    number = _number(evidence.payload, claims)
    return _Believed(id_token.subject, id_token.client, claims, id_token.issued_at, id_token.expires_at, number)


def _number(text: bytes, claims: Mapping[str, Any]) -> str:
    """By what a token is known again: its `jti`, else what is signed, since a signature can be written in two ways."""
    jti = claims.get("jti")
    mark = b"jti " + jti.encode("utf-8", "replace") if isinstance(jti, str) else b"all " + text.rpartition(b".")[0]
    return sha256(mark).hexdigest()


def _members(token: _Believed, gathered: Gathered, context: Context) -> dict[str, Any]:
    """Where the claims are: in what the issuer answered about the same subject, else in the token."""
    if gathered.answer is not None:
        members = read_answer(gathered.answer, gathered, token.client, context.now)
        require(members.get("sub") == token.subject, Refusal.WRONG_SUBJECT, "the answer is about another subject")
        if "verified_claims" in members:
            return members
    require("verified_claims" in token.claims, Refusal.CLAIMS_MISSING, "expected `verified_claims`")
    return token.claims


def _standing(found: Established, gathered: Gathered, evidence: Evidence, context: Context) -> Standing:
    issuer = gathered.issuer
    answered = b"" if gathered.answer is None else gathered.answer.body
    return Standing(
        id=context.standing_id,
        subject=context.subject,
        facts=found.facts,
        kind=EvidenceKind.FOREIGN_VERIFIED_CLAIMS if issuer.is_foreign else EvidenceKind.VERIFIED_CLAIMS,
        issuer=evidence_issuer_name(issuer.id),
        assurance=issuer.assurance,
        verified_at=found.verified_at,
        not_after=_end(issuer, found.verified_at),
        evidence_digest=keyed_digest(context.pepper, _DIGEST_DOMAIN + evidence.payload + b"\x00" + answered),
        verifier=CLAIMS_VERIFIER,
        identity_assurance=found.identity_assurance,
        keys=(context.key,),
    )


def _end(issuer: EvidenceIssuer, verified_at: datetime) -> datetime:
    """Good up to and including the issuer's greatest age, hence the extra microsecond: the end is excluded."""
    if issuer.max_age_days is None:
        return FOREVER
    return verified_at + timedelta(days=issuer.max_age_days) + timedelta.resolution
