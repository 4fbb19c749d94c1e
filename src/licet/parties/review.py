"""Human review: a person's request that somebody looks at documents, as a state machine.

Asked is the predicate and never its basis, so the kinds of document say what a document
is for and not what it is: that somebody showed a certain card would tell the basis.
What the documents hold is nowhere here; of them stay a kind, a size and a keyed digest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from licet.errors import ConflictError, InputError, PermissionDeniedError
from licet.parties.party import AttestedStatus
from licet.parties.standing import HolderBinding
from licet.terms import KeyId, PartyId

MOST_DOCUMENTS = 3
"""How many documents a request holds at once."""
MOST_UPLOADS = 9
"""How many it may be handed in all, those put in the place of others among them."""
MOST_DOCUMENT_BYTES = 5 * 1024 * 1024
MOST_MESSAGE = 1_000
DOCUMENT_LIFETIME = timedelta(hours=72)
"""How long a document is held at most; it is destroyed before, once there is a decision."""
HOLD_LIFETIME = timedelta(hours=24)
"""How long a reviewer holds a request before somebody else may take it."""
PATIENCE = timedelta(days=30)
"""How long a message waits to be read, and a request for its person."""
READ_LIFETIME = timedelta(hours=1)
"""How long a message is shown once it was read."""
CALL = "call"
"""What stands in a checklist in the place of a document where the person was seen in a call."""


class ReviewState(StrEnum):
    """Where a request is."""

    WAITING = "waiting"
    TAKEN = "taken"
    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


OPEN_STATES = frozenset({ReviewState.WAITING, ReviewState.TAKEN, ReviewState.ASKED})


class DocumentKind(StrEnum):
    """What a document is for."""

    STATUS_DOCUMENT = "status_document"
    IDENTITY_DOCUMENT = "identity_document"
    LETTER = "letter"
    HOLDER_PHOTOGRAPH = "holder_photograph"


CHECKLISTS: Mapping[str, Mapping[str, str]] = {
    DocumentKind.STATUS_DOCUMENT: {
        "legible": "every line that is relied on can be read",
        "unaltered": "no sign that it was altered, cut or put together",
        "authority": "it was issued by an authority that says who has the status",
        "in_force": "it is in force today, and not expired or withdrawn",
        "shows_status": "it shows the status that is accepted",
        "one_person": "it carries the holder's likeness, or the name of an identity document shown beside it",
    },
    DocumentKind.IDENTITY_DOCUMENT: {
        "legible": "every line that is relied on can be read",
        "unaltered": "no sign that it was altered, cut or put together",
        "authority": "it was issued by a state's authority",
        "in_force": "it is in force today, and not expired or withdrawn",
        "one_person": "it carries the holder's likeness",
    },
    DocumentKind.LETTER: {
        "legible": "every line that is relied on can be read",
        "unaltered": "no sign that it was altered, cut or put together",
        "sender_asked": "its sender was asked, at an address that was found elsewhere, and stands by it",
        "recent": "it was written within the last 90 days",
        "shows_status": "it says whether the status is held, from the sender's own knowledge",
    },
    DocumentKind.HOLDER_PHOTOGRAPH: {
        "code": "the request's code is in the picture, in handwriting",
        "with_document": "the document that is relied on is in the picture, and is the same",
        "likeness": "whoever holds it is the person on the document",
        "unaltered": "no sign that it was altered or put together",
    },
    CALL: {
        "code": "the person said the request's code when asked",
        "with_document": "the person showed the document that is relied on, and it is the same",
        "likeness": "whoever was seen is the person on the document",
    },
}
"""What a reviewer has seen to before anything is accepted, by kind of document."""

_SHOWS_STATUS = frozenset({DocumentKind.STATUS_DOCUMENT, DocumentKind.LETTER})
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf"))
_KINDS = ", ".join(f"`{kind}`" for kind in DocumentKind)


@dataclass(frozen=True, slots=True)
class ReviewDocument:
    """A document that was handed in: everything of it but itself.

    Attributes:
        digest: Keyed, so that the same document is known again and cannot be guessed.
        opened_by: The reviewers who have looked at it.
        destroyed_at: Since when it is gone.
    """

    id: str
    review: str
    kind: DocumentKind
    media: str
    size: int
    digest: str
    uploaded_at: datetime
    opened_by: tuple[str, ...] = ()
    destroyed_at: datetime | None = None

    def is_held(self, at: datetime) -> bool:
        """Whether it may still be looked at."""
        return self.destroyed_at is None and at < self.uploaded_at + DOCUMENT_LIFETIME


@dataclass(frozen=True, slots=True)
class Review:
    """One request.

    Attributes:
        key: With which of the party's keys it was asked for: that one is served.
        code: What the person writes beside themselves in a photograph.
        owed_since: Since when the person waits for the provider; None while it is their turn.
        holder: The reviewer who has it.
        not_for: Reviewers who have passed it on.
        message: To the person, until it was read.
        checklist: What was seen to of what was relied on.
        digest: Keyed, of the documents that were relied on.
    """

    id: str
    party: PartyId
    key: KeyId
    code: str
    requested_at: datetime
    asks_nationality: bool = False
    state: ReviewState = ReviewState.WAITING
    owed_since: datetime | None = None
    holder: str | None = None
    taken_at: datetime | None = None
    not_for: tuple[str, ...] = ()
    uploads: int = 0
    message: str | None = None
    message_at: datetime | None = None
    read_at: datetime | None = None
    decided_at: datetime | None = None
    status: AttestedStatus | None = None
    not_after: datetime | None = None
    checklist: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided on."""
        return self.state in OPEN_STATES

    def due(self, within: timedelta) -> datetime | None:
        """Until when the person was promised an answer; None while it is their turn."""
        return None if self.owed_since is None else self.owed_since + within

    def is_overdue(self, within: timedelta, at: datetime) -> bool:
        """Whether that instant has come."""
        due = self.due(within)
        return due is not None and at >= due


