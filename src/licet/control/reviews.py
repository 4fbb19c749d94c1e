"""The person's side of a human review, and what ends by itself: documents, messages, requests nobody answers."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from licet.control.act import Act, Intent
from licet.control.desk import Desk
from licet.control.repeating import repeating
from licet.control.window import ReviewWindow
from licet.decisions import Caller
from licet.directives import NationalsOfGroups, force_at, from_document, with_settings
from licet.errors import ConflictError, InputError, LicetError, NotFoundError
from licet.fleet import Clock, new_record_id
from licet.parties import DOCUMENT_LIFETIME, Review, ReviewDocument, ReviewState, Told, keyed_digest
from licet.parties.review import (
    answered,
    document_kind,
    forget_message,
    lapse,
    media_of,
    require_room,
    withdraw,
)
from licet.records import RecordKind
from licet.stores import Store, Transaction
from licet.terms import PartyId

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_log = logging.getLogger("licet.control")
MOST_OPEN = 1_000
"""How many requests may be open: whoever has many keys fills the queue no further."""
MOST_HELD_BYTES = 1 << 30
"""How many bytes of documents are held at once."""
MOST_REQUESTS = 3
"""How often somebody may ask within a day."""
_REQUESTS_WITHIN = timedelta(days=1)
_SWEEP_S = 5.0
# Told apart from each other when read aloud or written by hand.
_LETTERS = "ACDEFHJKLMNPQRTUVWXY34679"
_CODE_LENGTH = 6
_SYSTEM = "licet"


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """What the operator says of reviews.

    Attributes:
        issuer: In whose name a reviewer accepts: the gateway's id.
        answer_within: The service clock: by when a person is promised an answer.
    """

    issuer: str
    answer_within: timedelta = timedelta(hours=24)


class Reviews:
    """Requests for a human review, as their persons and the clock see them.

    Args:
        store: Where requests are kept.
        desk: Puts what is done on record.
        clock: Says the instant.
        pepper: Under which documents are hashed.
        window: Where documents are held.
        settings: What the operator says.
    """

    def __init__(
        self,
        *,
        store: Store,
        desk: Desk,
        clock: Clock,
        pepper: bytes,
        window: ReviewWindow,
        settings: ReviewSettings,
    ) -> None:
        self.store = store
        self.desk = desk
        self.clock = clock
        self.pepper = pepper
        self.window = window
        self.settings = settings
        self._arriving: set[str] = set()

    async def answer(self, caller: Caller, step: str, kind: str, content: bytes) -> Told:
        """Do what a person asks for their own request, and say how it stands.

        Raises:
            InputError: the key is not of one party, or what was sent is not taken.
            NotFoundError: there is no open request.
            ConflictError: there is one already, or too much was sent.
            UnavailableError: the store, the log or the disk did not answer.
        """
        party = caller.party
        if party is None:
            raise InputError("expected a key of one party: a review is of a person", code="key_without_party")
        steps: dict[str, Callable[[], Any]] = {
            "look": _nothing,
            "ask": lambda: self._ask(caller, party),
            "upload": lambda: self._upload(caller, party, kind, content),
            "withdraw": lambda: self._withdraw(caller, party),
        }
        if step not in steps:
            raise InputError(f"expected a step of a review, found `{step}`")
        await steps[step]()
        return self._told(party, reads=step == "look")

    async def _ask(self, caller: Caller, party: PartyId) -> None:
        now = self.clock.now()
        code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        review = Review(new_record_id(now), party, caller.key, code, now, owed_since=now)

        def change(tx: Transaction, at: datetime) -> None:
            mine = tx.reviews.of_party(party)
            if any(one.is_open for one in mine):
                raise ConflictError("expected no open request, found one", code="review_open")
            if len([one for one in mine if at < one.requested_at + _REQUESTS_WITHIN]) >= MOST_REQUESTS:
                raise ConflictError(f"expected at most {MOST_REQUESTS} requests a day", code="too_many_reviews")
            if len(tx.reviews.open()) >= MOST_OPEN:
                raise ConflictError("expected room for one more request, found none", code="too_many_reviews")
            tx.reviews.put(replace(review, asks_nationality=reads_nationality(tx, at)))

        await self._carry_out("review.request", review, f"key:{caller.key}", change)

    async def _upload(self, caller: Caller, party: PartyId, kind: str, content: bytes) -> None:
        what, media, now = document_kind(kind), media_of(content), self.clock.now()
        review = self._open(party)
        with self.store.read() as tx:
            require_room(review, _held(tx.reviews.documents(review.id), now))
        digest = keyed_digest(self.pepper, b"licet-review-document\0" + content)
        document = ReviewDocument(new_record_id(now), review.id, what, media, len(content), digest, now)

        def change(tx: Transaction, at: datetime) -> None:
            found = tx.reviews.get(review.id)
            require_room(found, _held(tx.reviews.documents(review.id), at))
            # Whoever hands in from another of their keys is served with that one.
            tx.reviews.put(replace(answered(found, at), uploads=found.uploads + 1, key=caller.key))
            tx.reviews.put_document(document)

        self._arriving.add(document.id)
        try:
            await asyncio.to_thread(self._keep, document, content)
            await self._carry_out("review.upload", review, f"key:{caller.key}", change, document=document.id)
        except BaseException:
            await asyncio.to_thread(self.window.destroy, document.id)
            raise
        finally:
            self._arriving.discard(document.id)

    def _keep(self, document: ReviewDocument, content: bytes) -> None:
        if self.window.size() + len(content) > MOST_HELD_BYTES:
            raise ConflictError("expected room for one more document, found none", code="too_many_documents")
        self.window.keep(document.id, content, document.uploaded_at)

    async def _withdraw(self, caller: Caller, party: PartyId) -> None:
        review = self._open(party)

        def change(tx: Transaction, at: datetime) -> None:
            tx.reviews.put(withdraw(tx.reviews.get(review.id), at))

        await self._carry_out("review.withdraw", review, f"key:{caller.key}", change)
        await self.clear(review.id)

    def _open(self, party: PartyId) -> Review:
        with self.store.read() as tx:
            found = [one for one in tx.reviews.of_party(party) if one.is_open]
        if not found:
            raise NotFoundError("expected an open request of this person, found none", code="no_review")
        return found[-1]

    def _told(self, party: PartyId, *, reads: bool) -> Told:
        now = self.clock.now()
        with self.store.read() as tx:
            mine = tx.reviews.of_party(party)
            review = max(mine, key=lambda one: (one.is_open, one.requested_at), default=None)
            documents = [] if review is None else tx.reviews.documents(review.id)
        if review is None:
            return Told()
        if reads and review.message is not None and review.read_at is None:
            with self.store.write() as tx:
                tx.reviews.put(replace(tx.reviews.get(review.id), read_at=now))
        return Told(
            state=review.state,
            code=review.code if review.is_open else None,
            due=review.due(self.settings.answer_within),
            message=review.message,
            asks_nationality=review.asks_nationality,
            held_until=tuple(
                (one.kind, one.uploaded_at + DOCUMENT_LIFETIME) for one in documents if one.is_held(now)
            ) if review.is_open else (),
        )  # fmt: skip

    # What ends.

    async def clear(self, review: str) -> None:
        """Destroy what a decided request held, at once; whatever fails is done by the next look."""
        with self.store.read() as tx:
            documents = [one for one in tx.reviews.documents(review) if one.destroyed_at is None]
        try:
            await self._destroy(documents)
        except LicetError as err:
            _log.warning("documents wait to be destroyed: %s", err)

    async def sweep(self) -> None:
        """Destroy what is past its time or its decision, and whatever a crash left.

        Raises:
            LicetError: something could not be done; the next look tries again.
        """
        now = self.clock.now()
        # By their own dates first: that needs neither store nor log.
        files = await asyncio.to_thread(self.window.held)
        for name, since in files.items():
            if now >= since + DOCUMENT_LIFETIME:
                await asyncio.to_thread(self.window.destroy, name)
        with self.store.read() as tx:
            known = {one.id: one for one in tx.reviews.held()}
            still = {one.id for one in tx.reviews.open()}
        for name in files.keys() - known.keys() - self._arriving:
            await asyncio.to_thread(self.window.destroy, name)
        due = [one for one in known.values() if one.review not in still or not one.is_held(now)]
        # Looked at once more: one may have come between the two looks.
        there = files.keys() | (await asyncio.to_thread(self.window.held)).keys()
        lost = [one for one in known.values() if one.id not in there and one not in due]
        await self._destroy([*due, *lost])
        await self._tidy(now)

    async def _destroy(self, documents: Iterable[ReviewDocument]) -> None:
        """Destroy documents, and then put on record that they are."""
        by_review: dict[str, list[ReviewDocument]] = {}
        for one in documents:
            await asyncio.to_thread(self.window.destroy, one.id)
            by_review.setdefault(one.review, []).append(one)
        for name, gone in by_review.items():
            with self.store.read() as tx:
                review = tx.reviews.get(name)

            def change(tx: Transaction, at: datetime, gone: list[ReviewDocument] = gone) -> None:
                for one in gone:
                    tx.reviews.put_document(replace(one, destroyed_at=at))

            await self._carry_out("review.destroy", review, _SYSTEM, change, documents=len(gone))

    async def _tidy(self, now: datetime) -> None:
        with self.store.read() as tx:
            found = {one.id: one for one in [*tx.reviews.open(), *tx.reviews.telling()]}
        for one in found.values():
            if lapse(one, now) != one:
                await self._carry_out("review.lapse", one, _SYSTEM, _lapsing(one.id))
            elif forget_message(one, now) != one:
                with self.store.write() as tx:
                    tx.reviews.put(forget_message(tx.reviews.get(one.id), now))

    def sweeping(self) -> AbstractAsyncContextManager[None]:
        """Look for what is past its time, for as long as the block runs; at once when it begins."""
        return repeating(self.sweep, _SWEEP_S, "what is past its time in reviews waits for the next look")

    async def _carry_out(
        self, name: str, review: Review, by: str, change: Callable[[Transaction, datetime], None], **more: Any
    ) -> None:
        details = {"review": review.id, "party": review.party, **more}
        await self.desk.carry_out(Intent(Act(name, by, details, kind=RecordKind.EVIDENCE), change))

    def count(self) -> dict[str, int]:
        """How many requests are open, and how many of them wait longer than was promised."""
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.reviews.open()
        overdue = [one for one in found if one.is_overdue(self.settings.answer_within, now)]
        asked = [one for one in found if one.state is ReviewState.ASKED]
        return {"open": len(found), "overdue": len(overdue), "asked": len(asked)}

    def exposition(self) -> bytes:
        """The counts as Prometheus reads them."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  # who reads it waits for it

        try:
            gauges = review_gauges(self.count())
        except LicetError:
            return b""  # a number that nobody knows is not 0, and the others are known
        registry = CollectorRegistry(auto_describe=False)

        class Page:
            """One reading."""

            def collect(self) -> "Iterable[Metric]":
                """Called by the registry."""
                return gauges

        registry.register(Page())
        return bytes(generate_latest(registry))


def review_gauges(counts: Mapping[str, int]) -> "list[Metric]":
    """The counts as metrics."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # who reads metrics waits for it

    told = {
        "open": "Requests for a human review that are open.",
        "overdue": "Requests for a human review whose person waits longer than was promised.",
    }
    return [GaugeMetricFamily(f"licet_reviews_{name}", text, counts[name]) for name, text in told.items()]


def reads_nationality(tx: Transaction, at: datetime) -> bool:
    """Whether a directive in force reads somebody's nationality; else nobody asks for it."""
    parameters = with_settings({setting.name: setting for setting in tx.settings()})
    found = (from_document(stored.document) for stored in tx.directives())
    return any(isinstance(one.persons, NationalsOfGroups) for one in found if force_at(one, parameters, at) is not None)


def _held(documents: Iterable[ReviewDocument], at: datetime) -> int:
    return len([one for one in documents if one.is_held(at)])


def _lapsing(review: str) -> Callable[[Transaction, datetime], None]:
    def change(tx: Transaction, at: datetime) -> None:
        tx.reviews.put(lapse(tx.reviews.get(review), at))

    return change


async def _nothing() -> None:
    return
