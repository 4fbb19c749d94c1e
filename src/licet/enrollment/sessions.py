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
    def limits(self) -> str:
        """Its attributes."""
        limits = "HttpOnly; SameSite=Strict"
        return f"Secure; Path=/; {limits}" if self.is_secure else f"Path={self.root}; {limits}"


class Sessions:
    """Begins sessions and finds them again; nothing is stored.

    Args:
        secret: A secret of the gateway's.
        root: Where the page is as browsers see it.
        is_secure: Whether callers come over https.
    """

    def __init__(self, secret: bytes, root: str, *, is_secure: bool) -> None:
        self._seal = Seal(secret, "session")
        self._cookie = Cookie(root, is_secure)

    def begin(self, ticket: str, now: datetime, caller: Caller | None = None, language: str | None = None) -> Session:
        """A session with an id that nobody knows."""
        return Session(secrets.token_urlsafe(18), self._seal.mark(ticket), now + LIFETIME, caller, language)

    def find(self, header: bytes, ticket: str, now: datetime) -> Session | None:
        """The session that a request's `Cookie` holds, if it belongs to this ticket and has not ended."""
        name = f"{self._cookie.name}=".encode()
        held = [one.strip() for one in header.split(b";")]
        found = next((one.removeprefix(name) for one in held if one.startswith(name)), None)
        session = None if found is None else self._seal.open(found.decode("latin-1"), Session)
        if session is None or now >= session.ends or session.ticket != self._seal.mark(ticket):
            return None
        return session

    def kept(self, session: Session, now: datetime) -> str:
        """The `Set-Cookie` of a session."""
        age = max(int((session.ends - now).total_seconds()), 0)
        return f"{self._cookie.name}={self._seal.close(session)}; Max-Age={age}; {self._cookie.limits}"

    def forgotten(self) -> str:
        """The `Set-Cookie` that ends every session of this browser."""
        return f"{self._cookie.name}=; Max-Age=0; {self._cookie.limits}"

    def token(self, session: Session) -> str:
        """What the session's forms carry."""
        return self._seal.mark("form", session.id, session.ticket)

    def has_sent(self, session: Session, token: str) -> bool:
        """Whether a form is one of the session's own."""
        return hmac.compare_digest(self.token(session).encode(), token.encode("utf-8", "replace"))