@dataclass(frozen=True, slots=True)
class Told:
    """What the person is told of their request.

    Attributes:
        state: None where they never asked.
        due: Until when they are promised an answer; None while it is their turn.
        held_until: For each document that is held, its kind and when it is destroyed at the latest.
    """

    state: ReviewState | None = None
    code: str | None = None
    due: datetime | None = None
    message: str | None = None
    asks_nationality: bool = False
    held_until: tuple[tuple[DocumentKind, datetime], ...] = ()


def queue(reviews: Iterable[Review]) -> list[Review]:
    """Open requests, whoever waits longest first; then those whose person's turn it is."""
    mine = [one for one in reviews if one.is_open]
    return sorted(mine, key=lambda one: (one.owed_since is None, one.owed_since or one.requested_at, one.id))


def take(review: Review, who: str, at: datetime) -> Review:
    """A reviewer takes it; what another has had for a day may be taken from them.

    Raises:
        ConflictError: it is decided, or held by somebody.
        PermissionDeniedError: they have passed it on.
    """
    _require_open(review)
    if who in review.not_for:
        raise PermissionDeniedError("expected another reviewer than one who has passed it on", code="passed_on")
    if review.holder == who:
        raise ConflictError(f"`{review.id}` is yours already", code="review_held")
    if review.holder is not None and (review.taken_at is None or at < review.taken_at + HOLD_LIFETIME):
        raise ConflictError(f"`{review.id}` is held by `{review.holder}`", code="review_held")
    state = ReviewState.ASKED if review.state is ReviewState.ASKED else ReviewState.TAKEN
    return replace(review, state=state, holder=who, taken_at=at)


def ask(review: Review, who: str, message: str, at: datetime) -> Review:
    """Its reviewer asks the person for something; now it is their turn."""
    _require_held(review, who)
    return replace(_told(review, message, at), state=ReviewState.ASKED, owed_since=None)


def answered(review: Review, at: datetime) -> Review:
    """The person has handed something in: if they were asked, it is the reviewer's turn again."""
    _require_open(review)
    if review.state is not ReviewState.ASKED:
        return review
    return replace(review, state=ReviewState.TAKEN, owed_since=at, taken_at=at)


def escalate(review: Review, who: str) -> Review:
    """Its reviewer passes it on: anybody else may take it, and the person waits on."""
    _require_held(review, who)
    state = ReviewState.ASKED if review.state is ReviewState.ASKED else ReviewState.WAITING
    return replace(review, state=state, holder=None, taken_at=None, not_for=(*review.not_for, who))


def refuse(review: Review, who: str, message: str, at: datetime) -> Review:
    """Its reviewer refuses it, and says why in plain words."""
    _require_held(review, who)
    return _ended(_told(review, message, at), ReviewState.REFUSED, at)


def accept(review: Review, who: str, status: AttestedStatus, not_after: datetime, at: datetime) -> Review:
    """Its reviewer accepts that the person has a status, until an instant."""
    _require_held(review, who)
    plain = replace(review, message=None, message_at=None, read_at=None)
    return replace(_ended(plain, ReviewState.ACCEPTED, at), status=status, not_after=not_after)


