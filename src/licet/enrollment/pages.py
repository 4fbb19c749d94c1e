"""`/licet/enroll/TICKET`: the page to which a refusal's link leads.

A link can be sent to anybody, so it shows nothing by itself: whoever opens it proves
the key that it was made for, in the same browser, and only then is told about the
refusal. What is gained there is gained for that key's party and for nobody else.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from licet.decisions import Caller, Code, Snapshot, disclosed
from licet.enrollment.forms import Form, TooLargeError, read_fields
from licet.enrollment.languages import Language, languages, preferred
from licet.enrollment.sessions import Session, Sessions, Settled
from licet.enrollment.tickets import PATH, RETURN, Ticket, Tickets
from licet.enrollment.verdict import Hope, Verdict, look
from licet.enrollment.views import moved, page
from licet.enrollment.ways import Answered, Asked, AttendedWay, Leading, Remembered, Taken, Way, WayError
from licet.errors import CallerError, InputError, LicetError, UnavailableError
from licet.parties.evidence import Enrolled
from licet.terms import KeyId

MOST_TRIES = 10
"""How often a key may be tried at one link in a quarter of an hour."""

_KEY = re.compile(r"[!-~]{1,8192}")
# Whoever opens the page is told by what they type, not by what else their browser sends.
_SAYS_WHO = frozenset(
    {b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"dpop", b"licet-end-user", b"cookie"}
    | {b"client-cert", b"client-cert-chain", b"sec-websocket-protocol"}
)
_OURS = frozenset({"same-origin", "none"})
_LONGEST_QUERY = 8_192
_AGAIN_S = 5
"""After how long a page that waits for somebody else is loaded again."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Whom the page asks.

    Attributes:
        identify: Whose a request is, by its ASGI scope; raises CallerError for nobody's.
        holds: Whether a key is still good.
        look: The rows and the instant of decision.
        may_try: Whether one more key may be tried at a link.
        human: Where a person can be reached, as an address; None where the operator named nobody.
    """

    identify: Callable[[MutableMapping[str, Any]], Awaitable[Caller]]
    holds: Callable[[KeyId], bool]
    look: Callable[[], tuple[Snapshot, datetime]]
    may_try: Callable[[str, datetime], bool]
    human: str | None


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request at the page of one ticket, and who is there."""

    request: Request
    text: str
    ticket: Ticket
    session: Session
    language: Language
    at: datetime
    home: str
    token: str
    errors: Sequence[tuple[str, Any]] = field(default=())


