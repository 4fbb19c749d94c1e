"""Verify an organization's attestation of one of its people.

The organization signs; the person presents it with the key that gains the
standing. Form, key and signature come first, then each claim, then what only the
gateway knows. `refusals` lists the codes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from licet.parties.evidence.claims import AttestationClaims, read_claims
from licet.parties.evidence.contract import Context, Evidence, Spent, Verified
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.statements import STATEMENTS
from licet.parties.evidence.token import read_token, verify_signature
from licet.parties.party import AttestationLimits, AttestedStatus, Organization
from licet.parties.peppers import keyed_digest
from licet.parties.standing import (
    Citizenship,
    EvidenceKind,
    Fact,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    PermanentResidence,
    Standing,
)
from licet.terms import FOREVER, OrganizationId, PartyId, require_aware

VERIFIER = "organization-attestation/1"
"""Name and version, kept in each standing: a changed rule is a new version."""

CLOCK_AHEAD = timedelta(seconds=60)
INTERACTIVE_AGE = timedelta(seconds=300)
OFFLINE_LIFETIME = timedelta(days=1)

_DIGEST_DOMAIN = b"licet evidence digest v1\x00"


class AttestationVerifier:
    """The `Verifier` of organization attestations."""

    def verify(self, evidence: Evidence, context: Context) -> Verified:
        """Believe the attestation, or say why not.

        Raises:
            EvidenceError: with one of the codes of `refusals`.
            NaiveInstantError: `context.now` has no UTC offset.
        """
        require_aware(context.now)
        require(
            evidence.kind is EvidenceKind.ORGANIZATION_ATTESTATION, Refusal.EVIDENCE_KIND, "expected an attestation"
        )
        organization, key, claims = _read_signed(evidence.payload, context)
        _check_delivery(claims, context)
        _check_subject(claims, context)
        check_limits(claims, organization.limits)
        check_status(claims, organization.limits, context.now, context.max_age_days)
        standing = _establish(claims, organization, key, evidence, context)
        return Verified(standing, Spent(claims.issuer, claims.number, claims.expires_at))


def unverified_nonce(evidence: Evidence) -> str | None:
    """The nonce that a token carries, so that the shell can consume it before verifying.

    Raises:
        EvidenceError: the token's form is wrong.
    """
    nonce = read_token(evidence.payload).unverified_claims.get("nonce")
    return nonce if isinstance(nonce, str) else None


def _read_signed(payload: bytes, context: Context) -> tuple[Organization, str, AttestationClaims]:
    """Find the key that the issuer enrolled, verify with it, and only then read the claims."""
    token = read_token(payload)
    organization, key = signer(token.unverified_claims.get("iss"), token.key_id, context.anchors)
    return organization, token.key_id, read_claims(verify_signature(token, key))


def signer(
    issuer: object, key_id: str, anchors: Mapping[OrganizationId, Organization]
) -> tuple[Organization, Mapping[str, str]]:
    """The organization that says it signed, and its key of that name.

    Raises:
        EvidenceError: unknown_issuer, issuer_unverified, issuer_suspended or unknown_key.
    """
    organization = anchors.get(OrganizationId(issuer)) if isinstance(issuer, str) else None
    if organization is None:
        raise refused(Refusal.UNKNOWN_ISSUER, "expected an enrolled organization as the issuer")
    require(organization.verified, Refusal.ISSUER_UNVERIFIED, "expected an organization that an officer has verified")
    require(not organization.suspended, Refusal.ISSUER_SUSPENDED, "the organization is suspended")
    key = (organization.attestation_keys or {}).get(key_id)
    if key is None:
        raise refused(Refusal.UNKNOWN_KEY, "expected a key that the organization has enrolled")
    return organization, key


def _check_delivery(claims: AttestationClaims, context: Context) -> None:
    """Meant for this gateway, fresh, and not seen before."""
    now = context.now
    require(claims.audience == context.audience, Refusal.WRONG_AUDIENCE, f"expected the audience `{context.audience}`")
    require(claims.issued_at - now <= CLOCK_AHEAD, Refusal.ISSUED_IN_FUTURE, "it was issued in the future")
    require(now < claims.expires_at, Refusal.EXPIRED, "it has expired")
    # Equal also when both are None: then there was no nonce, and none was promised.
    require(claims.nonce == context.nonce, Refusal.WRONG_NONCE, "expected the nonce that this key was given")
    if claims.nonce is None:
        lifetime = claims.expires_at - claims.issued_at
        require(lifetime <= OFFLINE_LIFETIME, Refusal.LIFETIME_TOO_LONG, "expected a lifetime of at most a day")
    else:
        age = now - claims.issued_at
        require(age <= INTERACTIVE_AGE, Refusal.ISSUED_TOO_LONG_AGO, "expected one issued within 300 s")
    require(not context.is_spent(claims.issuer, claims.number), Refusal.REPLAYED, "it was presented before")


def check_limits(claims: AttestationClaims, limits: AttestationLimits) -> None:
    """Within what this organization's word is taken for.

    Raises:
        EvidenceError: statement_unknown, status_not_allowed or relation_not_allowed.
    """
    signed = claims.statement_version
    known = signed in STATEMENTS and (not limits.statements or signed in limits.statements)
    require(known, Refusal.STATEMENT_UNKNOWN, "expected a version of the statement that the organization has signed")
    require(
        claims.status in limits.statuses,
        Refusal.STATUS_NOT_ALLOWED,
        "the organization's word is not taken for this status",
    )
    require(
        claims.relation in limits.relations,
        Refusal.RELATION_NOT_ALLOWED,
        "the organization's word is not taken for people of this relation",
    )


def _check_subject(claims: AttestationClaims, context: Context) -> None:
    """About whoever presents it, and an organization speaks for its own people only."""
    require(context.organization == claims.issuer, Refusal.NOT_A_MEMBER, "expected a key of the issuer's own people")
    require(
        claims.subject in {context.subject, context.key},
        Refusal.WRONG_SUBJECT,
        "expected the key that presents it, or the key's party, as the subject",
    )


def check_status(claims: AttestationClaims, limits: AttestationLimits, now: datetime, max_age_days: int) -> None:
    """Checked recently enough, for counsel and for this organization, and still vouched for.

    Raises:
        EvidenceError: check_in_future, check_too_old or no_longer_valid.
    """
    age, most = now - claims.checked_at, min(max_age_days, limits.max_age_days or max_age_days)
    require(age >= timedelta(0), Refusal.CHECK_IN_FUTURE, "the status was checked in the future")
    require(age <= timedelta(days=most), Refusal.CHECK_TOO_OLD, "the status was checked too long ago")
    require(
        claims.valid_until is None or now < claims.valid_until,
        Refusal.NO_LONGER_VALID,
        "the organization no longer vouches for the status",
    )


def _establish(
    claims: AttestationClaims, organization: Organization, key: str, evidence: Evidence, context: Context
) -> Standing:
    # Verified when the organization checked: to sign an old check again does not make it new.
    digest = keyed_digest(context.pepper, _DIGEST_DOMAIN + evidence.payload)
    standing = standing_of(claims, organization, key, context.subject, (context.standing_id, digest))
    # Who names the party vouches for it with any of its keys; who names a key, for that key.
    return standing if claims.subject == context.subject else replace(standing, keys=(context.key,))


def standing_of(
    claims: AttestationClaims, organization: Organization, key: str, subject: PartyId, named: tuple[str, str]
) -> Standing:
    """What an attestation that is believed establishes; `named` is the standing's id and the evidence's digest."""
    days = organization.limits.max_age_days
    return Standing(
        id=named[0],
        subject=subject,
        facts=_facts(claims),
        kind=EvidenceKind.ORGANIZATION_ATTESTATION,
        issuer=claims.issuer,
        assurance=organization.assurance,
        verified_at=claims.checked_at,
        not_after=min(claims.valid_until or FOREVER, FOREVER),
        evidence_digest=named[1],
        verifier=VERIFIER,
        signing_key=key,
        recheck_at=None if days is None else claims.checked_at + timedelta(days=days) + timedelta.resolution,
    )


def _facts(claims: AttestationClaims) -> tuple[Fact, ...]:
    not_foreign = claims.status is AttestedStatus.NOT_FOREIGN_PERSON
    return (
        NotForeignPerson() if not_foreign else ForeignPerson(),
        *(Citizenship(country) for country in claims.nationalities),
        *(PermanentResidence(country) for country in claims.permanent_residencies),
        MemberOf(claims.issuer, claims.relation),
    )
