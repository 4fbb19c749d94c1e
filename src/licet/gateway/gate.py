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
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from licet import dialects
from licet.decisions import Caller, Code, Permit, Request, RequestedAct, Snapshot, usable_items
from licet.dialects import Match, ModelIn, Route, RouteKind, StreamIn
from licet.errors import CallerError, InputError, LicetError, UnavailableError
from licet.fleet import Replica, new_record_id
from licet.gateway import answers, challenges
from licet.gateway.asgi import App, Receive, Scope, Send, respond, respond_json
from licet.gateway.callers import Callers
from licet.gateway.carriage import Carriage, Passage
from licet.gateway.live import LiveIndex
from licet.gateway.metrics import Metrics
from licet.gateway.post import Post
from licet.gateway.running import Running
from licet.gateway.seen import Seen
from licet.gateway.settings import Limits
from licet.gateway.stored import Plan, Stored
from licet.gateway.tally import Tally
from licet.items import Item
from licet.records import Record
from licet.terms import ItemId, Outcome, RecordId

_log = logging.getLogger("licet.gateway")
_LISTS = frozenset({RouteKind.MODEL_LIST, RouteKind.MODEL_SHOW})
_CHARSET = re.compile(rb';\s*charset\s*=\s*"?utf-?8"?\s*(?=;|\Z)')


class _RefusedError(Exception):
    """Ends a request with an answer; never leaves this module."""

    def __init__(self, told: dialects.Refusal, *, close: bool = False) -> None:
        super().__init__(told.code)
        self.told = told
        self.close = close


