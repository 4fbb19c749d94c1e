"""Batches that are being worked on upstream: each holds a lease, as an answer does.

When its permit lapses, or a change touches what it rests on, a batch is decided
again; one that is no longer permitted is cancelled upstream, and that is on record.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from msgspec.structs import replace

from licet.decisions import Permit, Snapshot
from licet.dialects import ObjectKind
from licet.errors import LicetError
from licet.fleet import Replica
from licet.gateway.asgi import App
from licet.gateway.asking import ask
from licet.gateway.carriage import Passage
from licet.gateway.live import Live, LiveIndex
from licet.gateway.objects import Kept, Objects
from licet.gateway.post import Post

CANCELLED, NOT_CANCELLED = "upstream_cancelled", "upstream_not_cancelled"
"""How the attempt to cancel a batch ended, in the record."""

_log = logging.getLogger("licet.gateway")
_LOOK_S = 5.0
_TRIES, _FIRST_WAIT_S, _LONGEST_WAIT_S = 12, 0.5, 60.0
_ANSWER_BYTES = 1 << 20
_PATHS = {
    ObjectKind.BATCH: "/v1/batches/{}/cancel",
    ObjectKind.MESSAGE_BATCH: "/v1/messages/batches/{}/cancel",
    ObjectKind.JOB: "/v1/fine_tuning/jobs/{}/cancel",
}
_HEADERS = {ObjectKind.MESSAGE_BATCH: [(b"anthropic-version", b"2023-06-01")]}
# Done, or nothing there that could be cancelled any more; whatever else is answered, it may still run.
_SETTLED = frozenset({*range(200, 300), 400, 404, 409})


class Batches:
    """The batches that one worker watches."""

    def __init__(self, replica: Replica, post: Post, objects: Objects, app: App) -> None:
        self._replica = replica
        self._post = post
        self._objects = objects
        self._app = app
        self._index = LiveIndex(replica, post)
        self._watched: dict[tuple[ObjectKind, str], list[Live]] = {}
        self._is_leaving = False
        self._cancelling: set[tuple[ObjectKind, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many are watched."""
        return len(self._watched)

    def resume(self) -> None:
        """Watch what was running when the instance ended.

        Raises:
            UnavailableError: the map cannot be read.
        """
        self.take(self._objects.running())

    def take(self, rows: Sequence[Kept]) -> None:
        """Watch what runs, and no longer what has ended."""
        for row in map(self._objects.own, rows):
            is_watched = (row.kind, row.id) in self._watched
            if row.running and not is_watched and not self._is_leaving and self._objects.watches(row):
                self._watch(row)
            elif not row.running:
                self._leave(row)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look into the map again and again.

        What this worker watches may have ended at another, or begun at one that has left.
        """
        task = asyncio.get_running_loop().create_task(self._look_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                running = {(row.kind, row.id): row for row in await asyncio.to_thread(self._objects.running)}
            except LicetError as err:
                _log.warning("running batches cannot be looked up: %s", err)
                continue
            for key in self._watched.keys() - running.keys():
                self._leave_key(key)
            self.take([row for key, row in running.items() if key not in self._cancelling])

    def leave(self) -> None:
        """Watch nothing from now on: another worker has this one's slot, and finds it all in the map."""
        self._is_leaving = True
        for kind, name in list(self._watched):
            self._leave_key((kind, name))

    async def close(self) -> None:
        """End attempts to cancel; whatever still runs is decided again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for lives in self._watched.values():
            for live in lives:
                self._index.close(live)
        self._watched.clear()

    def _watch(self, row: Kept) -> None:
        lives = self._watched[row.kind, row.id] = list[Live]()
        snapshot, at = self._replica.look()
        for request in row.requests:
            decision = self._replica.decide(request, snapshot, at)
            if not isinstance(decision, Permit) or not self._replica.holds(request.caller.key):
                self._refused(row, snapshot)
                return
            record = row.decision or self._post.decision(decision, request, snapshot, at).id
            live = self._index.open(record, request, decision, snapshot)
            # Not at once: a change may cut several of one batch, and each is on record.
            live.on_cut = partial(asyncio.get_running_loop().call_soon, self._end, row)
            lives.append(live)

    def _refused(self, row: Kept, snapshot: Snapshot) -> None:
        """It may not go on: what it may not is on record before it is cancelled."""
        at = self._replica.clock.now()
        for request in row.requests:
            decision = self._replica.decide(request, snapshot, at)
            if not isinstance(decision, Permit):
                self._post.send(self._post.decision(decision, request, snapshot, at, continues=row.decision))
        self._end(row)

    def _leave(self, row: Kept) -> None:
        self._leave_key((row.kind, row.id))

    def _leave_key(self, key: tuple[ObjectKind, str]) -> None:
        for live in self._watched.pop(key, ()):
            self._index.close(live)

    def _end(self, row: Kept) -> None:
        if (row.kind, row.id) in self._watched:
            self._leave(row)
            self._cancelling.add((row.kind, row.id))
            task = asyncio.get_running_loop().create_task(self._cancel(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _cancel(self, row: Kept) -> None:
        """Cancel it upstream, again and again if need be; one that has ended meanwhile needs none."""
        wait_s = _FIRST_WAIT_S
        for _ in range(_TRIES):
            if self._has_ended(row):
                self._cancelling.discard((row.kind, row.id))
                return
            if await self._try(row):
                await self._ended(row, CANCELLED)
                self._cancelling.discard((row.kind, row.id))
                return
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
        # It stays marked as running, so that the next start tries again.
        self._note(row, NOT_CANCELLED)

    def _has_ended(self, row: Kept) -> bool:
        try:
            return self._objects.has_ended(row)
        except LicetError:
            return False  # whatever it is, to cancel what has ended does no harm

    async def _try(self, row: Kept) -> bool:
        passage = Passage(None, row.decision, row.upstream, row.surface)
        path = _PATHS[row.kind].format(row.id)
        try:
            status, _ = await ask(
                self._app, "POST", path, passage, headers=_HEADERS.get(row.kind, ()), limit_bytes=_ANSWER_BYTES
            )
        except LicetError as err:
            _log.warning("a batch could not be cancelled and is tried again: %s", err)
            return False
        return status in _SETTLED

    async def _ended(self, row: Kept, code: str) -> None:
        self._note(row, code)
        try:
            await self._objects.keep(replace(row, running=False))
        except LicetError as err:
            _log.warning("a batch that was cancelled is still marked as running: %s", err)

    def _note(self, row: Kept, code: str) -> None:
        _log.warning("a running batch whose permit ended: %s", code)
        if row.decision is not None:
            caller = row.requests[0].caller
            item = row.items[0] if row.items else None
            self._post.cut(
                row.decision,
                item,
                code,
                self._replica.clock.now(),
                party=caller.party,
                organization=caller.organization,
            )
