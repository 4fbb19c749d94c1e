"""What the gate and the sockets decide alike: each model of a request, with its record.

A refusal is on record before it is raised, and a permit's record comes with it, to be
committed before the first byte of the answer leaves.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from msgspec.structs import replace

from licet import dialects
from licet.decisions import Caller, Code, Permit, Refusal, Request, Snapshot
from licet.errors import CallerError, InputError, LicetError, UnavailableError
from licet.fleet import Replica
from licet.gateway import answers, challenges
from licet.gateway.asgi import Scope
from licet.gateway.callers import Callers
from licet.gateway.live import Live, LiveIndex
from licet.gateway.post import Post
from licet.gateway.seen import Seen
from licet.gateway.settings import Limits
from licet.gateway.stored import Plan, Stored
from licet.items import Item
from licet.records import Record
from licet.terms import ItemId, Outcome, RecordId, Value

_log = logging.getLogger("licet.gateway")
_LED_ON = frozenset({Code.VERIFICATION_REQUIRED, Code.LICENSE_REQUIRED, Code.EXPORT_CONTROL_DENIED})
Link: TypeAlias = Callable[[Request, Refusal, RecordId, datetime], str | None]
"""The address of the page about a refusal; None where there is none."""


class RefusedError(Exception):
    """Ends a request with an answer; never leaves this room."""

    def __init__(self, told: dialects.Refusal, *, close: bool = False) -> None:
        super().__init__(told.code)
        self.told = told
        self.close = close


class Granted(Value, frozen=True):
    """One model that was permitted, and the record of it, not yet sent."""

    request: Request
    permit: Permit
    record: Record
    item: Item


@dataclass(frozen=True, slots=True)
class Granting:
    """Decides, and writes down what it decided."""

    replica: Replica
    post: Post
    live: LiveIndex
    stored: Stored
    callers: Callers
    link: Link

    async def caller(self, scope: Scope, seen: Seen) -> Caller:
        """Whose a request is.

        Raises:
            RefusedError: nobody's, or it cannot be told.
        """
        try:
            return await self.callers.identify(scope)
        except CallerError as err:
            seen.unauthenticated()
            raise RefusedError(answers.nobody(err)) from err
        except UnavailableError as err:
            seen.unauthenticated()
            raise RefusedError(answers.cannot_tell(err)) from err

    def require_valid(self, caller: Caller, seen: Seen) -> None:
        """Refuse a key that was revoked while a request took its time."""
        if not self.replica.holds(caller.key):
            seen.unauthenticated()
            raise RefusedError(answers.nobody(CallerError("The API key is not valid.")))

    def permits(self, plan: Plan, caller: Caller, snapshot: Snapshot, at: datetime, seen: Seen) -> list[Granted]:
        """Decide on every model; all that are refused are on record, and the first is told.

        Raises:
            RefusedError: one is refused.
        """
        granted: list[Granted] = []
        refused: list[tuple[str, RefusedError]] = []
        for model in plan.models:
            base = None if model in snapshot.catalogue.by_name else self.stored.base_of(model, caller)
            request = Request(model, plan.act, caller, base=base, among=plan.among)
            try:
                permit, record = self._permit(request, snapshot, at, seen)
            except RefusedError as err:
                refused.append((model, err))
                continue
            item = snapshot.catalogue.resolve(model, base)
            if item is None:
                raise LicetError("a permit was given for a model that is not in the catalogue", code="decision_error")
            granted.append(Granted(request, permit, record, item))
        if refused:
            raise RefusedError(_told(plan, refused))
        return granted

    def begin(self, granted: Sequence[Granted], snapshot: Snapshot) -> tuple[list[Live], list[Awaitable[object]]]:
        """Watch what was permitted from now on, and send its records; give those for which the answer waits."""
        deny = snapshot.policy.parameters.log_outage == "deny"
        lives = [self.live.open(one.record.id, one.request, one.permit, snapshot) for one in granted]
        commits: list[Awaitable[object]] = []
        for one in granted:
            if one.permit.restricted or deny:
                commits.append(self.post.commit(one.record))
            else:
                self.post.send(one.record)
        return lives, commits

    def undecided(self, request: Request, snapshot: Snapshot, at: datetime, seen: Seen) -> RefusedError:
        """An error while reading a prohibition is a refusal."""
        _log.exception("a request could not be decided")
        record = self.post.failure(Code.DECISION_ERROR, request, snapshot, at)
        self.post.send(record)
        seen.decided(record.id, Outcome.DENY, Code.DECISION_ERROR.value, None)
        return RefusedError(answers.failed(Code.DECISION_ERROR, record.id))

    def _permit(self, request: Request, snapshot: Snapshot, at: datetime, seen: Seen) -> tuple[Permit, Record]:
        """The permit, and its record, not yet sent; a refusal is on record and raised."""
        try:
            decision = self.replica.decide(request, snapshot, at)
            for observation in self.replica.observed:
                observation.see(request, snapshot, at, decision)
            record = self.post.decision(decision, request, snapshot, at)
            if isinstance(decision, Permit):
                seen.decided(record.id, decision.outcome, "", decision.basis.item)
                return decision, record
            link = self._link(decision, record.id, request, at)
            told = answers.refused(decision, record.id, request, snapshot, at, link=link)
            told = challenges.challenged(told, decision, request.caller)
            self.post.send(record)
            if decision.code is Code.MODEL_NOT_FOUND and snapshot.catalogue.decoy is not None:
                self._even_out(decision.basis.item, snapshot.catalogue.decoy, request, snapshot, at)
        except Exception as err:
            raise self.undecided(request, snapshot, at, seen) from err
        seen.decided(record.id, decision.outcome, decision.code.value, decision.basis.item)
        raise RefusedError(told)

    def _link(self, refusal: Refusal, decision: RecordId, request: Request, at: datetime) -> str | None:
        """Where more is said of a refusal, to whom the key that was sent would prove who they are."""
        caller = request.caller
        if refusal.code not in _LED_ON or self.replica.party_of(caller.key) != caller.party:
            return None
        return self.link(request, refusal, decision, at)

    def _even_out(self, item: ItemId | None, decoy: Item, request: Request, snapshot: Snapshot, at: datetime) -> None:
        """Write the record of the other kind of name as well, and throw it away.

        So the two kinds, one that means nothing and one that is concealed, take as long.
        """
        asked = replace(request, model=decoy.id if item is None else "")
        self.post.decision(self.replica.decide(asked, snapshot, at), asked, snapshot, at).to_bytes()


def one_upstream(plan: Plan, granted: Sequence[Granted]) -> str:
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


def _told(plan: Plan, refused: list[tuple[str, RefusedError]]) -> dialects.Refusal:
    """What the caller of several models is told: the first that is refused, and on which lines any is."""
    told = refused[0][1].told
    if plan.hidden and told.code == Code.MODEL_NOT_FOUND:
        return answers.no_object(RecordId(told.decision_id) if told.decision_id else None)
    lines = "; ".join(plan.lines[model] for model, _ in refused if model in plan.lines)
    return answers.on_lines(told, lines) if lines else told


def matched(scope: Scope, headers: dict[bytes, bytes]) -> dialects.Match:
    """The route of a request or of a socket.

    Raises:
        InputError: its path has two spellings.
        RefusedError: it has none, or one that is never served.
    """
    raw_path = scope.get("raw_path")  # the ASGI specification lets a server leave it out
    if raw_path is None or not scope["query_string"].isascii():
        raise InputError("expected a path and a query as they were sent, in ASCII", code="invalid_path")
    match = dialects.match(scope.get("method", "GET"), raw_path, scope["query_string"], headers)
    if match is None:
        raise RefusedError(answers.no_route())
    if match.route.kind is dialects.RouteKind.REFUSED:
        raise RefusedError(answers.never_served())
    return match


def require_admitted(limits: Limits, *, is_admitted: bool) -> None:
    """Refuse one request more of a key than may run at once."""
    if not is_admitted:
        raise RefusedError(answers.too_many_running(limits.key_requests))
