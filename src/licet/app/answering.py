"""What a worker and the control process ask of each other, beside what is new."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from licet.app.vitals import Process
from licet.decisions import Caller, RowKind, decode_row
from licet.errors import InputError
from licet.fleet import Counted, Follower, Observation, Replica
from licet.fleet.wire import (
    AskReview,
    BeginSignIn,
    Begun,
    Carry,
    Count,
    Enroll,
    Established,
    FinishSignIn,
    IssueNonce,
    Question,
    Refer,
    Referred,
    Report,
    Running,
    ShowKeys,
    Shown,
    ShowOwn,
    TakeBack,
    TakeEvent,
    Unwatch,
    Vouch,
    Watch,
    Watched,
)
from licet.gateway import LiveIndex
from licet.parties import Standing, Told
from licet.parties.evidence import Enrolled, Held, Nonce
from licet.terms import KeyId

_ISSUER_PATIENCE_S = 25.0
"""An issuer may be asked three times on the way, each for at most five seconds."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers the control process, in a worker."""

    slot: int
    replica: Replica
    live: LiveIndex
    process: Process

    async def __call__(self, question: Question) -> object:
        """Answer one question.

        Raises:
            LicetError: it cannot be answered.
        """
        match question:
            case Report():
                return await self.process.report(self.slot)
            case Count():
                return self.process.counted()
            case Running():
                return self.live.requests()
            case Watch():
                return await self._watch(question)
            case Unwatch():
                return self.replica.unobserve(question.name).counted()
            case Watched():
                return [observation.counted() for observation in self.replica.observed]
            case _:
                raise InputError("expected a question that a worker answers")

    async def _watch(self, wanted: Watch) -> Counted:
        policy = self.replica.look()[0].policy
        observation = await asyncio.to_thread(
            lambda: Observation(wanted.draft(), policy, wanted.at, sees_place=wanted.sees_place)
        )
        self.replica.observe(observation)
        return observation.counted()


@dataclass(frozen=True, slots=True)
class RemoteRegistrar:
    """The port of the caller's doors, in a worker: nonces and standings are kept where the store is."""

    follower: Follower

    async def issue_nonce(self, caller: Caller) -> Nonce:
        """Make a nonce for the caller's key.

        Raises:
            ConflictError: the key holds too many already.
            UnavailableError: the control process or the store did not answer.
        """
        return await self.follower.ask(IssueNonce(caller), Nonce)

    async def enroll(self, caller: Caller, kind: str, payload: bytes) -> Enrolled:
        """Verify evidence and bind the standing to the caller's party.

        Raises:
            InputError: the key is not of one party, or the kind is unknown.
            EvidenceError: the evidence must not be believed.
            ConflictError: a later attestation of the same issuer stands.
            UnavailableError: the control process, the store or the log did not answer.
        """
        return _enrolled(await self.follower.ask(Enroll(caller, kind, payload), Established, _ISSUER_PATIENCE_S))

    async def begin_sign_in(self, caller: Caller, issuer: str, *, nationalities: bool = False) -> tuple[str, str]:
        """Where to send the caller to sign in, and the state by which they will be known when they are back.

        Raises:
            LicetError: as of the registry, or the control process did not answer.
        """
        begun = await self.follower.ask(BeginSignIn(caller, issuer, nationalities), Begun)
        return begun.url, begun.state

    async def finish_sign_in(self, caller: Caller, issuer: str, query: str, state: str) -> Enrolled:
        """Take the caller back from signing in, and bind what the issuer says of them to their party.

        Raises:
            LicetError: as of the registry, or the control process did not answer.
        """
        question = FinishSignIn(caller, issuer, query, state)
        return _enrolled(await self.follower.ask(question, Established, _ISSUER_PATIENCE_S))

    async def refer(self, caller: Caller, vendor: str) -> tuple[str, str | None]:
        """A reference of the caller's for a vendor, and where to begin with it, if that is known.

        Raises:
            LicetError: as of the callbacks, or the control process did not answer.
        """
        given = await self.follower.ask(Refer(caller, vendor), Referred)
        return given.reference, given.start_url

    async def take(self, vendor: str, headers: Mapping[str, str], body: bytes) -> str:
        """Take an event of a vendor, and say what became of it.

        Raises:
            LicetError: as of the callbacks, or the control process did not answer.
        """
        return await self.follower.ask(TakeEvent(vendor, dict(headers), body), str, _ISSUER_PATIENCE_S)

    async def held(self, caller: Caller) -> list[Held]:
        """Everything that is kept of the caller's evidence.

        Raises:
            LicetError: as of `OwnStandings`, or the control process did not answer.
        """
        shown = await self.follower.ask(ShowOwn(caller), list[Shown])
        return [Held(_standing(one.standing), one.counts, one.with_this_key) for one in shown]

    async def take_back(self, caller: Caller, standing: str) -> str:
        """End one standing; the record's id.

        Raises:
            LicetError: as of `OwnStandings`, or the control process did not answer.
        """
        return await self.follower.ask(TakeBack(caller, standing), str)

    async def carry(self, caller: Caller, other: KeyId) -> list[str]:
        """Have what was proved with another key of the party count with the caller's.

        Raises:
            LicetError: as of `OwnStandings`, or the control process did not answer.
        """
        return await self.follower.ask(Carry(caller, other), list[str])

    async def vouch(self, caller: Caller, audience: str, thumbprint: str, lifetime: timedelta) -> str:
        """A standing token for another door.

        Raises:
            LicetError: as of `OwnStandings`, or the control process did not answer.
        """
        return await self.follower.ask(Vouch(caller, audience, thumbprint, lifetime), str)

    async def public_keys(self) -> dict[str, Any]:
        """The keys with which standing tokens are signed, as a JWK set.

        Raises:
            UnavailableError: the control process did not answer.
        """
        return await self.follower.ask(ShowKeys(), dict[str, Any])

    async def review(self, caller: Caller, step: str, kind: str = "", content: bytes = b"") -> Told:
        """Do what a person asks for their own human review.

        Raises:
            InputError: the key is not of one party, or what was sent is not taken.
            NotFoundError: there is no open request.
            ConflictError: there is one already, or too much was sent.
            UnavailableError: the control process, the store, the log or the disk did not answer.
        """
        return await self.follower.ask(AskReview(caller, step, kind, content), Told)


def _enrolled(done: Established) -> Enrolled:
    return Enrolled(_standing(done.standing), done.until, done.record)


def _standing(body: bytes) -> Standing:
    standing = decode_row(RowKind.STANDING, body)
    if not isinstance(standing, Standing):
        raise InputError("expected a standing")
    return standing
