"""Keep nonces and standings: the shell around the verifiers."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from licet.control.act import Act, Intent
from licet.control.desk import Desk
from licet.control.gathering import Gathering
from licet.decisions import Caller, RowKind
from licet.directives import Parameters, with_settings
from licet.errors import ConflictError, InputError
from licet.fleet import Clock, new_record_id
from licet.parties import EvidenceKind, Organization, Party, Standing, Withdrawal
from licet.parties.evidence import (
    Attempt,
    AttestationVerifier,
    Context,
    Enrolled,
    Evidence,
    Gathered,
    Nonce,
    Refusal,
    Spent,
    Verified,
    VerifiedClaimsVerifier,
    Verifier,
    authorization_url,
    read_return,
    refused,
    unverified_nonce,
)
from licet.records import RecordKind
from licet.stores import Store, Transaction
from licet.terms import PartyId

_NONCE_LIFETIME = timedelta(minutes=5)
_SIGN_IN_LIFETIME = timedelta(minutes=15)
VERIFIERS: Mapping[EvidenceKind, Verifier] = {
    EvidenceKind.ORGANIZATION_ATTESTATION: AttestationVerifier(),
    EvidenceKind.VERIFIED_CLAIMS: VerifiedClaimsVerifier(),
}
"""What a caller may present, by the kind that they say it is. A vendor's event is presented by the vendor."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Who keeps nonces and standings; evidence itself is never kept."""

    store: Store
    desk: Desk
    clock: Clock
    pepper: bytes
    audience: str
    gathering: Gathering
    verifiers: Mapping[EvidenceKind, Verifier] = field(default_factory=lambda: VERIFIERS)

    async def issue_nonce(self, caller: Caller) -> Nonce:
        """Make a nonce for the caller's key.

        Raises:
            ConflictError: the key holds too many already.
            UnavailableError: the store did not answer.
        """
        now = self.clock.now()
        nonce = Nonce(secrets.token_urlsafe(24), now + _NONCE_LIFETIME, self.audience)
        with self.store.write() as tx:
            tx.add_nonce(nonce.text, caller.key, nonce.expires_at, now)
        return nonce

    async def enroll(self, caller: Caller, kind: str, payload: bytes) -> Enrolled:
        """Verify evidence and bind the standing to the caller's party.

        Raises:
            InputError: the key is not of one party, or the kind is unknown.
            EvidenceError: the evidence must not be believed.
            ConflictError: a later word of the same issuer stands.
            UnavailableError: the store, the log or the issuer did not answer.
        """
        require_party(caller)
        evidence = Evidence(self._kind(kind), payload, self.clock.now())
        gathered = None
        if evidence.kind is EvidenceKind.VERIFIED_CLAIMS:
            gathered = await self.gathering.brought(payload)
        return await self._establish(evidence, caller, gathered)

    async def begin_sign_in(self, caller: Caller, issuer: str, *, nationalities: bool = False) -> tuple[str, str]:
        """Where to send the caller to sign in, and the state by which they will be known when they are back.

        Raises:
            InputError: the key is not of one party, or nobody signs in there from here.
            NotFoundError: there is no such issuer.
            EvidenceError: it is suspended.
            ConflictError: the key has begun too many.
        """
        require_party(caller)
        found, now = self.gathering.named(issuer), self.clock.now()
        state = secrets.token_urlsafe(24)
        url = authorization_url(found, Attempt.of(self.pepper, state, caller.key), nationalities=nationalities)
        with self.store.write() as tx:
            tx.add_nonce(_sign_in_nonce(issuer, state), caller.key, now + _SIGN_IN_LIFETIME, now)
        return url, state

    async def finish_sign_in(self, caller: Caller, issuer: str, query: str, state: str) -> Enrolled:
        """Take the caller back from signing in, and bind what the issuer says of them to their party.

        Args:
            caller: As when they were sent: of the same key.
            issuer: To whom they were sent.
            query: With which they came back, without its question mark.
            state: With which they were sent, from where only their own session could have it.

        Raises:
            InputError: the key is not of one party, or nobody signs in there from here.
            NotFoundError: there is no such issuer.
            EvidenceError: it is not they, or not believed.
            ConflictError: a later word of the same issuer stands.
            UnavailableError: the store, the log or the issuer did not answer.
        """
        require_party(caller)
        found = self.gathering.named(issuer)
        # Used up before anything is asked for, so that a failed try cannot be repeated.
        with self.store.write() as tx:
            is_theirs = tx.consume_nonce(_sign_in_nonce(issuer, state), caller.key, self.clock.now())
        if not is_theirs:
            raise refused(Refusal.WRONG_NONCE, "expected a sign-in that this key has begun, within 15 minutes")
        code = read_return(query, found, state)
        attempt = Attempt.of(self.pepper, state, caller.key)
        id_token, gathered = await self.gathering.signed_in(found, attempt, code)
        evidence = Evidence(EvidenceKind.VERIFIED_CLAIMS, id_token, self.clock.now())
        return await self._establish(evidence, caller, gathered)

    async def _establish(self, evidence: Evidence, caller: Caller, gathered: Gathered | None) -> Enrolled:
        now = self.clock.now()
        nonce = self._consume_nonce(evidence, caller, now)
        verified, parameters = self._verify(evidence, caller, nonce, now, gathered)
        standing = verified.standing

        def change(tx: Transaction, at: datetime) -> Standing:
            _require_believed(tx, gathered)
            _spend(tx, verified.spent, at)
            withdraw_earlier(tx, standing, at)
            _require_room(tx, standing)
            tx.put(standing)
            return standing

        act = Act("evidence.accept", f"key:{caller.key}", accepted(standing), kind=RecordKind.EVIDENCE)
        done = await self.desk.carry_out(Intent(act, change))
        aged = standing.verified_at + timedelta(days=parameters.evidence_max_age_days)
        return Enrolled(standing, min(standing.not_after, aged), done.record)

    def _kind(self, kind: str) -> EvidenceKind:
        for known in self.verifiers:
            if kind == known:
                return known
        kinds = " or ".join(f"`{known}`" for known in self.verifiers)
        raise InputError(f"expected evidence of the kind {kinds}", code="unknown_evidence")

    def _consume_nonce(self, evidence: Evidence, caller: Caller, now: datetime) -> str | None:
        """Use the nonce up before any result is believed, so that a failed try cannot be repeated."""
        if evidence.kind is not EvidenceKind.ORGANIZATION_ATTESTATION:
            return None
        nonce = unverified_nonce(evidence)
        if nonce is None:
            return None
        with self.store.write() as tx:
            if tx.consume_nonce(nonce, caller.key, now):
                return nonce
        raise refused(Refusal.WRONG_NONCE, "expected a nonce that this key was given, unused and not expired")

    def _verify(
        self, evidence: Evidence, caller: Caller, nonce: str | None, now: datetime, gathered: Gathered | None
    ) -> tuple[Verified, Parameters]:
        subject = require_party(caller)
        with self.store.read() as tx:
            party = tx.get(RowKind.PARTY, subject)
            parameters = with_settings({setting.name: setting for setting in tx.settings()})
            context = Context(
                now=now,
                audience=self.audience,
                subject=subject,
                key=caller.key,
                organization=party.organization if isinstance(party, Party) else None,
                nonce=nonce,
                anchors={row.id: row for row in tx.every(RowKind.ORGANIZATION) if isinstance(row, Organization)},
                is_spent=tx.presented,
                max_age_days=parameters.evidence_max_age_days,
                standing_id=new_record_id(now),
                pepper=self.pepper,
                gathered=gathered,
            )
            return self.verifiers[evidence.kind].verify(evidence, context), parameters


