"""Websockets: decided on before they open, read message by message, cut like any answer.

    1  the route, the caller, and how many run with the same key, as for a request
    2  the model: in the query, or in the first message of the client
    3  the decision, on disk before the socket is open to what the upstream says
    4  each message of the client, before it is passed on: another model that it names is
       decided on like the first, and a message that has two readings ends the socket
    5  each message of the upstream, only while every permit holds

Source: RFC 6455; the ASGI specification of websockets and its extension for refusals.
"""

import logging

from licet import dialects
from licet.dialects import Match, ModelIn, RouteKind
from licet.errors import InputError, UnavailableError
from licet.gateway import answers
from licet.gateway.asgi import App, Message, Receive, Scope, Send, respond
from licet.gateway.granting import Granting, RefusedError, matched, require_admitted
from licet.gateway.metrics import Metrics
from licet.gateway.running import Running
from licet.gateway.seen import Seen
from licet.gateway.session import GoneError, Session
from licet.gateway.settings import Limits
from licet.gateway.tally import Tally
from licet.terms import Surface

_log = logging.getLogger("licet.gateway")
_REFUSAL = "websocket.http.response"


class Sockets:
    """The gate's side of websockets.

    Args:
        app: What answers a permitted socket.
        granting: Decides and records.
        limits: Bounds in size and time.
        metrics: Where requests are counted.
        running: Counts what runs with each key, requests and sockets together.
        tally: Counts what is given.
        serves_live: Whether Gemini's live sessions are served.
    """

    def __init__(
        self,
        app: App,
        granting: Granting,
        limits: Limits,
        *,
        metrics: Metrics,
        running: Running,
        tally: Tally,
        serves_live: bool,
    ) -> None:
        self._app = app
        self._granting = granting
        self._limits = limits
        self._metrics = metrics
        self._running = running
        self._tally = tally
        self._serves_live = serves_live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one websocket."""
        seen = Seen(scope, self._metrics)
        try:
            await self._answer(scope, receive, seen.sending(_refusing(scope, send)), seen)
        finally:
            seen.write(self._granting.replica.clock)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, seen: Seen) -> None:
        headers = dict(scope["headers"])
        surface = seen.surface = dialects.guess_surface(scope["query_string"], headers)
        session: Session | None = None
        try:
            await receive()  # `websocket.connect`
            match = self._match(scope, headers)
            surface = seen.surface = match.route.surface
            seen.route = match.route.path
            caller = await self._granting.caller(scope, seen)
            require_admitted(self._limits, is_admitted=self._running.enter(caller.key))
            session = Session(self._granting, self._limits, match, caller, send=send, seen=seen)
            try:
                await session.run(self._app, scope, receive)
            finally:
                self._running.leave(caller.key)
                self._tally.given(session.given, dialects.Tokens())
        except RefusedError as err:
            await _end(send, session, surface, err.told, seen)
        except InputError as err:
            await _end(send, session, surface, answers.unreadable(err), seen)
        except UnavailableError as err:
            told = answers.unavailable(err.code, None if session is None else session.decision)
            await _end(send, session, surface, told, seen)
        except GoneError:
            _log.debug("a client left before its socket was open")
        except OSError:
            _log.debug("a client left while something was being said to it")

    def _match(self, scope: Scope, headers: dict[bytes, bytes]) -> Match:
        match = matched(scope, headers)
        is_off = match.route.model_in is ModelIn.MESSAGE and not self._serves_live
        if match.route.kind is not RouteKind.SOCKET or is_off:
            raise RefusedError(answers.no_route())
        return match


async def _end(send: Send, session: Session | None, surface: Surface, told: dialects.Refusal, seen: Seen) -> None:
    seen.code = told.code
    if session is None:
        await respond(send, surface, told)
    else:
        await session.tell(told)


def _refusing(scope: Scope, send: Send) -> Send:
    """The same, where an answer that comes instead of a socket is said as servers take it."""
    can_say = _REFUSAL in (scope.get("extensions") or {})

    async def said(message: Message) -> None:
        if not message["type"].startswith("http.response."):
            await send(message)
        elif can_say:
            await send({**message, "type": f"websocket.{message['type']}"})
        elif message["type"] == "http.response.start":
            await send({"type": "websocket.close", "code": 1008})

    return said