class Pages(Starlette):
    """The application behind `/licet/enroll/`.

    Args:
        tickets: Reads what links stand for.
        sessions: Knows who is there.
        reception: Who asks, and what is decided.
        ways: The ways that there are; of them those are offered that can help.
    """

    def __init__(self, tickets: Tickets, sessions: Sessions, reception: Reception, ways: Sequence[Way]) -> None:
        self._tickets = tickets
        self._sessions = sessions
        self._reception = reception
        self._ways = {way.id: way for way in ways}
        methods = ["GET", "POST"]
        super().__init__(
            routes=[
                Route(PATH + RETURN, self._back, methods=["GET"]),
                Route(PATH + "{ticket}", self._explained(self._entrance), methods=methods),
                Route(PATH + "{ticket}/{way}", self._explained(self._way), methods=methods),
            ],
            exception_handlers={HTTPException: _no_such_page},
        )
        self.router.redirect_slashes = False  # a redirect would be to whatever host the request names

    def _explained(self, door: Callable[[_Visit], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def open_door(request: Request) -> Response:
            language = _language(request)
            try:
                visit = self._visit(request)
                return _gone(language) if visit is None else await door(visit)
            except TooLargeError:
                return page("told", language, 413, what="too_large")
            except InputError:
                return page("told", language, 400, what="unreadable")
            except UnavailableError:
                return page("told", language, 503, what="unavailable")
            except ClientDisconnect:
                return Response()  # nobody reads it

        return open_door

    def _visit(self, request: Request) -> _Visit | None:
        """Who is there; None where the link means nothing."""
        text, (_, at) = request.path_params["ticket"], self._reception.look()
        ticket = self._tickets.read(text, at) if _is_as_sent(request) else None
        if ticket is None:
            return None
        session = self._sessions.find(_cookies(request), text, at) or self._sessions.begin(text, at)
        if session.caller is not None and not self._reception.holds(session.caller.key):
            session = self._sessions.begin(text, at, language=session.language)
        language = _language(request, session.language)
        if request.query_params.get("lang") == language.code:
            session = replace(session, language=language.code)
        home = self._tickets.root + text
        return _Visit(request, text, ticket, session, language, at, home, self._sessions.token(session))

    # The entrance: prove the key, then see what is what.

    async def _entrance(self, visit: _Visit) -> Response:
        if visit.request.method == "POST":
            return await self._enter(visit)
        if visit.session.caller is None:
            return self._with(visit.session, visit, self._key_page(visit))
        return self._with(visit.session, visit, self._answer(visit, visit.session.caller))

    async def _enter(self, visit: _Visit) -> Response:
        form = await read_fields(visit.request)
        if not self._is_ours(visit, form):
            return self._with(visit.session, visit, self._told(visit, "stale_form", 403))
        if form.get("step") == "leave":
            answer = moved(visit.home)
            for cookie in self._sessions.forgotten():
                answer.headers.append("set-cookie", cookie)
            return answer
        if not self._reception.may_try(visit.text, visit.at):
            return self._told(visit, "too_many_tries", 429)
        try:
            caller = await self._proved(visit, form.get("key", "").strip())
        except (CallerError, InputError):
            return self._with(visit.session, visit, self._key_page(visit, "key_not_good"))
        if caller.key != visit.ticket.key:
            return self._with(visit.session, visit, self._key_page(visit, "key_of_another"))
        # Another id than before: one that somebody planted is worth nothing now.
        session = self._sessions.begin(visit.text, visit.at, caller, visit.session.language)
        return self._with(session, visit, moved(visit.home))

    async def _proved(self, visit: _Visit, key: str) -> Caller:
        """Whose key it is, from where the browser is."""
        if not _KEY.fullmatch(key):
            raise CallerError("The API key is not valid.")
        scope = visit.request.scope
        headers = [(name, value) for name, value in scope["headers"] if name not in _SAYS_WHO]
        bearer = (b"authorization", b"Bearer " + key.encode("ascii"))
        return await self._reception.identify({**scope, "query_string": b"", "headers": [*headers, bearer]})

    def _key_page(self, visit: _Visit, error: str | None = None) -> Response:
        errors = [] if error is None else [("key", visit.language.say(f"error.{error}"))]
        return page("key", visit.language, 403 if errors else 200, visit=visit, errors=errors)

    def _answer(self, visit: _Visit, caller: Caller) -> Response:
        asked = self._asked(visit, caller)
        verdict = look(asked)
        if verdict.refusal is not None and verdict.refusal.code is Code.MODEL_NOT_FOUND:
            return _gone(visit.language)  # it has been concealed since
        return page(
            "answer",
            visit.language,
            visit=visit,
            verdict=verdict,
            ways=self._offered(asked, verdict),
            grounds=() if verdict.refusal is None else disclosed(verdict.refusal.grounds),
            human=self._human(),
            days=asked.snapshot.policy.parameters.evidence_max_age_days,
        )

    # The ways.

    async def _way(self, visit: _Visit) -> Response:
        way, caller = self._ways.get(visit.request.path_params["way"]), visit.session.caller
        if way is None:
            return _gone(visit.language)
        if caller is None:
            return self._with(visit.session, visit, moved(visit.home))
        asked = self._asked(visit, caller)
        if way not in self._offered(asked, look(asked)):
            return self._with(visit.session, visit, moved(visit.home))  # where it is said why
        notes = visit.session.notes.get(way.id, {})
        if visit.request.method == "POST":
            bounds = (way.most_bytes, way.files) if isinstance(way, AttendedWay) else ()
            form = await read_fields(visit.request, *bounds)
            if not self._is_ours(visit, form):
                return self._with(visit.session, visit, self._told(visit, "stale_form", 403))
            return await self._came_to(way.take(asked, notes, form), way, asked, visit)
        query = visit.request.scope["query_string"].decode("latin-1")
        return await self._came_to(way.arrive(asked, notes, query), way, asked, visit)

    async def _came_to(
        self, taking: Awaitable[Taken | Answered | None], way: Way, asked: Asked, visit: _Visit
    ) -> Response:
        """What a way makes of what was sent, or brought, and the page that follows."""
        try:
            taken = await taking
        except WayError as err:
            session = _noting(visit.session, way, err.notes)
            why = _why(visit.language, way, err.cause)
            return self._with(session, visit, await self._way_page(way, asked, visit, session, (err.field, why)))
        match taken:
            case None:
                return self._with(visit.session, visit, await self._way_page(way, asked, visit))
            case Remembered():
                session = _noting(visit.session, way, taken.notes)
                return self._with(session, visit, moved(f"{visit.home}/{way.id}"))
            case Leading():
                session = _noting(visit.session, way, taken.notes)
                shown = await self._way_page(way, asked, visit, session, leads=taken.url)
                answer = self._with(session, visit, shown)
                answer.headers.append("set-cookie", self._sessions.leading_back(visit.text, way.id, session, visit.at))
                return answer
            case Answered():
                return self._with(_noting(visit.session, way, {}), visit, moved(visit.home))
            case Enrolled():
                session = replace(_noting(visit.session, way, {}), settled=Settled(taken.until, taken.record))
                return self._with(session, visit, moved(visit.home))

    async def _back(self, request: Request) -> Response:
        """Who comes back from another site is without the session's cookie: lead them on, from here, by a page.

        Nothing is believed or done here. What they bring is read by the way that they left by, if they
        are whoever left.
        """
        language, query = _language(request), request.scope["query_string"]
        back = self._sessions.led_back(_cookies(request), self._reception.look()[1])
        if len(query) > _LONGEST_QUERY or not query.isascii():
            return page("told", language, 400, what="unreadable")
        if back is None:
            return page("told", language, 404, what="lost")
        place = f"{self._tickets.root}{back.ticket}/{back.way}"
        return page("returning", language, place=f"{place}?{query.decode()}" if query else place)

    async def _way_page(
        self,
        way: Way,
        asked: Asked,
        visit: _Visit,
        session: Session | None = None,
        error: tuple[str, Any] | None = None,
        *,
        leads: str | None = None,
    ) -> Response:
        notes = (session or visit.session).notes.get(way.id, {})
        shown = {**way.shown(asked, notes), "leads": leads, "human": self._human()}
        if isinstance(way, AttendedWay):
            try:
                shown |= await way.standing_of(asked)
            except LicetError:
                return self._told(visit, "unavailable", 503)
        errors = [] if error is None else [error]
        stays = bool(leads or errors or not way.is_waiting(notes) or "stay" in visit.request.query_params)
        status = 403 if errors else 200
        answer = page(f"way_{way.id}", visit.language, status, visit=visit, errors=errors, stays=stays, **shown)
        if not stays:
            answer.headers["refresh"] = str(_AGAIN_S)
        return answer

    def _offered(self, asked: Asked, verdict: Verdict) -> list[Way]:
        if verdict.hope not in {Hope.SHOWABLE, Hope.CORRECTABLE}:
            return []
        return [way for way in self._ways.values() if way.is_configured(asked) and way.can_help(asked)]

    # What all of them share.

    def _asked(self, visit: _Visit, caller: Caller) -> Asked:
        snapshot, at = self._reception.look()
        return Asked(visit.ticket.asks(caller), snapshot, at)

    def _is_ours(self, visit: _Visit, form: Form) -> bool:
        """Whether a form comes from a page of this session (and says so itself, where the browser can tell)."""
        site = visit.request.headers.get("sec-fetch-site", "same-origin")
        return site in _OURS and self._sessions.has_sent(visit.session, form.get("token", ""))

    def _told(self, visit: _Visit, what: str, status: int) -> Response:
        return page("told", visit.language, status, what=what, again=visit.home)

    def _with(self, session: Session, visit: _Visit, answer: Response) -> Response:
        answer.headers["set-cookie"] = self._sessions.kept(session, visit.at)
        return answer

    def _human(self) -> tuple[str, str] | None:
        """Where a link to a person leads, and what it says."""
        human = self._reception.human
        if human is None:
            return None
        return (human, human) if human.startswith("https:") else (f"mailto:{human}", human)


def _noting(session: Session, way: Way, notes: Any) -> Session:
    return replace(session, notes={**session.notes, way.id: dict(notes)})


def _cookies(request: Request) -> bytes:
    return b"; ".join(value for name, value in request.scope["headers"] if name == b"cookie")


def _why(language: Language, way: Way, cause: LicetError) -> Any:
    """Why evidence was not taken: in the reader's language where there is a sentence for it, of this way or of all."""
    told = [f"way.{way.id}.refused.{cause.code}", f"way.{way.id}.refused.other", f"refused.{cause.code}"]
    return language.say(next(filter(language.has, told), "refused.other"), code=cause.code)


def _language(request: Request, chosen: str | None = None) -> Language:
    """What was asked for just now, else before, else what the browser prefers."""
    for code in (request.query_params.get("lang"), chosen):
        if code is not None and code in languages():
            return languages()[code]
    return preferred(request.headers.get("accept-language", ""))


def _is_as_sent(request: Request) -> bool:
    """Whether the path has the one spelling that our links have."""
    sent = request.scope.get("raw_path")
    return sent is not None and sent == request.scope["path"].encode("utf-8")


def _gone(language: Language) -> Response:
    """A link that was never made, has expired, or is about what is hidden now: the same answer."""
    return page("told", language, 404, what="gone")


async def _no_such_page(request: Request, err: Exception) -> Response:
    if not isinstance(err, HTTPException):
        raise err
    answer = page("told", _language(request), err.status_code, what="gone" if err.status_code == 404 else "no_method")  # noqa: PLR2004  # not found
    answer.headers.update(err.headers or {})
    return answer
