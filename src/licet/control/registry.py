"""Keep nonces and standings: the shell around the verifiers."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from licet.control.act import Act, Intent
from licet.control.desk import Desk
from licet.decisions import Caller, RowKind
from licet.directives import Parameters, with_settings
from licet.errors import ConflictError, InputError
from licet.fleet import Clock, new_record_id
from licet.parties import EvidenceKind, Organization, Party, Standing, Withdrawal
from licet.parties.evidence import (
    Context,
    Enrolled,
    Evidence,
    Nonce,
    Refusal,
    Spent,
    Verified,
    Verifier,
    refused,
    unverified_nonce,
)
from licet.records import RecordKind
from licet.stores import Store, Transaction

_NONCE_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Registry:
    """Who keeps nonces and standings; evidence itself is never kept."""

    store: Store
    desk: Desk
    clock: Clock
    pepper: bytes
    audience: str
    verifier: Verifier

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
            ConflictError: a later attestation of the same issuer stands.
            UnavailableError: the store or the log did not answer.
        """
        now = self.clock.now()
        evidence = _evidence(kind, payload, now)
        nonce = self._consume_nonce(evidence, caller, now)
        verified, parameters = self._verify(evidence, caller, nonce, now)
        standing = verified.standing

        def change(tx: Transaction, at: datetime) -> Standing:
            _spend(tx, verified.spent, at)
            _withdraw_earlier(tx, standing, at)
            _require_room(tx, standing)
            tx.put(standing)
            return standing

        details = {
            "standing": standing.id,
            "party": standing.subject,
            "issuer": standing.issuer,
            "verifier": standing.verifier,
            "digest": standing.evidence_digest,
        }
        act = Act("evidence.accept", f"key:{caller.key}", details, kind=RecordKind.EVIDENCE)
        done = await self.desk.carry_out(Intent(act, change))
        aged = standing.verified_at + timedelta(days=parameters.evidence_max_age_days)
        return Enrolled(standing, min(standing.not_after, aged), done.record)

    def _consume_nonce(self, evidence: Evidence, caller: Caller, now: datetime) -> str | None:
        """Use the nonce up before any result is believed, so that a failed try cannot be repeated."""
        nonce = unverified_nonce(evidence)
        if nonce is None:
            return None
        with self.store.write() as tx:
            if tx.consume_nonce(nonce, caller.key, now):
                return nonce
        raise refused(Refusal.WRONG_NONCE, "expected a nonce that this key was given, unused and not expired")

    def _verify(
        self, evidence: Evidence, caller: Caller, nonce: str | None, now: datetime
    ) -> tuple[Verified, Parameters]:
        if caller.party is None:
            raise InputError("expected a key of one party: a standing is bound to a person", code="key_without_party")
        with self.store.read() as tx:
            party = tx.get(RowKind.PARTY, caller.party)
            parameters = with_settings({setting.name: setting for setting in tx.settings()})
            context = Context(
                now=now,
                audience=self.audience,
                subject=caller.party,
                key=caller.key,
                organization=party.organization if isinstance(party, Party) else None,
                nonce=nonce,
                anchors={row.id: row for row in tx.every(RowKind.ORGANIZATION) if isinstance(row, Organization)},
                is_spent=tx.presented,
                max_age_days=parameters.evidence_max_age_days,
                standing_id=new_record_id(now),
                pepper=self.pepper,
            )
            return self.verifier.verify(evidence, context), parameters


def _evidence(kind: str, payload: bytes, now: datetime) -> Evidence:
    if kind != EvidenceKind.ORGANIZATION_ATTESTATION:
        known = EvidenceKind.ORGANIZATION_ATTESTATION
        raise InputError(f"expected evidence of the kind `{known}`, found `{kind}`", code="unknown_evidence")
    return Evidence(EvidenceKind.ORGANIZATION_ATTESTATION, payload, now)


def _spend(tx: Transaction, spent: Spent, at: datetime) -> None:
    # Checked again inside the transaction: two presentations may have been verified at once.
    if tx.presented(spent.issuer, spent.number):
        raise refused(Refusal.REPLAYED, "it was presented before")
    tx.remember_presented(spent.issuer, spent.number, spent.until, at)


def _withdraw_earlier(tx: Transaction, standing: Standing, at: datetime) -> None:
    """A later word of the same issuer takes the place of its earlier one: the duty to correct."""
    for row in tx.holdings.standings(standing.subject):
        if row.issuer != standing.issuer or row.withdrawn_at is not None:
            continue
        if row.verified_at > standing.verified_at:
            raise ConflictError("a later attestation by the same organization stands", code="attestation_superseded")
        tx.put(replace(row, withdrawn_at=at, withdrawal=Withdrawal.CORRECTED))


def _require_room(tx: Transaction, standing: Standing) -> None:
    """Refuse one person more than a word is taken for; who was counted before has just been withdrawn."""
    issuer = tx.find(RowKind.ORGANIZATION, standing.issuer)
    most = issuer.limits.most_people if isinstance(issuer, Organization) else None
    if most is not None and tx.holdings.people_of(standing.issuer) >= most:
        raise refused(Refusal.TOO_MANY_PEOPLE, f"the organization's word is taken for at most {most:,} people")
