"""Something that is done again and again for as long as a block runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from licet.errors import LicetError

_log = logging.getLogger("licet.control")


@asynccontextmanager
async def repeating(work: Callable[[], Awaitable[None]], pause_s: float, failed: str) -> AsyncIterator[None]:
    """Do it at once, and after each pause; what it raises is logged after `failed`, and it is tried again."""

    async def for_ever() -> None:
        while True:
            try:
                await work()
            except LicetError as err:
                _log.warning("%s: %s", failed, err)
            await asyncio.sleep(pause_s)

    task = asyncio.create_task(for_ever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
