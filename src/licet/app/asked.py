"""What workers ask on behalf of callers and vendors, answered where the store is."""

from dataclasses import dataclass

from licet.control import Callbacks, OwnStandings, Registry, Reviews
from licet.decisions import encode_row
from licet.errors import InputError
from licet.fleet.wire import (
    AskReview,
    BeginSignIn,
    Begun,
    Carry,
    Enroll,
    Established,
    FinishSignIn,
    IssueNonce,
    Question,
    Refer,
    Referred,
    ShowKeys,
    Shown,
    ShowOwn,
    TakeBack,
    TakeEvent,
    Vouch,
)
from licet.parties.evidence import Enrolled


@dataclass(frozen=True, slots=True)
class Asked:
    """Those who answer; `reviews` is None where none are offered."""

    registry: Registry
    callbacks: Callbacks
    own: OwnStandings
    reviews: Reviews | None = None

    async def answer(self, question: Question) -> object:
        """Answer one question with a value that MessagePack can hold.

        Raises:
            LicetError: it cannot be answered.
        """
        match question:
            case IssueNonce() | Enroll() | BeginSignIn() | FinishSignIn():
                return await self._register(question)
            case Refer(caller, vendor):
                given = await self.callbacks.refer(caller, vendor)
                return Referred(given.text, given.start_url)
            case TakeEvent(vendor, headers, body):
                return (await self.callbacks.take(vendor, headers, body)).value
            case ShowOwn() | TakeBack() | Carry() | Vouch() | ShowKeys():
                return await self._own(question)
            case AskReview(caller, step, kind, content) if self.reviews is not None:
                return await self.reviews.answer(caller, step, kind, content)
            case _:
                raise InputError("expected a question that the control process answers")

    async def _register(self, question: IssueNonce | Enroll | BeginSignIn | FinishSignIn) -> object:
        match question:
            case IssueNonce(caller):
                return await self.registry.issue_nonce(caller)
            case Enroll(caller, kind, payload):
                return _established(await self.registry.enroll(caller, kind, payload))
            case BeginSignIn(caller, issuer, nationalities):
                return Begun(*await self.registry.begin_sign_in(caller, issuer, nationalities=nationalities))
            case FinishSignIn(caller, issuer, query, state):
                return _established(await self.registry.finish_sign_in(caller, issuer, query, state))

    async def _own(self, question: ShowOwn | TakeBack | Carry | Vouch | ShowKeys) -> object:
        match question:
            case ShowOwn(caller):
                return [Shown(encode_row(x.standing), x.counts, x.with_this_key) for x in self.own.held(caller)]
            case TakeBack(caller, standing):
                return await self.own.take_back(caller, standing)
            case Carry(caller, other):
                return await self.own.carry(caller, other)
            case Vouch(caller, audience, thumbprint, lifetime):
                return await self.own.vouch(caller, audience, thumbprint, lifetime)
            case ShowKeys():
                return self.own.public_keys()


def _established(done: Enrolled) -> Established:
    return Established(encode_row(done.standing), done.until, done.record)
