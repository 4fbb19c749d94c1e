"""Requests for a human review and what is known of their documents, which are not here."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select

from licet.errors import NotFoundError
from licet.parties import Review, ReviewDocument
from licet.stores import schema
from licet.terms import PartyId

_REVIEW, _DOCUMENT = msgspec.json.Decoder(Review), msgspec.json.Decoder(ReviewDocument)


class Reviews:
    """The requests of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, review: Review) -> None:
        """Insert or replace a request."""
        self._put(schema.reviews, review.id, _columns(review), review)

    def get(self, review: str) -> Review:
        """A request.

        Raises:
            NotFoundError: there is none of that id.
        """
        found = self._connection.execute(select(schema.reviews.c.body).where(schema.reviews.c.id == review)).scalar()
        if found is None:
            raise NotFoundError(f"expected the id of a review, found `{review}`", code="unknown_review")
        return _REVIEW.decode(found)

    def of_party(self, party: PartyId) -> list[Review]:
        """Somebody's requests, the first one first."""
        c = schema.reviews.c
        found = self._connection.execute(select(c.body).where(c.party == party).order_by(c.id))
        return [_REVIEW.decode(body) for (body,) in found]

    def open(self) -> list[Review]:
        """The requests that are to be decided on."""
        return self._where(schema.reviews.c.is_open == 1)

    def telling(self) -> list[Review]:
        """The requests that hold a message to their person."""
        return self._where(schema.reviews.c.has_message == 1)

    def _where(self, condition: ColumnElement[bool]) -> list[Review]:
        query = select(schema.reviews.c.body).where(condition).order_by(schema.reviews.c.id)
        return [_REVIEW.decode(body) for (body,) in self._connection.execute(query)]

    def put_document(self, document: ReviewDocument) -> None:
        """Insert or replace what is known of a document."""
        columns = {"review": document.review, "is_held": int(document.destroyed_at is None)}
        self._put(schema.review_documents, document.id, columns, document)

    def documents(self, review: str) -> list[ReviewDocument]:
        """A request's documents, the first one first; also those that are gone."""
        c = schema.review_documents.c
        found = self._connection.execute(select(c.body).where(c.review == review).order_by(c.id))
        return [_DOCUMENT.decode(body) for (body,) in found]

    def held(self) -> list[ReviewDocument]:
        """Every document that was not written down as destroyed."""
        c = schema.review_documents.c
        found = self._connection.execute(select(c.body).where(c.is_held == 1).order_by(c.id))
        return [_DOCUMENT.decode(body) for (body,) in found]

    def _put(self, table: Table, name: str, columns: dict[str, Any], value: object) -> None:
        self._connection.execute(delete(table).where(table.c.id == name))
        body = msgspec.json.encode(value)
        self._connection.execute(insert(table).values(id=name, **columns, body=body))


def _columns(review: Review) -> dict[str, Any]:
    return {
        "party": review.party,
        "is_open": int(review.is_open),
        "has_message": int(review.message is not None),
    }
