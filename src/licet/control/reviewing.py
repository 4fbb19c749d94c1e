"""The reviewer's side of a human review: bodies and acts. Nothing of what documents hold is in any of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from licet.control.act import Act, Intent
from licet.control.mandates import Effect
from licet.control.reviews import Reviews, reads_nationality
from licet.directives import with_settings
from licet.errors import ConflictError, InputError, PermissionDeniedError
from licet.parties import (
    MOST_MESSAGE,
    Assurance,
    AttestedStatus,
    EvidenceKind,
    Fact,
    ForeignPerson,
    Genuineness,
    HolderBinding,
    NotForeignPerson,
    Review,
    ReviewDocument,
    Standing,
    Withdrawal,
    keyed_digest,
    nationality_fact,
)
from licet.parties import review as states
from licet.records import RecordKind
from licet.stores import PendingAct, PendingState, Transaction
from licet.terms import ID_PATTERN, OrganizationId, format_instant, is_country, parse_instant

Arguments: TypeAlias = Mapping[str, Any]
REVIEW, DOCUMENT = "review", "document"
VERIFIER = "licet human review 1"
ACCEPT = "review.accept"
DECIDING = frozenset({ACCEPT, "review.refuse"})
"""The acts after which no document is held any more."""
_Points = Annotated[list[str], Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Nothing(_Body):
    """Nothing but the request itself."""


class Message(_Body):
    """What the person is told, in plain words; it is not on record."""

    message: str = Field(max_length=MOST_MESSAGE)


class Acceptance(_Body):
    """What is accepted, until when, and what was seen to.

    `checklist` has the points that hold, by the id of each document that is relied on, and
    by `call` where the person was seen in one.
    """

    status: AttestedStatus
    nationalities: list[str] = Field(default_factory=list, max_length=10)
    until: str
    checklist: dict[Annotated[str, Field(pattern=f"^{ID_PATTERN}$")], _Points] = Field(max_length=9)

    def facts(self) -> tuple[Fact, ...]:
        """What it shows.

        Raises:
            InputError: a nationality is none, or goes with no foreign person.
        """
        if self.status is AttestedStatus.NOT_FOREIGN_PERSON:
            if self.nationalities:
                raise InputError("expected no nationality of who is no foreign person", code="nationality_not_asked")
            return (NotForeignPerson(),)
        for code in self.nationalities:
            if not is_country(code):
                raise InputError(f"expected a country of two letters, found `{code}`")
        return (ForeignPerson(), *map(nationality_fact, sorted(set(self.nationalities))))


def take(on: Reviews, by: str, arguments: Arguments) -> Intent[Review]:
    """A reviewer takes a request."""
    return _step(on, "review.take", by, arguments, lambda review, at: states.take(review, by, at))


def escalate(on: Reviews, by: str, arguments: Arguments) -> Intent[Review]:
    """Its reviewer passes it on."""
    return _step(on, "review.escalate", by, arguments, lambda review, _at: states.escalate(review, by))


def ask(on: Reviews, by: str, arguments: Arguments) -> Intent[Review]:
    """Its reviewer asks the person."""
    message = _body(Message, arguments).message
    return _step(on, "review.ask", by, arguments, lambda review, at: states.ask(review, by, message, at))


def refuse(on: Reviews, by: str, arguments: Arguments) -> Intent[Review]:
    """Its reviewer refuses it."""
    message = _body(Message, arguments).message
    return _step(on, "review.refuse", by, arguments, lambda review, at: states.refuse(review, by, message, at))


def accept(on: Reviews, by: str, arguments: Arguments) -> Intent[Standing]:
    """Its reviewer accepts a status; where that loosens, another has to agree who has looked too."""
    body = _body(Acceptance, arguments)
    facts, until = body.facts(), parse_instant(body.until)
    with on.store.read() as tx:
        review = tx.reviews.get(arguments[REVIEW])
        documents = {one.id: one for one in tx.reviews.documents(review.id)}
    relied_on = [documents[name] for name in sorted(body.checklist) if name in documents]
    digest = keyed_digest(on.pepper, "\0".join(["licet-review", *(one.digest for one in relied_on)]).encode())

    def change(tx: Transaction, at: datetime) -> Standing:
        found = tx.reviews.get(review.id)
        held = {one.id: one for one in tx.reviews.documents(review.id)}
        _require_until(tx, until, at)
        _require_asked(tx, body, at)
        binding = states.binding_of(body.checklist, held, at)
        _require_looked(tx, found, by, [one for one in held.values() if one.id in body.checklist])
        done = states.accept(found, by, body.status, until, at)
        checklist = {name: tuple(sorted(set(points))) for name, points in sorted(body.checklist.items())}
        standing = replace(_standing(on, done, facts, until, at), evidence_digest=digest, binding=binding)
        _withdraw_earlier(tx, standing, at)
        tx.put(standing)
        tx.reviews.put(replace(done, checklist=checklist, digest=digest))
        return standing

    # Whoever shows no more than that they are foreign may use nothing more by it.
    loosens = body.status is AttestedStatus.NOT_FOREIGN_PERSON or body.nationalities
    effect = Effect.LOOSENS if loosens else Effect.TIGHTENS
    details = {**_details(review), "standing": review.id, "digest": digest, "until": format_instant(until)}
    return Intent(Act(ACCEPT, by, details, effect, kind=RecordKind.EVIDENCE), change)


def opening(on: Reviews, by: str, review_id: str, document_id: str) -> Intent[ReviewDocument]:
    """A reviewer looks at a document: its own holder, or who is asked to agree to what they propose."""
    with on.store.read() as tx:
        review = tx.reviews.get(review_id)

    def change(tx: Transaction, at: datetime) -> ReviewDocument:
        found = tx.reviews.get(review_id)
        proposed = [one.proposed_by for one in proposals(tx, review_id, PendingState.PENDING) if at < one.expires_at]
        may_agree = any(name != by for name in proposed)
        if not found.is_open or not (found.holder == by or may_agree):
            raise PermissionDeniedError("expected the reviewer who has taken it", code="review_not_held")
        for one in tx.reviews.documents(review_id):
            if one.id == document_id and one.is_held(at):
                seen = replace(one, opened_by=tuple(sorted({*one.opened_by, by})))
                tx.reviews.put_document(seen)
                return seen
        raise ConflictError(f"expected a document that is held, found `{document_id}`", code="document_gone")

    return Intent(Act("review.open", by, {**_details(review), "document": document_id}), change)


def proposals(tx: Transaction, review: str, state: PendingState) -> list[PendingAct]:
    """What was proposed to accept for a request, in one state."""
    return [one for one in tx.people.pendings(state) if one.act == ACCEPT and one.arguments.get(REVIEW) == review]


def _step(
    on: Reviews, name: str, by: str, arguments: Arguments, step: Callable[[Review, datetime], Review]
) -> Intent[Review]:
    with on.store.read() as tx:
        review = tx.reviews.get(arguments[REVIEW])

    def change(tx: Transaction, at: datetime) -> Review:
        done = step(tx.reviews.get(review.id), at)
        tx.reviews.put(done)
        return done

    return Intent(Act(name, by, _details(review)), change)


def _details(review: Review) -> dict[str, str]:
    return {"review": review.id, "party": review.party}


def _body(kind: type[_Body], arguments: Arguments) -> Any:
    return kind.model_validate({name: value for name, value in arguments.items() if name != REVIEW})


def _standing(on: Reviews, review: Review, facts: tuple[Fact, ...], until: datetime, at: datetime) -> Standing:
    return Standing(
        id=review.id,
        subject=review.party,
        facts=facts,
        kind=EvidenceKind.HUMAN_REVIEW,
        issuer=OrganizationId(on.settings.issuer),
        assurance=Assurance.SUBSTANTIAL,
        verified_at=at,
        not_after=until,
        evidence_digest="",
        verifier=VERIFIER,
        genuineness=Genuineness.REVIEWED,
        binding=HolderBinding.NONE,
        recheck_at=until,
        keys=(review.key,),
    )


def _withdraw_earlier(tx: Transaction, standing: Standing, at: datetime) -> None:
    """A later review takes the place of an earlier one."""
    for row in tx.holdings.standings(standing.subject):
        if row.kind is EvidenceKind.HUMAN_REVIEW and row.withdrawn_at is None and row.id != standing.id:
            tx.put(replace(row, withdrawn_at=at, withdrawal=Withdrawal.CORRECTED))


def _require_until(tx: Transaction, until: datetime, at: datetime) -> None:
    parameters = with_settings({setting.name: setting for setting in tx.settings()})
    days = parameters.evidence_max_age_days
    if not at < until <= at + timedelta(days=days):
        raise InputError(f"expected an instant within the next {days} days", code="bad_expiry")


def _require_asked(tx: Transaction, body: Acceptance, at: datetime) -> None:
    if body.nationalities and not reads_nationality(tx, at):
        raise InputError("expected no nationality: no directive in force reads one", code="nationality_not_asked")


def _require_looked(tx: Transaction, review: Review, by: str, relied_on: Iterable[ReviewDocument]) -> None:
    """Refuse the word of somebody who has not looked, the second person's too."""
    if proposals(tx, review.id, PendingState.PENDING):
        raise ConflictError("another proposal to accept it waits for a second person", code="already_proposed")
    second = {one.decided_by for one in proposals(tx, review.id, PendingState.APPROVED)} - {None}
    for one in relied_on:
        blind = ({by} | second) - set(one.opened_by)
        if blind:
            raise ConflictError(
                f"expected everybody who agrees to have looked at `{one.id}` with `review open`", code="not_looked"
            )


REVIEW_ACTS: Mapping[str, Callable[[Reviews, str, Arguments], Intent[Any]]] = {
    "review.take": take,
    "review.ask": ask,
    "review.escalate": escalate,
    "review.refuse": refuse,
    ACCEPT: accept,
}