def withdraw(review: Review, at: datetime) -> Review:
    """The person takes it back."""
    _require_open(review)
    return replace(_ended(review, ReviewState.WITHDRAWN, at), message=None, message_at=None)


def lapse(review: Review, at: datetime) -> Review:
    """It ends by itself where the person does not answer for 30 days; else it is as it was."""
    asked_at = review.message_at
    is_past = review.state is ReviewState.ASKED and asked_at is not None and at >= asked_at + PATIENCE
    return _ended(review, ReviewState.LAPSED, at) if is_past else review


def forget_message(review: Review, at: datetime) -> Review:
    """Without its message, if that was read an hour ago or was there for 30 days; a question stays while it is one."""
    if review.message_at is None or review.state is ReviewState.ASKED:
        return review
    is_read = review.read_at is not None and at >= review.read_at + READ_LIFETIME
    if not is_read and at < review.message_at + PATIENCE:
        return review
    return replace(review, message=None, message_at=None, read_at=None)


def media_of(content: bytes) -> str:
    """The type of a document by its first bytes.

    Raises:
        InputError: it is too large, or none that is taken.
    """
    if len(content) > MOST_DOCUMENT_BYTES:
        raise InputError(f"expected at most {MOST_DOCUMENT_BYTES} bytes", code="document_too_large")
    for magic, media in _MAGIC:
        if content.startswith(magic) and len(content) > len(magic):
            return media
    raise InputError("expected a JPEG, a PNG or a PDF", code="document_type")


def document_kind(text: str) -> DocumentKind:
    """A kind by its name.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return DocumentKind(text)
    except ValueError as err:
        raise InputError(f"expected a kind of document, one of {_KINDS}", code="document_kind") from err


def require_room(review: Review, held: int) -> None:
    """Refuse a document more than a request may hold or be handed.

    Raises:
        ConflictError: it is one.
    """
    _require_open(review)
    if held >= MOST_DOCUMENTS or review.uploads >= MOST_UPLOADS:
        raise ConflictError(
            f"expected at most {MOST_DOCUMENTS} documents at once and {MOST_UPLOADS} in all", code="too_many_documents"
        )


def binding_of(
    checklist: Mapping[str, Iterable[str]], documents: Mapping[str, ReviewDocument], at: datetime
) -> HolderBinding:
    """How a complete checklist binds what was shown to the person.

    Args:
        checklist: What was seen to, by the id of each document that is relied on, and by `call`.
        documents: Those of the request, by id.
        at: The instant of the decision: what is not held then cannot be relied on.

    Raises:
        ConflictError: it is not complete, or a document is gone.
    """
    kinds: set[str] = set()
    for name, seen in checklist.items():
        kind = _kind_of(name, documents, at)
        missing = [item for item in CHECKLISTS[kind] if item not in set(seen)]
        unknown = sorted(set(seen) - set(CHECKLISTS[kind]))
        if missing or unknown:
            told = ", ".join(f"`{item}`" for item in missing or unknown)
            raise ConflictError(
                f"expected every point of `{kind}` and no other, {'missing' if missing else 'found'} {told}",
                code="checklist_incomplete",
            )
        kinds.add(kind)
    if not kinds & _SHOWS_STATUS:
        raise ConflictError("expected a document that shows the status", code="checklist_incomplete")
    if CALL in kinds:
        return HolderBinding.PRESENT
    if DocumentKind.HOLDER_PHOTOGRAPH in kinds:
        return HolderBinding.NAMED
    raise ConflictError("expected a photograph of the holder, or a call", code="checklist_incomplete")


def _kind_of(name: str, documents: Mapping[str, ReviewDocument], at: datetime) -> str:
    if name == CALL:
        return CALL
    found = documents.get(name)
    if found is None or not found.is_held(at):
        raise ConflictError(f"expected documents that are held, found `{name}`", code="document_gone")
    return found.kind


def _told(review: Review, message: str, at: datetime) -> Review:
    text = message.strip()
    if not 0 < len(text) <= MOST_MESSAGE:
        raise InputError(f"expected a message in plain words, at most {MOST_MESSAGE} letters", code="message_missing")
    return replace(review, message=text, message_at=at, read_at=None)


def _ended(review: Review, state: ReviewState, at: datetime) -> Review:
    return replace(review, state=state, decided_at=at, owed_since=None)


def _require_open(review: Review) -> None:
    if not review.is_open:
        raise ConflictError(f"`{review.id}` is {review.state}", code="review_decided")


def _require_held(review: Review, who: str) -> None:
    _require_open(review)
    if review.holder != who:
        raise PermissionDeniedError("expected the reviewer who has taken it", code="review_not_held")
