"""Who is at the page: a sealed cookie that belongs to one link, and the token that its forms carry.

The session's id is changed when the key is proved, so that one planted before is worth
nothing after. A form's token is a keyed mark of the id: a page of somebody else's, who
cannot read the cookie, cannot send a form in its owner's name, and cannot have them
prove a key that is not theirs.

Source: RFC 6265bis, 4.1.3.2 (`__Host-`), 5.2 (`SameSite`).
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from licet.decisions import Caller
from licet.enrollment.sealing import Seal
from licet.terms import RecordId

LIFETIME = timedelta(minutes=30)
Notes: TypeAlias = Mapping[str, str]
"""What a way remembers between two pages."""


class Settled(msgspec.Struct, frozen=True):
    """What the last evidence came to: until when it counts at most, and its record."""

    until: datetime
    record: RecordId


class Back(msgspec.Struct, frozen=True, array_like=True):
    """From which way of which link somebody went elsewhere."""

    ticket: str
    way: str
    ends: datetime


class Session(msgspec.Struct, frozen=True):
    """Somebody at the page of one ticket; `caller` is None until the key was proved."""

    id: str
    ticket: str
    ends: datetime
    caller: Caller | None = None
    language: str | None = None
    notes: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    settled: Settled | None = None


@dataclass(frozen=True, slots=True)
class Cookie:
    """How the cookie is called and what limits it; a browser takes `Secure` over https only."""

    root: str
    is_secure: bool

    @property
    def name(self) -> str:
        """With the prefix that no other host can set, where that is possible."""
        return "__Host-licet-enroll" if self.is_secure else "licet-enroll"

    @property
    def name_back(self) -> str:
        """Of the cookie that knows where to go on after another site."""
        return f"{self.name}-back"

    @property
    def limits(self) -> str:
        """Its attributes."""
        return f"{self._place}; HttpOnly; SameSite=Strict"

    @property
    def limits_back(self) -> str:
        """Sent along when another site leads back here. What it holds proves nothing, and opens nothing."""
        return f"{self._place}; HttpOnly; SameSite=Lax"

    @property
    def _place(self) -> str:
        return "Secure; Path=/" if self.is_secure else f"Path={self.root}"


class Sessions:
    """Begins sessions and finds them again; nothing is stored.

    Args:
        secret: A secret of the gateway's.
        root: Where the page is as browsers see it.
        is_secure: Whether callers come over https.
    """

    def __init__(self, secret: bytes, root: str, *, is_secure: bool) -> None:
        self._seal = Seal(secret, "session")
        self._seal_back = Seal(secret, "back")
        self._cookie = Cookie(root, is_secure)

    def begin(self, ticket: str, now: datetime, caller: Caller | None = None, language: str | None = None) -> Session:
        """A session with an id that nobody knows."""
        return Session(secrets.token_urlsafe(18), self._seal.mark(ticket), now + LIFETIME, caller, language)

    def find(self, header: bytes, ticket: str, now: datetime) -> Session | None:
        """The session that a request's `Cookie` holds, if it belongs to this ticket and has not ended."""
        found = _held(header, self._cookie.name)
        session = None if found is None else self._seal.open(found, Session)
        if session is None or now >= session.ends or session.ticket != self._seal.mark(ticket):
            return None
        return session

    def kept(self, session: Session, now: datetime) -> str:
        """The `Set-Cookie` of a session."""
        age = max(int((session.ends - now).total_seconds()), 0)
        return f"{self._cookie.name}={self._seal.close(session)}; Max-Age={age}; {self._cookie.limits}"

    def forgotten(self) -> tuple[str, str]:
        """The `Set-Cookie`s that end every session of this browser."""
        cookie = self._cookie
        return f"{cookie.name}=; Max-Age=0; {cookie.limits}", f"{cookie.name_back}=; Max-Age=0; {cookie.limits_back}"

    def leading_back(self, ticket: str, way: str, session: Session, now: datetime) -> str:
        """The `Set-Cookie` by which this browser, back from another site, is led to where it left."""
        age, sealed = max(int((session.ends - now).total_seconds()), 0), Back(ticket, way, session.ends)
        return f"{self._cookie.name_back}={self._seal_back.close(sealed)}; Max-Age={age}; {self._cookie.limits_back}"

    def led_back(self, header: bytes, now: datetime) -> Back | None:
        """Where a browser left whose request holds this `Cookie`."""
        found = _held(header, self._cookie.name_back)
        back = None if found is None else self._seal_back.open(found, Back)
        return None if back is None or now >= back.ends else back

    def token(self, session: Session) -> str:
        """What the session's forms carry."""
        return self._seal.mark("form", session.id, session.ticket)

    def has_sent(self, session: Session, token: str) -> bool:
        """Whether a form is one of the session's own."""
        return hmac.compare_digest(self.token(session).encode(), token.encode("utf-8", "replace"))


def _held(header: bytes, name: str) -> str | None:
    """The first cookie of that name."""
    start = f"{name}=".encode()
    held = [one.strip() for one in header.split(b";")]
    return next((one.removeprefix(start).decode("latin-1") for one in held if one.startswith(start)), None)