def require_party(caller: Caller) -> PartyId:
    """The party of a caller's key.

    Raises:
        InputError: it is of no one party.
    """
    if caller.party is None:
        raise InputError("expected a key of one party: a standing is bound to a person", code="key_without_party")
    return caller.party


def accepted(standing: Standing) -> dict[str, str]:
    """What is on record of a standing that was established."""
    return {
        "standing": standing.id,
        "party": standing.subject,
        "issuer": standing.issuer,
        "verifier": standing.verifier,
        "digest": standing.evidence_digest,
    }


def withdraw_earlier(tx: Transaction, standing: Standing, at: datetime) -> None:
    """A later word of the same issuer takes the place of its earlier one: the duty to correct.

    Raises:
        ConflictError: a later one stands.
    """
    for row in tx.holdings.standings(standing.subject):
        if row.issuer != standing.issuer or row.withdrawn_at is not None:
            continue
        if row.verified_at > standing.verified_at:
            raise ConflictError("a later attestation by the same organization stands", code="attestation_superseded")
        tx.put(replace(row, withdrawn_at=at, withdrawal=Withdrawal.CORRECTED))


def _sign_in_nonce(issuer: str, state: str) -> str:
    return f"sign-in {issuer} {state}"


def _require_believed(tx: Transaction, gathered: Gathered | None) -> None:
    """Refuse what was verified by an enrollment that has changed since: to ask an issuer takes seconds."""
    if gathered is not None and tx.find(RowKind.EVIDENCE_ISSUER, gathered.issuer.id) != gathered.issuer:
        raise refused(Refusal.ISSUER_SUSPENDED, "the issuer's enrollment has changed")


def _spend(tx: Transaction, spent: Spent, at: datetime) -> None:
    # Checked again inside the transaction: two presentations may have been verified at once.
    if tx.presented(spent.issuer, spent.number):
        raise refused(Refusal.REPLAYED, "it was presented before")
    tx.remember_presented(spent.issuer, spent.number, spent.until, at)


def _require_room(tx: Transaction, standing: Standing) -> None:
    """Refuse one person more than a word is taken for; who was counted before has just been withdrawn."""
    issuer = tx.find(RowKind.ORGANIZATION, standing.issuer)
    most = issuer.limits.most_people if isinstance(issuer, Organization) else None
    if most is not None and tx.holdings.people_of(standing.issuer) >= most:
        raise refused(Refusal.TOO_MANY_PEOPLE, f"the organization's word is taken for at most {most:,} people")
