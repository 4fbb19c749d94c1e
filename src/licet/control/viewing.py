"""The routes of a reviewer, and the one page on which a document is seen: once, within a minute, kept by nobody."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response

from licet.control.act import Done, Proposed
from licet.control.office import Office
from licet.control.reviewing import DOCUMENT, REVIEW, Acceptance, Message, Nothing, opening, proposals
from licet.control.reviews import Reviews
from licet.errors import NotFoundError
from licet.parties import CHECKLISTS, DOCUMENT_LIFETIME, Review, ReviewDocument
from licet.parties.review import queue
from licet.stores import Administrator, PendingState
from licet.terms import format_instant

_Json = dict[str, Any]
_LINK_LIFETIME = timedelta(seconds=60)
_VIEWS = "/reviews/views/"
# Shown where it is, by nobody else's page, and with nothing in it that runs.
_SEEN_ONLY: Mapping[str, str] = {
    "content-disposition": "inline",
    "cache-control": "no-store",
    "content-security-policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class _Link:
    document: ReviewDocument
    ends: datetime


@dataclass(frozen=True, slots=True)
class Views:
    """Links to documents: each is good once, for a minute, and known to this process only."""

    reviews: Reviews
    _links: dict[str, _Link] = field(default_factory=dict)

    async def open(self, who: Administrator, review: str, document: str) -> _Json:
        """A link, once it is on record who looks.

        Raises:
            PermissionDeniedError: it is not theirs to look at.
            ConflictError: the document is gone.
        """
        done = await self.reviews.desk.carry_out(opening(self.reviews, who.name, review, document))
        now = self.reviews.clock.now()
        for name in [name for name, link in self._links.items() if now >= link.ends]:
            del self._links[name]
        token, ends = secrets.token_urlsafe(32), now + _LINK_LIFETIME
        self._links[_mark(token)] = _Link(done.result, ends)
        return {"path": _VIEWS + token, "expires_at": format_instant(ends), "record": done.record}

    def look(self, token: str) -> tuple[str, bytes]:
        """A document and its type; the link is used up by it.

        Raises:
            NotFoundError: the link is none, was used, or has ended, or the document is gone.
        """
        link, now = self._links.pop(_mark(token), None), self.reviews.clock.now()
        if link is None or now >= link.ends or not link.document.is_held(now):
            raise NotFoundError("expected a link that is good, unused and a minute old at most", code="unknown_link")
        return link.document.media, self.reviews.window.open(link.document.id)


def review_routes(
    api: FastAPI,
    router: APIRouter,
    office: Office,
    *,
    reviews: Reviews,
    who: Any,
    answer: Callable[[Done[Any] | Proposed], JSONResponse],
) -> None:
    """Add the routes of this module.

    Args:
        api: Where the page goes that a one-time link is enough for.
        router: Where the others go, which ask for an administrator.
        office: Where acts are handed in.
        reviews: What is read.
        who: The dependency that gives the administrator.
        answer: How what became of an act is written.
    """
    views = Views(reviews)
    _reading(router, reviews)
    _acting(router, office, who, answer)

    @router.post("/reviews/{review}/documents/{document}/open", summary="A link to a document, good once for a minute")
    async def open_document(review: str, document: str, by: who) -> _Json:
        return await views.open(by, review, document)

    @api.get(_VIEWS + "{token}", include_in_schema=False)
    def view(token: str) -> Response:
        media, content = views.look(token)
        return Response(content, media_type=media, headers=dict(_SEEN_ONLY))


def _reading(router: APIRouter, reviews: Reviews) -> None:
    @router.get("/reviews", summary="Open requests for a human review, whoever waits longest first")
    async def every() -> list[Any]:
        with reviews.store.read() as tx:
            found = tx.reviews.open()
        return [_summary(one, reviews) for one in queue(found)]

    @router.get("/reviews/{review}", summary="A request, its documents and what has to be seen to")
    async def show(review: str) -> _Json:
        with reviews.store.read() as tx:
            found, documents = tx.reviews.get(review), tx.reviews.documents(review)
            waiting = [one.id for one in proposals(tx, review, PendingState.PENDING)]
        return {
            **_summary(found, reviews),
            "code": found.code,
            "asks_nationality": found.asks_nationality,
            "not_for": list(found.not_for),
            "documents": [_document(one, reviews.clock.now()) for one in documents],
            "checklists": {kind: dict(points) for kind, points in CHECKLISTS.items()},
            "pending": waiting,
            "status": found.status,
            "not_after": _instant(found.not_after),
            "checklist": {name: list(points) for name, points in found.checklist.items()},
            "digest": found.digest,
        }


def _acting(
    router: APIRouter, office: Office, who: Any, answer: Callable[[Done[Any] | Proposed], JSONResponse]
) -> None:
    async def act(by: Administrator, name: str, review: str, body: Any) -> JSONResponse:
        done = await office.do(by, name, {**body.model_dump(mode="json"), REVIEW: review})
        # What was told to the person is between the two of them; the reviewer has just written it.
        return answer(done)

    @router.post("/reviews/{review}/take", summary="Have a request, so that nobody else decides it")
    async def take(review: str, body: Nothing, by: who) -> JSONResponse:
        return await act(by, "review.take", review, body)

    @router.post("/reviews/{review}/ask", summary="Ask the person for something")
    async def ask(review: str, body: Message, by: who) -> JSONResponse:
        return await act(by, "review.ask", review, body)

    @router.post("/reviews/{review}/escalate", summary="Pass a request on to any other reviewer")
    async def escalate(review: str, body: Nothing, by: who) -> JSONResponse:
        return await act(by, "review.escalate", review, body)

    @router.post("/reviews/{review}/refuse", summary="Refuse a request, with a reason that the person reads")
    async def refuse(review: str, body: Message, by: who) -> JSONResponse:
        return await act(by, "review.refuse", review, body)

    @router.post("/reviews/{review}/accept", summary="Accept a status until an instant")
    async def accept(review: str, body: Acceptance, by: who) -> JSONResponse:
        return await act(by, "review.accept", review, body)


def _summary(review: Review, reviews: Reviews) -> _Json:
    due = review.due(reviews.settings.answer_within)
    return {
        "id": review.id,
        "party": review.party,
        "state": review.state.value,
        "requested_at": format_instant(review.requested_at),
        "due": _instant(due),
        "overdue": review.is_overdue(reviews.settings.answer_within, reviews.clock.now()),
        "holder": review.holder,
        "decided_at": _instant(review.decided_at),
    }


def _document(one: ReviewDocument, at: datetime) -> _Json:
    return {
        DOCUMENT: one.id,
        "kind": one.kind.value,
        "media": one.media,
        "bytes": one.size,
        "uploaded_at": format_instant(one.uploaded_at),
        "held": one.is_held(at),
        "destroyed_by": format_instant(one.uploaded_at + DOCUMENT_LIFETIME),
        "destroyed_at": _instant(one.destroyed_at),
        "opened_by": list(one.opened_by),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _mark(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
