"""The gate: pure ASGI middleware that lets a request through only while a permit holds.

`Gate(app)` stands before a reverse proxy, or before an inference application in
the same process. One request passes here from top to bottom:

    1  which route it is; what is not in the table is refused
    2  whose key it carries
    3  which model it names, read from a bounded body
    4  the decision, at one instant, under one snapshot
    5  the record, on disk before the first byte where the item is restricted
    6  the answer, cut as soon as the permit no longer holds
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from licet import dialects
from licet.decisions import Caller, Request, RequestedAct, usable_items
from licet.dialects import Match, ModelIn, Route, RouteKind, StreamIn
from licet.errors import InputError, UnavailableError
from licet.fleet import Replica, new_record_id
from licet.gateway import answers
from licet.gateway.asgi import App, Receive, Scope, Send, respond, respond_json
from licet.gateway.bodies import Bodies, GoneError
from licet.gateway.callers import Callers
from licet.gateway.carriage import UNWATCHED_S, Carriage, Passage
from licet.gateway.granting import Granting, Link, RefusedError, matched, one_upstream, require_admitted
from licet.gateway.later import Later
from licet.gateway.live import LiveIndex
from licet.gateway.metrics import Metrics
from licet.gateway.post import Post
from licet.gateway.running import Running
from licet.gateway.seen import Seen
from licet.gateway.settings import Limits
from licet.gateway.sockets import Sockets
from licet.gateway.stored import Plan, Stored
from licet.gateway.tally import Tally
from licet.terms import Value

_log = logging.getLogger("licet.gateway")
_LISTS = frozenset({RouteKind.MODEL_LIST, RouteKind.MODEL_SHOW})
_JSON = b"application/json"
_CHARSET = re.compile(rb';\s*charset\s*=\s*"?utf-?8"?\s*(?=;|\Z)')


class _Asked(Value, frozen=True):
    """A request that was read: who, what, and the bytes to pass on."""

    route: Route
    caller: Caller
    plan: Plan
    body: bytes
    seen: Seen


class Gate:
    """The enforcement point.

    Args:
        app: What answers a permitted request.
        replica: The policy and the rows.
        post: Where records go.
        live: The index of running answers.
        limits: Bounds in size and time.
        open_paths: Pairs of method and path that name no model and are passed on
            undecided, for an application with pages of its own.
        metrics: Where requests are counted; by default nobody reads the counts.
        stored: What knows of the objects that upstreams keep; by default they are not served.
        callers: Tells whose a request is; by default only by keys of this gateway.
        tally: Counts what is given; by default nothing is counted.
        serves_live: Whether Gemini's live sessions are served.
        link: Gives the address of the page about a refusal; by default there is none.
    """

    def __init__(  # noqa: PLR0913  # what a gate is made of, each by its name
        self,
        app: App,
        *,
        replica: Replica,
        post: Post,
        live: LiveIndex,
        limits: Limits,
        open_paths: Iterable[tuple[str, str]] = (),
        metrics: Metrics | None = None,
        stored: Stored | None = None,
        callers: Callers | None = None,
        tally: Tally | None = None,
        serves_live: bool = False,
        link: Link | None = None,
    ) -> None:
        self._stored = Stored(app, replica, limits) if stored is None else stored
        self._app = app
        self._replica = replica
        self._post = post
        self._live = live
        self._limits = limits
        self._open = frozenset(open_paths)
        self._metrics = Metrics() if metrics is None else metrics
        self._tally = Tally() if tally is None else tally
        self._running = Running(limits.key_requests)
        self._watching = Later(UNWATCHED_S)
        self._bodies = Bodies(limits)
        callers = Callers(replica) if callers is None else callers
        self._granting = Granting(replica, post, live, self._stored, callers, link or _nowhere)
        self._sockets = Sockets(
            app,
            self._granting,
            limits,
            metrics=self._metrics,
            running=self._running,
            tally=self._tally,
            serves_live=serves_live,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await self._sockets(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (scope["method"], scope["path"]) in self._open:
            await self._app(scope, receive, send)
            return
        seen = Seen(scope, self._metrics)
        try:
            await self._answer(scope, receive, seen.sending(send), seen)
        finally:
            seen.write(self._replica.clock)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, seen: Seen) -> None:
        headers = dict(scope["headers"])
        surface = seen.surface = dialects.guess_surface(scope["query_string"], headers)
        try:
            match = self._match(scope, headers)
            surface = seen.surface = match.route.surface
            seen.route = match.route.path
            caller = await self._granting.caller(scope, seen)
            require_admitted(self._limits, is_admitted=self._running.enter(caller.key))
            try:
                if match.route.kind in _LISTS:
                    await self._list(match, caller, send, seen)
                elif match.route.kind is RouteKind.OBJECT_LIST:
                    await respond_json(send, await self._stored.listed(match.route, caller, scope))
                else:
                    _require_one_reading(scope["headers"])
                    seen.asks_client()
                    try:
                        body = await self._bodies.read(headers, receive)
                    finally:
                        seen.client_answers()
                    plan = await self._stored.plan(match, caller, headers, body)
                    asked = _Asked(match.route, caller, plan, body if plan.body is None else plan.body, seen)
                    await self._decide(asked, scope, receive, send)
            finally:
                self._running.leave(caller.key)
        except RefusedError as refusal:
            seen.code = refusal.told.code
            await respond(send, surface, refusal.told, close=refusal.close)
        except InputError as err:
            seen.code = err.code
            await respond(send, surface, answers.unreadable(err))
        except UnavailableError as err:
            seen.code = err.code
            await respond(send, surface, answers.unavailable(err.code, None))
        except GoneError:
            _log.debug("a client left before its request was whole")

    def _match(self, scope: Scope, headers: dict[bytes, bytes]) -> Match:
        """Step 1."""
        match = matched(scope, headers)
        if not self._stored.serves(match.route):
            raise RefusedError(answers.no_route())
        if match.route.kind is RouteKind.SOCKET:
            raise RefusedError(answers.no_socket(upgrades=headers.get(b"upgrade", b"").lower() == b"websocket"))
        return match

    async def _list(self, match: Match, caller: Caller, send: Send, seen: Seen) -> None:
        """The models whose inference this caller is permitted now; the list and use agree."""
        snapshot, at = self._replica.look()
        request = Request(match.path_model or "", RequestedAct.INFERENCE, caller)
        try:
            usable = list(usable_items(request, snapshot, at))
            tuned = self._stored.tuned(caller)
        except Exception as err:
            raise self._granting.undecided(request, snapshot, at, seen) from err
        self._post.listing(caller, [item.id for item in usable], snapshot, at)
        items = [dialects.ListedItem(x.id, int(x.added_at.timestamp())) for x in usable]
        items += [dialects.ListedItem(name, int(since.timestamp())) for name, since in tuned]
        surface = match.route.surface
        if match.route.model_in is ModelIn.NOWHERE:
            await respond_json(send, dialects.render_models(surface, items))
            return
        wanted = snapshot.catalogue.resolve(match.path_model or "")
        name = match.path_model if wanted is None else wanted.id
        found = next((item for item in items if item.id == name), None)
        if found is None:
            raise RefusedError(answers.not_found(new_record_id(at)))
        await respond_json(send, dialects.render_model(surface, found))

    async def _decide(self, asked: _Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Steps 4 to 6."""
        snapshot, at = self._replica.look()
        self._granting.require_valid(asked.caller, asked.seen)
        granted = self._granting.permits(asked.plan, asked.caller, snapshot, at, asked.seen)
        upstream = one_upstream(asked.plan, granted)
        lives, commits = self._granting.begin(granted, snapshot)
        first = granted[0] if granted else None
        passage = Passage(
            permit=None if first is None else first.permit,
            decision=None if first is None else first.record.id,
            upstream=upstream,
            surface=asked.route.surface,
            form=asked.route.form,
            as_array=asked.route.stream_in is StreamIn.PATH_VERB,
            requests=tuple(one.request for one in granted),
            items=tuple(one.item.id for one in granted),
        )
        try:
            commit = _together(commits)
            carriage = Carriage(lives, passage, commit, self._limits, send, watching=self._watching, seen=asked.seen)
            try:
                await carriage.carry(asked.plan.app, scope, receive, asked.body)
            finally:
                if carriage.is_given and asked.plan.act is RequestedAct.INFERENCE:
                    self._tally.given([(one.request, one.item.id) for one in granted], carriage.tokens)
        finally:
            for live in lives:
                self._live.close(live)


def _together(commits: Sequence[Awaitable[object]]) -> "asyncio.Future[Any] | None":
    """Resolves when all of them have."""
    if not commits:
        return None
    return asyncio.ensure_future(commits[0]) if len(commits) == 1 else asyncio.gather(*commits)


def _nowhere(*_about: object) -> None:
    """No refusal has a page."""


def _require_one_reading(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a body that the upstream could decode into another text than the one read here.

    Every line counts: which of two a server believes is its own affair.
    """
    types = 0
    for name, value in headers:
        if name == b"content-encoding" and value.strip().lower() != b"identity":
            raise InputError("expected a body without content-encoding", code="unsupported_encoding")
        if name == b"content-type":
            types += 1
            if types > 1 or (value != _JSON and not _is_utf8(value.lower())):
                raise InputError("expected a body in UTF-8, and one content-type", code="unsupported_encoding")


def _is_utf8(content_type: bytes) -> bool:
    """Whether nothing says another charset, or says one in a way that has two readings."""
    named = content_type.count(b"charset")
    return named == 0 or (named == 1 and len(_CHARSET.findall(content_type)) == 1)
