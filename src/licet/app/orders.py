"""Heed stop orders: the gate at once, the store and the record as soon as they can.

An order that cannot be read stops everything: somebody meant to stop something.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from joserfc.jwk import OKPKey

from licet.errors import LicetError, TrustError
from licet.fleet import Replica
from licet.orders import DONE, ORDER, SEEN, StopOrder, read_order, write_durably

_log = logging.getLogger("licet.orders")
_LOOK_S, _TAKE_S = 0.1, 1.0
_LONGEST = 1 << 20
Take: TypeAlias = Callable[[StopOrder], Awaitable[dict[str, Any]]]
"""Makes an order an act; gives what an administrator would be answered."""


@asynccontextmanager
async def heeding(folder: Path, replica: Replica, key: OKPKey, take: Take) -> AsyncIterator[None]:
    """Have a replica heed every order of a folder while the block runs, and each become an act when it can."""
    heeder = _Heeder(folder, replica, key)
    heeder.sweep()
    heeder.look()
    tasks = [asyncio.create_task(heeder.looking()), asyncio.create_task(heeder.taking(take))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Heeder:
    def __init__(self, folder: Path, replica: Replica, key: OKPKey) -> None:
        self._folder = folder
        self._replica = replica
        self._key = key
        self._orders: dict[str, StopOrder | None] = {}

    def sweep(self) -> None:
        """Remove answers that nobody came for."""
        with _told("old answers to stop orders could not be removed"):
            for path in self._folder.glob(f"*{DONE}"):
                path.unlink()

    async def looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            self.look()

    def look(self) -> None:
        """Heed what is there now; a folder that cannot be listed changes nothing."""
        try:
            names = {path.stem for path in self._folder.glob(f"*{ORDER}")}
        except OSError:
            _log.exception("the folder of stop orders cannot be read")
            return
        if names == self._orders.keys():
            return
        self._orders = {name: self._orders.get(name) or self._read(name) for name in sorted(names)}
        self._replica.heed(tuple(self._orders.values()))
        for name in names:
            with _told("an order was heeded, and nobody can be told"):
                write_durably(self._folder / f"{name}{SEEN}", b"")

    def _read(self, name: str) -> StopOrder | None:
        path = self._folder / f"{name}{ORDER}"
        try:
            with path.open(encoding="ascii") as file:
                return read_order(file.read(_LONGEST), self._key)
        except (OSError, ValueError, TrustError) as err:
            _log.error("%s: a stop order cannot be read, so everything is stopped until it is gone: %s", path, err)
            return None

    async def taking(self, take: Take) -> None:
        """Make each order an act on record; one that cannot be stays in force as it is."""
        while True:
            for name, order in list(self._orders.items()):
                if order is not None:
                    await self._take(name, order, take)
            await asyncio.sleep(_TAKE_S if self._orders else _LOOK_S)

    async def _take(self, name: str, order: StopOrder, take: Take) -> None:
        try:
            answer = await take(order)
            write_durably(self._folder / f"{name}{DONE}", json.dumps(answer).encode())
            (self._folder / f"{name}{ORDER}").unlink()
            (self._folder / f"{name}{SEEN}").unlink(missing_ok=True)
            self.look()
        except (LicetError, OSError) as err:
            _log.warning("stop order %s is in force and not yet on record: %s", name, err)


def orders_shown(orders: Sequence[StopOrder | None]) -> list[dict[str, Any]]:
    """Orders in force, as `licet status` shows them."""
    return [
        {"order": "unreadable", "items": "everything", "by": None}
        if order is None
        else {"order": order.id, "items": _covered(order), "by": order.by}
        for order in orders
    ]


def _covered(order: StopOrder) -> str:
    if order.everything:
        return "everything"
    return ", ".join(order.items) or "whatever a directive ever named"


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError:
        _log.exception(what)
