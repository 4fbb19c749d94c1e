"""The way by which a person of the provider's looks at documents; and its port, which the doors use too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from licet.decisions import Caller, Prospects, Showing, Voucher, prospects
from licet.enrollment.forms import Form
from licet.enrollment.sessions import Notes
from licet.enrollment.ways import Asked, Remembered, Taken, WayError
from licet.errors import InputError, LicetError
from licet.parties import MOST_DOCUMENT_BYTES, MOST_DOCUMENTS, Assurance, DocumentKind, EvidenceKind, ReviewState, Told
from licet.terms import OrganizationId, format_instant

_REVIEWER = OrganizationId("reviewer")
_STEPS = frozenset({"ask", "upload", "withdraw"})
_FORM_BYTES = 65_536


class Reviewing(Protocol):
    """Who keeps requests for a human review."""

    async def review(self, caller: Caller, step: str, kind: str = "", content: bytes = b"") -> Told:
        """Do what a person asks for their own human review.

        Raises:
            InputError: the key is not of one party, or what was sent is not taken.
            NotFoundError: there is no open request.
            ConflictError: there is one already, or too much was sent.
            UnavailableError: the control process, the store, the log or the disk did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReviewWay:
    """A request to a person, and documents for them to look at.

    Attributes:
        reviewing: Who keeps requests.
        now: The present instant.
    """

    id: ClassVar[str] = "review"
    most_bytes: ClassVar[int] = MOST_DOCUMENT_BYTES + _FORM_BYTES
    files: ClassVar[frozenset[str]] = frozenset({"file"})

    reviewing: Reviewing
    now: Callable[[], datetime]

    def is_configured(self, asked: Asked) -> bool:
        """Whether the key is of one person."""
        return asked.caller.party is not None

    def can_help(self, asked: Asked) -> bool:
        """Whether a reviewer's word would turn the answer."""
        return bool(_would_help(asked).showings)

    def shown(self, asked: Asked, notes: Notes) -> Mapping[str, Any]:
        """What may be shown, and the kinds of document."""
        return {
            "kinds": [kind.value for kind in DocumentKind],
            "most": MOST_DOCUMENTS,
            "asks_nationality": Showing.NATIONALITY in _would_help(asked).showings,
            "done": notes.get("done"),
        }

    async def standing_of(self, asked: Asked) -> Mapping[str, Any]:
        """How the request stands."""
        told = await self.reviewing.review(asked.caller, "look")
        is_open = told.state in {ReviewState.WAITING, ReviewState.TAKEN, ReviewState.ASKED}
        return {"told": told, "is_open": is_open, "is_overdue": told.due is not None and self.now() >= told.due}

    def is_waiting(self, notes: Notes) -> bool:  # noqa: ARG002  # as of the port
        """Never: a person takes longer than anybody looks at a page."""
        return False

    async def arrive(self, asked: Asked, notes: Notes, query: str) -> None:
        """Nothing comes from elsewhere."""

    async def take(self, asked: Asked, notes: Notes, form: Form) -> Taken:
        """Ask, hand a document in, or take the request back.

        Raises:
            WayError: it is not taken.
        """
        step = form.get("step", "")
        if step not in _STEPS:
            raise WayError("step", InputError("expected a step of a review"), notes)
        content = form.get("file", "").encode("latin-1") if step == "upload" else b""
        if step == "upload" and not content:
            raise WayError("file", InputError("expected a file", code="no_document"), notes)
        try:
            await self.reviewing.review(asked.caller, step, form.get("kind", ""), content)
        except LicetError as err:
            raise WayError("kind" if err.code == "document_kind" else _FIELDS[step], err, notes) from err
        return Remembered({"done": step})


_FIELDS = {"ask": "ask", "upload": "file", "withdraw": "withdraw"}


def told_value(told: Told) -> dict[str, Any]:
    """What the person is told, as JSON."""
    return {
        "state": None if told.state is None else told.state.value,
        "code": told.code,
        "due": None if told.due is None else format_instant(told.due),
        "message": told.message,
        "asks_nationality": told.asks_nationality,
        "documents": [{"kind": kind.value, "destroyed_by": format_instant(until)} for kind, until in told.held_until],
    }


def _would_help(asked: Asked) -> Prospects:
    voucher = Voucher(EvidenceKind.HUMAN_REVIEW, _REVIEWER, Assurance.SUBSTANTIAL)
    return prospects(asked.request, asked.snapshot, asked.at, voucher)
