"""Heed stop orders: every worker at once, the store and the record as soon as they can.

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
async def heeding(folder: Path, replica: Replica, key: OKPKey, slot: int | None) -> AsyncIterator["Heeder"]:
    """Have a replica heed every order of a folder while the block runs.

    Args:
        folder: The orders.
        replica: Heeds them.
        key: Their signatures are by it.
        slot: Of the worker, which says that it heeds; None where no worker does.
    """
    heeder = Heeder(folder, replica, key, slot)
    heeder.look()
    task = asyncio.create_task(heeder.looking())
    try:
        yield heeder
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def taking(heeder: "Heeder", take: Take, everywhere: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """Have each order that is heeded become an act, when it can.

    Args:
        heeder: Knows the orders.
        take: Makes one an act.
        everywhere: Whether every worker decides by the rows as they now are.
    """
    taker = _Taker(heeder, take, everywhere)
    taker.sweep()
    task = asyncio.create_task(taker.taking())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


class Heeder:
    """Looks at a folder, and has a replica heed what is there."""

    def __init__(self, folder: Path, replica: Replica, key: OKPKey, slot: int | None) -> None:
        self.folder = folder
        self.orders: dict[str, StopOrder | None] = {}
        self._replica = replica
        self._key = key
        self._slot = slot

    async def looking(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.look()

    def look(self) -> None:
        """Heed what is there now; a folder that cannot be listed changes nothing."""
        try:
            names = {path.stem for path in self.folder.glob(f"*{ORDER}")}
        except OSError:
            _log.exception("the folder of stop orders cannot be read")
            return
        if names == self.orders.keys():
            return
        self.orders = {name: self.orders.get(name) or self._read(name) for name in sorted(names)}
        self._replica.heed(tuple(self.orders.values()))
        if self._slot is not None:
            for name in names:
                with _told("an order was heeded, and nobody can be told"):
                    write_durably(self.folder / f"{name}.{self._slot}{SEEN}", b"")

    def _read(self, name: str) -> StopOrder | None:
        path = self.folder / f"{name}{ORDER}"
        try:
            with path.open(encoding="ascii") as file:
                return read_order(file.read(_LONGEST), self._key)
        except (OSError, ValueError, TrustError) as err:
            _log.error("%s: a stop order cannot be read, so everything is stopped until it is gone: %s", path, err)
            return None


class _Taker:
    def __init__(self, heeder: Heeder, take: Take, everywhere: Callable[[], Awaitable[bool]]) -> None:
        self._heeder = heeder
        self._folder = heeder.folder
        self._do = take
        self._everywhere = everywhere
        self._done: dict[str, dict[str, Any]] = {}

    def sweep(self) -> None:
        """Remove what nobody came for, and marks of orders that are gone."""
        with _told("old answers to stop orders could not be removed"):
            for path in self._folder.glob(f"*{DONE}"):
                path.unlink()
            for path in self._folder.glob(f"*{SEEN}"):
                if not (self._folder / f"{path.name.split('.')[0]}{ORDER}").exists():
                    path.unlink()

    async def taking(self) -> None:
        """Make each order an act on record; one that cannot be stays in force as it is."""
        while True:
            for name, order in list(self._heeder.orders.items()):
                if order is not None:
                    await self._take(name, order)
            await asyncio.sleep(_TAKE_S if self._heeder.orders else _LOOK_S)

    async def _take(self, name: str, order: StopOrder) -> None:
        try:
            if name not in self._done:
                self._done[name] = await self._do(order)
            # Invariant: the order goes when every worker has the stop; one that has not would lift it meanwhile.
            if not await self._everywhere():
                _log.warning("stop order %s is an act, and stays in force until every worker has taken it", name)
                return
            write_durably(self._folder / f"{name}{DONE}", json.dumps(self._done[name]).encode())
            (self._folder / f"{name}{ORDER}").unlink()
            for path in self._folder.glob(f"{name}.*{SEEN}"):
                path.unlink(missing_ok=True)
            self._heeder.look()
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
