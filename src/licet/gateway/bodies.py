"""Read the body of a request: whole, bounded in size, and in how long its parts may take."""

import asyncio
from collections.abc import Mapping

from licet.gateway import answers
from licet.gateway.asgi import Receive
from licet.gateway.granting import RefusedError
from licet.gateway.later import Later
from licet.gateway.settings import Limits


class GoneError(Exception):
    """The client went away before its request was whole; never leaves this room."""


class Bodies:
    """Reads bodies, each of at most `limits.body_bytes`, of which each part comes within `limits.body_idle_s`."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.body_bytes
        self._later = Later(limits.body_idle_s)

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The whole body.

        Raises:
            RefusedError: it is too large, or comes too slowly.
            GoneError: the client has left.
        """
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            raise RefusedError(answers.too_large(self._limit))
        patience = _Patience(asyncio.current_task(self._later.loop))
        try:
            return await self._whole(receive, patience)
        except asyncio.CancelledError:
            if patience.was_alone():
                raise RefusedError(answers.too_slow(), close=True) from None
            raise

    async def _whole(self, receive: Receive, patience: "_Patience") -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            waiting = self._later.begin(patience.end)
            try:
                message = await receive()
            finally:
                self._later.end(waiting)
            if message["type"] == "http.disconnect":
                raise GoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                raise RefusedError(answers.too_large(self._limit))
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunk if len(chunks) == 1 else b"".join(chunks)


class _Patience:
    """Ends the wait of a task, and tells that from whoever else cancels it."""

    __slots__ = ("_before", "_is_over", "_task")

    def __init__(self, task: "asyncio.Task[object] | None") -> None:
        self._task = task
        self._before = 0 if task is None else task.cancelling()
        self._is_over = False

    def end(self) -> None:
        """Wait no longer."""
        if self._task is not None:
            self._is_over = True
            self._task.cancel()

    def was_alone(self) -> bool:
        """Whether the task was cancelled by this and by nobody else; then it is no longer cancelled."""
        return self._is_over and self._task is not None and self._task.uncancel() <= self._before
