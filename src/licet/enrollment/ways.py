"""The port of the ways in which somebody can show what would change an answer.

A way is a row in the page's table: it says whether it is set up for this caller and
whether it can help, has a template `way_ID.html` and sentences `way.ID.*`, and takes
what its form sends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

from licet.decisions import Caller, Request, Snapshot
from licet.enrollment.forms import Form
from licet.enrollment.sessions import Notes
from licet.errors import LicetError
from licet.parties.evidence import Enrolled


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, by whom, on what rows, at which instant."""

    request: Request
    snapshot: Snapshot
    at: datetime

    @property
    def caller(self) -> Caller:
        """Who has proved their key."""
        return self.request.caller


@dataclass(frozen=True, slots=True)
class Remembered:
    """Nothing is settled yet; the page is shown again, with what the way now remembers."""

    notes: Notes


@dataclass(frozen=True, slots=True)
class Leading:
    """It goes on elsewhere: the page shows the address, as a link that the person follows.

    A form that is answered with a redirect to another site would be stopped by the page's own policy.
    """

    url: str
    notes: Notes


@dataclass(frozen=True, slots=True)
class Answered:
    """What was waited for has come, and the overview says what it came to."""


Taken: TypeAlias = Remembered | Leading | Enrolled


class WayError(Exception):
    """What was sent is not taken, and which field is to blame; never leaves this room.

    Attributes:
        notes: What the way remembers from now on.
    """

    def __init__(self, field: str, cause: LicetError, notes: Notes) -> None:
        super().__init__(cause.code)
        self.field = field
        self.cause = cause
        self.notes = notes


class Way(Protocol):
    """One way."""

    @property
    def id(self) -> str:
        """Its place under the page's address, and the name of its template and sentences."""
        ...

    def is_configured(self, asked: Asked) -> bool:
        """Whether it is set up for this caller."""
        ...

    def can_help(self, asked: Asked) -> bool:
        """Whether what it could establish would turn the answer into a permit."""
        ...

    def shown(self, asked: Asked, notes: Notes) -> Mapping[str, Any]:
        """What its template shows."""
        ...

    def is_waiting(self, notes: Notes) -> bool:
        """Whether something is to come from elsewhere, so that the page is worth loading again by itself."""
        ...

    async def arrive(self, asked: Asked, notes: Notes, query: str) -> Enrolled | Answered | None:
        """Take whoever loads its page with something that came from elsewhere; None if nothing did.

        Args:
            asked: By whom, of what.
            notes: What the way remembers.
            query: As it was sent, without its question mark.

        Raises:
            WayError: it is not taken.
        """
        ...

    async def take(self, asked: Asked, notes: Notes, form: Form) -> Taken:
        """Take what its form sent.

        Raises:
            WayError: it is not taken.
        """
        ...


@runtime_checkable
class AttendedWay(Protocol):
    """A way in which somebody attends to what is handed in: it takes files, and how it stands has to be asked."""

    most_bytes: int
    """How long a form of its own may be."""
    files: frozenset[str]
    """The fields that hold a file as it is: each byte stands as the letter of its number (ISO 8859-1)."""

    async def standing_of(self, asked: Asked) -> Mapping[str, Any]:
        """What its template shows beside what the way remembers.

        Raises:
            LicetError: nobody can say now.
        """
        ...
