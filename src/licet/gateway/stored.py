"""What a request comes to: which models it is decided on, where it goes, what is kept of its answer.

Most requests name one model. One that is about something an upstream keeps is
decided on what made it, or on what it will be made by:

    an answer that is continued     its own model, and those of the earlier one
    a batch                         every model that its lines name
    a tuning job                    its base
    anything read again             what made it; nothing, for what its owner sent
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from licet import dialects
from licet.decisions import Caller, Permit, Request, RequestedAct
from licet.dialects import Form, Match, ModelIn, ObjectKind, Route, RouteKind, Told, Use
from licet.errors import InputError
from licet.fleet import Replica
from licet.gateway.asgi import App, Scope
from licet.gateway.asking import ask
from licet.gateway.batches import Batches
from licet.gateway.carriage import Passage
from licet.gateway.keeping import Keeping
from licet.gateway.objects import Kept, Objects, owner_of
from licet.gateway.settings import Limits
from licet.items import Catalogue
from licet.terms import ItemId, Surface, Value

ABOUT_OBJECTS = frozenset({RouteKind.MAKE, RouteKind.FETCH, RouteKind.MANAGE, RouteKind.OBJECT_LIST})
"""The kinds of routes that are about what an upstream keeps."""

_WATCHED = frozenset({ObjectKind.BATCH, ObjectKind.MESSAGE_BATCH, ObjectKind.JOB})
_TUNED = "ft:"
_NOTHING = ("",)
_SUCCESS = range(200, 300)
_AT_A_TIME = 16


class Plan(Value, frozen=True):
    """What a request comes to.

    Attributes:
        models: The names to be decided on; all must be permitted.
        app: What answers.
        upstream: Where the objects are that it is about; None where the models say.
        moved: The models may be served elsewhere by now.
        hidden: A name that means nothing is told as an object that is not there.
        lines: Where each name stands, for whoever must mend it.
        among: The candidates to which a router, the first of the models, is held.
        body: What is passed on in place of what came; None for that itself.
    """

    models: tuple[str, ...]
    act: RequestedAct
    app: App
    upstream: str | None = None
    moved: bool = False
    hidden: bool = False
    lines: Mapping[str, str] = msgspec.field(default_factory=dict)
    among: tuple[ItemId, ...] = ()
    body: bytes | None = None


class Stored:
    """Reads requests, with the map of stored objects at hand.

    Args:
        homes: Where files go that name no model, by surface.
        objects: The map; without one no object is served, and none is remembered.
    """

    def __init__(
        self,
        app: App,
        replica: Replica,
        limits: Limits,
        *,
        objects: Objects | None = None,
        batches: Batches | None = None,
        homes: Mapping[Surface, str] | None = None,
    ) -> None:
        self._app = app
        self._replica = replica
        self._limits = limits
        self._objects = objects
        self._batches = batches
        self._homes = homes or {}
        self._asking = asyncio.Semaphore(_AT_A_TIME)

    def serves(self, route: Route) -> bool:
        """Whether a request of this kind can be decided on here."""
        return self._objects is not None or route.kind not in ABOUT_OBJECTS

    def base_of(self, model: str, caller: Caller) -> ItemId | None:
        """From which item a model was tuned for this caller; None for any other name."""
        if self._objects is None or not model.startswith(_TUNED):
            return None
        kept = self._objects.find(ObjectKind.MODEL, model, owner_of(caller))
        return None if kept is None else kept.base

    def tuned(self, caller: Caller) -> list[tuple[str, datetime]]:
        """The models that were tuned for this caller and that they may use now, and since when there is each.

        Raises:
            UnavailableError: the map cannot be read.
        """
        if self._objects is None:
            return []
        rows = self._objects.listed(ObjectKind.MODEL, owner_of(caller))
        return [(row.id, row.created_at) for row in rows if self._permitted(row.id, caller, RequestedAct.INFERENCE)]

    async def plan(self, match: Match, caller: Caller, headers: Mapping[bytes, bytes], body: bytes) -> Plan:
        """Read a request.

        Raises:
            InputError: it cannot be read, or could be read in two ways.
            UnavailableError: the map cannot be read.
        """
        route, kept_type = match.route, headers.get(b"content-type", b"")
        if route.kind in {RouteKind.FETCH, RouteKind.MANAGE} and self._objects is not None:
            return self._found(match, caller, body, self._objects)
        if route.kind is RouteKind.MAKE and self._objects is not None:
            return await self._made(route, caller, kept_type, body, self._objects)
        act = RequestedAct.METADATA if route.kind is RouteKind.COUNT else RequestedAct.INFERENCE
        if route.form is Form.MULTIPART:
            asked = dialects.read_form_model(route, kept_type, body, match.path_model)
        else:
            asked = dialects.read_body(route, body, match.path_model, continues=True)
        if asked.listed is not None:
            return self._routed(asked, asked.listed, caller, body)
        if self._objects is None or not (asked.stored or asked.previous):
            nothing = _NOTHING if asked.previous else ()
            return Plan((asked.model, *nothing), act, self._app, hidden=bool(nothing))
        return self._continued(route, asked, caller, self._objects)

    def _routed(self, asked: dialects.Asked, listed: tuple[str, ...], caller: Caller, body: bytes) -> Plan:
        """A router that is held to some models keeps those that are permitted; the others leave the body.

        A name that means nothing leaves it like one that is refused, so that nobody learns
        of a concealed model by it. Routed answers are not remembered.
        """
        snapshot, at = self._replica.look()
        router = snapshot.catalogue.resolve(asked.model)
        if (router is not None and not router.candidates) or asked.previous is not None:
            raise InputError("expected no list of `models` but for a router", code="unsupported_member")
        kept: dict[str, ItemId] = {}
        for name in listed:
            item = snapshot.catalogue.resolve(name)
            if router is not None and item is not None and item.id in router.candidates:
                request = Request(name, RequestedAct.INFERENCE, caller)
                if isinstance(self._replica.decide(request, snapshot, at), Permit):
                    kept[name] = item.id
        among = tuple(dict.fromkeys(kept.values()))
        if not among:
            # Decided on the first, which says why; a name that means nothing if it is no candidate.
            first = snapshot.catalogue.resolve(listed[0])
            is_candidate = router is not None and first is not None and first.id in router.candidates
            return Plan((listed[0],) if is_candidate else _NOTHING, RequestedAct.INFERENCE, self._app)
        left = tuple(name for name in listed if name in kept)
        changed = None if left == listed else dialects.with_models(body, left)
        return Plan((asked.model,), RequestedAct.INFERENCE, self._app, among=among, body=changed)

    async def listed(self, route: Route, caller: Caller, scope: Scope) -> bytes:
        """A caller's objects of one kind, each as its upstream tells it now; only those that may be read.

        Raises:
            InputError: the query asks for what this list cannot give.
            UnavailableError: the map or an upstream does not answer.
        """
        wanted = dialects.read_listing_query(scope["query_string"])
        if self._objects is None or route.object is None:
            return dialects.render_objects(route.surface, [], more=False)
        rows = [
            row
            for row in self._objects.listed(route.object, owner_of(caller))
            if wanted.purpose in {None, row.purpose} and self._may_read(row, caller)
        ]
        page, more = wanted.page(rows)
        told = await asyncio.gather(*(self._tell(row, route, scope["headers"]) for row in page))
        bodies = [(row.id, body) for row, body in zip(page, told, strict=True) if body is not None]
        return dialects.render_objects(route.surface, bodies, more=more)

    def _may_read(self, row: Kept, caller: Caller) -> bool:
        return all(self._permitted(name, caller, RequestedAct.METADATA) for name in row.items)

    def _permitted(self, name: str, caller: Caller, act: RequestedAct) -> bool:
        request = Request(name, act, caller, base=self.base_of(name, caller))
        return isinstance(self._replica.decide(request, *self._replica.look()), Permit)

    async def _tell(self, row: Kept, route: Route, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """What its upstream says of one object; None where that has it no more."""
        passage = Passage(None, None, row.upstream, route.surface)
        sent = [(name, value) for name, value in headers if name.startswith((b"anthropic-", b"openai-"))]
        async with self._asking:
            status, body = await ask(
                self._app,
                "GET",
                f"{route.path}/{row.id}",
                passage,
                headers=sent,
                limit_bytes=self._limits.event_bytes,
            )
        if status not in _SUCCESS:
            return None
        return dialects.with_relative_results(row.kind, body)

    def _continued(self, route: Route, asked: dialects.Asked, caller: Caller, objects: Objects) -> Plan:
        """An answer that may be stored, and perhaps continues an earlier one."""
        app = self._keeping(objects, route, caller) if asked.stored else self._app
        if asked.previous is None:
            return Plan((asked.model,), RequestedAct.INFERENCE, app)
        kept = objects.find(ObjectKind.RESPONSE, asked.previous, owner_of(caller))
        names: tuple[str, ...] = _NOTHING if kept is None else kept.items
        models = tuple(dict.fromkeys((asked.model, *names)))
        return Plan(models, RequestedAct.INFERENCE, app, None if kept is None else kept.upstream, hidden=kept is None)

    def _found(self, match: Match, caller: Caller, body: bytes, objects: Objects) -> Plan:
        """An object that is there, if it is this caller's."""
        route, kind = match.route, match.route.object
        if body.strip() not in {b"", b"{}"}:
            raise InputError("expected no body on this route", code="unsupported_member")
        act = RequestedAct.INFERENCE if route.kind is RouteKind.FETCH else RequestedAct.METADATA
        kept = None if kind is None else objects.find(kind, match.object_id or "", owner_of(caller))
        if kept is None:
            return Plan(_NOTHING, act, self._app, hidden=True)
        app = self._app
        if route.method == "DELETE":
            app = self._keeping(objects, route, caller, known=kept, gone=True)
        elif kept.kind in _WATCHED and route.path.endswith(("{id}", "/cancel")):
            app = self._keeping(objects, route, caller, known=kept)
        return Plan(kept.items, act, app, kept.upstream, moved=True, hidden=True)

    async def _made(self, route: Route, caller: Caller, content_type: bytes, body: bytes, objects: Objects) -> Plan:
        match route.model_in:
            case ModelIn.UPLOAD:
                upload = await asyncio.to_thread(dialects.read_upload, content_type, body, route.refused_members)
                app = self._keeping(objects, route, caller, purpose=upload.purpose, uses=upload.uses)
                return Plan((), RequestedAct.METADATA, app, self._home(upload.uses, route.surface))
            case ModelIn.FILE:
                return self._batch(route, caller, dialects.read_begun(body, route.refused_members), objects)
            case _ if route.form is Form.BATCH:
                uses = await asyncio.to_thread(dialects.read_requests, body, route.refused_members)
                return self._of(route, caller, uses, objects, None)
            case _:
                return self._job(route, caller, body, objects)

    def _batch(self, route: Route, caller: Caller, begun: dialects.Begun, objects: Objects) -> Plan:
        """A batch is decided on the lines of its file, which were read when it was sent."""
        file = objects.find(ObjectKind.FILE, begun.input_file, owner_of(caller))
        if file is None or not file.uses:
            return Plan(_NOTHING, RequestedAct.INFERENCE, self._app, hidden=True)
        if any(use.url != begun.endpoint for use in file.uses):
            raise InputError("expected every line of the file to be for the `endpoint`", code="unsupported_member")
        return self._of(route, caller, file.uses, objects, file.upstream)

    def _of(self, route: Route, caller: Caller, uses: Sequence[Use], objects: Objects, upstream: str | None) -> Plan:
        models = tuple(dict.fromkeys(use.model for use in uses))
        lines = {use.model: use.told() for use in uses}
        app = self._keeping(objects, route, caller, finish=True)
        return Plan(models, RequestedAct.INFERENCE, app, upstream, lines=lines)

    def _job(self, route: Route, caller: Caller, body: bytes, objects: Objects) -> Plan:
        """A tuning job is decided on its base; its files are the caller's, and where the base is served."""
        asked = dialects.read_body(route, body, None)
        files = [objects.find(ObjectKind.FILE, name, owner_of(caller)) for name in asked.files]
        known = [file for file in files if file is not None]
        app = self._keeping(objects, route, caller, finish=True)
        if len(known) < len(files):
            return Plan((asked.model, *_NOTHING), RequestedAct.INFERENCE, app, hidden=True)
        if len({file.upstream for file in known}) != 1:
            raise InputError("expected files that are kept in one place", code="mixed_upstreams")
        made_by = (item for file in known for item in file.items)
        models = tuple(dict.fromkeys((asked.model, *made_by)))
        return Plan(models, RequestedAct.INFERENCE, app, known[0].upstream)

    def _home(self, uses: Sequence[Use], surface: Surface) -> str | None:
        """Where a file goes: to whoever serves the models that its lines name, else to the surface's home.

        Raises:
            InputError: they are not all served in one place.
        """
        catalogue: Catalogue = self._replica.look()[0].catalogue
        items = [catalogue.resolve(use.model) for use in uses]
        places = {item.upstream for item in items if item is not None}
        if len(places) > 1:
            raise InputError("expected models that are served in one place", code="mixed_upstreams")
        return places.pop() if places else self._homes.get(surface)

    def _keeping(
        self,
        objects: Objects,
        route: Route,
        caller: Caller,
        *,
        known: Kept | None = None,
        gone: bool = False,
        finish: bool = False,
        purpose: str = "",
        uses: tuple[Use, ...] = (),
    ) -> Keeping:
        """The application, with what its answer tells kept in the map."""
        kind, owner = route.object or ObjectKind.RESPONSE, owner_of(caller)

        def learn(told: Told, passage: Passage) -> Sequence[Kept]:
            if known is not None:
                row = replace(known, running=known.running and not told.ended and not gone)
                return [] if gone or told.id != known.id else [*([] if row == known else [row]), *_made_by(row, told)]
            watched = kind in _WATCHED and not told.ended
            at = self._replica.clock.now()
            row = Kept(told.id, kind, route.surface, owner, passage.upstream, at, passage.items, purpose, uses)
            row = replace(row, running=watched, decision=passage.decision)
            row = replace(row, requests=passage.requests if watched else (), base=_base(passage))
            return [row, *_made_by(row, told)]

        return Keeping(
            app=self._app,
            objects=objects,
            kind=kind,
            learn=learn,
            limit_bytes=self._limits.body_bytes,
            kept=None if self._batches is None else self._batches.take,
            gone=known if gone else None,
            finish=finish,
        )


def _base(passage: Passage) -> ItemId | None:
    """The item of the catalogue that a job tunes, also where it tunes what was tuned before."""
    if not passage.requests:
        return None
    return passage.requests[0].base or passage.items[0]


def _made_by(row: Kept, told: Told) -> list[Kept]:
    """What an object has made so far: it is its owner's, and made by the same items."""
    plain = replace(row, running=False, requests=(), uses=(), decision=None)
    files = [replace(plain, id=name, kind=ObjectKind.FILE, purpose="made") for name in told.files]
    if row.kind is not ObjectKind.JOB or told.model is None:
        return files
    return [*files, replace(plain, id=told.model, kind=ObjectKind.MODEL)]