class _GoneError(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was read: who, what, and the bytes to pass on."""

    route: Route
    caller: Caller
    plan: Plan
    body: bytes
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Granted:
    """One model that was permitted, and the record of it, not yet sent."""

    request: Request
    permit: Permit
    record: Record
    item: Item


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
    ) -> None:
        self._stored = Stored(app, replica, limits) if stored is None else stored
        self._app = app
        self._replica = replica
        self._post = post
        self._live = live
        self._limits = limits
        self._open = frozenset(open_paths)
        self._metrics = Metrics() if metrics is None else metrics
        self._callers = Callers(replica) if callers is None else callers
        self._tally = Tally() if tally is None else tally
        self._running = Running(limits.key_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            # A socket would carry requests that nothing here can read.
            await send({"type": "websocket.close", "code": 1008})

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
            caller = await self._caller(scope, seen)
            with self._running.one_more(caller.key) as is_admitted:
                _require_admitted(self._limits, is_admitted=is_admitted)
                if match.route.kind in _LISTS:
                    await self._list(match, caller, send, seen)
                elif match.route.kind is RouteKind.OBJECT_LIST:
                    await respond_json(send, await self._stored.listed(match.route, caller, scope))
                else:
                    _require_one_reading(scope["headers"])
                    asked = await self._read(match, caller, headers, receive, seen)
                    await self._decide(asked, scope, receive, send)
        except _RefusedError as refusal:
            seen.code = refusal.told.code
            await respond(send, surface, refusal.told, close=refusal.close)
        except InputError as err:
            seen.code = err.code
            await respond(send, surface, answers.unreadable(err))
        except UnavailableError as err:
            seen.code = err.code
            await respond(send, surface, answers.unavailable(err.code, None))
        except _GoneError:
            _log.debug("a client left before its request was whole")

    def _match(self, scope: Scope, headers: dict[bytes, bytes]) -> Match:
        """Step 1."""
        raw_path = scope.get("raw_path")  # the ASGI specification lets a server leave it out
        if raw_path is None or not scope["query_string"].isascii():
            raise InputError("expected a path and a query as they were sent, in ASCII", code="invalid_path")
        match = dialects.match(scope["method"], raw_path, scope["query_string"], headers)
        if match is None or not self._stored.serves(match.route):
            raise _RefusedError(answers.no_route())
        return match

    async def _read(
        self, match: Match, caller: Caller, headers: dict[bytes, bytes], receive: Receive, seen: Seen
    ) -> _Asked:
        """Step 3."""
        body = await self._body(headers, seen.receiving(receive))
        plan = await self._stored.plan(match, caller, headers, body)
        return _Asked(match.route, caller, plan, body if plan.body is None else plan.body, seen)

    async def _caller(self, scope: Scope, seen: Seen) -> Caller:
        """Step 2."""
        try:
            return await self._callers.identify(scope)
        except CallerError as err:
            seen.unauthenticated()
            raise _RefusedError(answers.nobody(err)) from err
        except UnavailableError as err:
            seen.unauthenticated()
            raise _RefusedError(answers.cannot_tell(err)) from err

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        limit = self._limits.body_bytes
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise _RefusedError(answers.too_large(limit))
        chunks: list[bytes] = []
        size = 0
        while True:
            try:
                async with asyncio.timeout(self._limits.body_idle_s):
                    message = await receive()
            except TimeoutError:
                raise _RefusedError(answers.too_slow(), close=True) from None
            if message["type"] == "http.disconnect":
                raise _GoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _RefusedError(answers.too_large(limit))
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def _list(self, match: Match, caller: Caller, send: Send, seen: Seen) -> None:
        """The models whose inference this caller is permitted now; the list and use agree."""
        snapshot, at = self._replica.look()
        request = Request(match.path_model or "", RequestedAct.INFERENCE, caller)
        try:
            usable = list(usable_items(request, snapshot, at))
            tuned = self._stored.tuned(caller)
        except Exception as err:
            raise self._undecided(request, snapshot, at, seen) from err
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
            raise _RefusedError(answers.not_found(new_record_id(at)))
        await respond_json(send, dialects.render_model(surface, found))

    async def _decide(self, asked: _Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Steps 4 to 6."""
        snapshot, at = self._replica.look()
        if not self._replica.holds(asked.caller.key):
            # A body may take its time, and the key may have been revoked meanwhile.
            asked.seen.unauthenticated()
            raise _RefusedError(answers.nobody(CallerError("The API key is not valid.")))
        granted = self._permits(asked, snapshot, at)
        upstream = _one_upstream(asked.plan, granted)
        deny = snapshot.policy.parameters.log_outage == "deny"
        lives = [self._live.open(one.record.id, one.request, one.permit, snapshot) for one in granted]
        commits = []
        for one in granted:
            if one.permit.restricted or deny:
                commits.append(self._post.commit(one.record))
            else:
                self._post.send(one.record)
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
            commit = asyncio.gather(*commits) if len(commits) > 1 else next(iter(commits), None)
            carriage = Carriage(lives, passage, commit, self._limits, send, seen=asked.seen)
            try:
                await carriage.carry(asked.plan.app, scope, receive, asked.body)
            finally:
                if carriage.is_given and asked.plan.act is RequestedAct.INFERENCE:
                    self._tally.given([(one.request, one.item.id) for one in granted], carriage.tokens)
        finally:
            for live in lives:
                self._live.close(live)

    def _permits(self, asked: _Asked, snapshot: Snapshot, at: datetime) -> list[_Granted]:
        """Step 4 for every model; all that are refused are on record, and the first is told."""
        granted: list[_Granted] = []
        refused: list[tuple[str, _RefusedError]] = []
        for model in asked.plan.models:
            base = None if model in snapshot.catalogue.by_name else self._stored.base_of(model, asked.caller)
            request = Request(model, asked.plan.act, asked.caller, base=base, among=asked.plan.among)
            try:
                permit, record = self._permit(request, snapshot, at, asked.seen)
            except _RefusedError as err:
                refused.append((model, err))
                continue
            item = snapshot.catalogue.resolve(model, base)
            if item is None:
                raise LicetError("a permit was given for a model that is not in the catalogue", code="decision_error")
            granted.append(_Granted(request, permit, record, item))
        if refused:
            raise _RefusedError(_told(asked.plan, refused))
        return granted

    def _permit(self, request: Request, snapshot: Snapshot, at: datetime, seen: Seen) -> tuple[Permit, Record]:
        """Step 4: the permit, and its record, not yet sent; a refusal is on record and raised."""
        try:
            decision = self._replica.decide(request, snapshot, at)
            for observation in self._replica.observed:
                observation.see(request, snapshot, at, decision)
            record = self._post.decision(decision, request, snapshot, at)
            if isinstance(decision, Permit):
                seen.decided(record.id, decision.outcome, "", decision.basis.item)
                return decision, record
            told = answers.refused(decision, record.id, request, snapshot, at)
            told = challenges.challenged(told, decision, request.caller)
            self._post.send(record)
            if decision.code is Code.MODEL_NOT_FOUND and snapshot.catalogue.decoy is not None:
                self._even_out(decision.basis.item, snapshot.catalogue.decoy, request, snapshot, at)
        except Exception as err:
            raise self._undecided(request, snapshot, at, seen) from err
        seen.decided(record.id, decision.outcome, decision.code.value, decision.basis.item)
        raise _RefusedError(told)

    def _even_out(self, item: ItemId | None, decoy: Item, request: Request, snapshot: Snapshot, at: datetime) -> None:
        """Write the record of the other kind of name as well, and throw it away.

        So the two kinds, one that means nothing and one that is concealed, take as long.
        """
        asked = replace(request, model=decoy.id if item is None else "")
        self._post.decision(self._replica.decide(asked, snapshot, at), asked, snapshot, at).to_bytes()

    def _undecided(self, request: Request, snapshot: Snapshot, at: datetime, seen: Seen) -> _RefusedError:
        """An error while reading a prohibition is a refusal."""
        _log.exception("a request could not be decided")
        record = self._post.failure(Code.DECISION_ERROR, request, snapshot, at)
        self._post.send(record)
        seen.decided(record.id, Outcome.DENY, Code.DECISION_ERROR.value, None)
        return _RefusedError(answers.failed(Code.DECISION_ERROR, record.id))


def _told(plan: Plan, refused: list[tuple[str, _RefusedError]]) -> dialects.Refusal:
    """What the caller of several models is told: the first that is refused, and on which lines any is."""
    told = refused[0][1].told
    if plan.hidden and told.code == Code.MODEL_NOT_FOUND:
        return answers.no_object(RecordId(told.decision_id) if told.decision_id else None)
    lines = "; ".join(plan.lines[model] for model, _ in refused if model in plan.lines)
    return answers.on_lines(told, lines) if lines else told


def _one_upstream(plan: Plan, granted: list[_Granted]) -> str:
    """Where the request goes: one place, which serves all of its models and keeps all of its objects.

    Raises:
        InputError: there is none, or more than one.
    """
    places = set() if plan.moved else {one.item.upstream for one in granted}
    if plan.upstream is not None:
        places.add(plan.upstream)
    if len(places) != 1:
        raise InputError("expected models and objects that are served in one place", code="mixed_upstreams")
    return places.pop()


def _require_admitted(limits: Limits, *, is_admitted: bool) -> None:
    if not is_admitted:
        raise _RefusedError(answers.too_many_running(limits.key_requests))


def _require_one_reading(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a body that the upstream could decode into another text than the one read here.

    Every line counts: which of two a server believes is its own affair.
    """
    lines = [(name, value.strip().lower()) for name, value in headers]
    if any(name == b"content-encoding" and value != b"identity" for name, value in lines):
        raise InputError("expected a body without content-encoding", code="unsupported_encoding")
    types = [value for name, value in lines if name == b"content-type"]
    if len(types) > 1 or any(len(_CHARSET.findall(x)) != x.count(b"charset") or x.count(b"charset") > 1 for x in types):
        raise InputError("expected a body in UTF-8, and one content-type", code="unsupported_encoding")
