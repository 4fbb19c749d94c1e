"""What a letter would cost, and how much is back after one: asked on demand, and looked at while time passes.

A curve begins when its directive does: what was used in the week before is set aside,
and from then on the same use is judged again as things stand.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from licet.decisions import Snapshot
from licet.directives import force_at
from licet.errors import LicetError, NotFoundError
from licet.proofs import MEASURES, tell_readiness, under_letter
from licet.stores import Point, UseBook
from licet.terms import ItemId, format_instant

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily, Metric

_Json = dict[str, Any]
# Twenty of them, however they are escaped, fit into the head of a request.
_Name = Annotated[str, StringConstraints(max_length=128)]
_log = logging.getLogger("licet.control")
_LOOK_S = 2.0
_FORGET_EVERY = timedelta(hours=6)
MARKS = (timedelta(minutes=90), timedelta(hours=24), timedelta(hours=72))
"""The ages of a directive at which the share that is back is told apart."""
_PACE = ((timedelta(hours=2), timedelta(minutes=1)), (timedelta(hours=72), timedelta(minutes=15)))
_LATER = timedelta(hours=6)


class Returns:
    """The measure of it.

    Args:
        look: What to decide on, and when.
        book: The counts of use.
    """

    def __init__(self, look: Callable[[], tuple[Snapshot, datetime]], book: UseBook) -> None:
        self._look = look
        self._book = book
        self._latest: dict[str, Point] = {}
        self._forgotten_at: datetime | None = None

    async def readiness(self, items: list[str]) -> _Json:
        """If a letter came now: what of the last week's use could be kept; beside the event loop.

        Args:
            items: What it would be about; without any, whatever was used.

        Raises:
            NotFoundError: an item is not in the catalogue.
            UnavailableError: the counts cannot be read.
        """
        snapshot, at = self._look()
        unknown = sorted(set(items) - {item.id for item in snapshot.catalogue})
        if unknown:
            raise NotFoundError(f"expected items of the catalogue, found `{', '.join(unknown)}`", code="unknown_item")

        def tell() -> _Json:
            uses = [use for use in self._book.lately(at) if not items or use.item in items]
            named = {ItemId(item) for item in items} or {use.item for use in uses}
            supposed = under_letter(snapshot, named, at) if named else snapshot
            return tell_readiness(uses, supposed, at)

        return {"at": format_instant(at), "since": format_instant(at - timedelta(days=7)), **await _aside(tell)}

    async def curves(self) -> list[_Json]:
        """How much was back, of each directive whose curve is kept, and how much is now."""
        found = []
        for name, began in (await _aside(self._book.began)).items():
            now = await _aside(self._point, name)
            points = [*await _aside(self._book.curve, name), now]
            found.append(
                {
                    "directive": name,
                    "began": format_instant(began),
                    "now": {"at": format_instant(now.at), **now.told},
                    "marks": [_mark(points, began, age) for age in MARKS],
                    "points": [_spot(point) for point in points],
                }
            )
        return found

    def exposition(self) -> bytes:
        """The latest points as Prometheus reads them."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  # who reads it waits for it

        share, registry = return_share(self._latest), CollectorRegistry(auto_describe=False)

        class Page:
            """One reading."""

            def collect(self) -> "Iterator[Metric]":
                """Called by the registry."""
                yield share

        registry.register(Page())
        return bytes(generate_latest(registry))

    @asynccontextmanager
    async def looking(self) -> AsyncIterator["Returns"]:
        """Follow every directive while the block runs."""
        task = asyncio.create_task(self._look_forever())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _look_forever(self) -> None:
        while True:
            try:
                await self.look_once()
            except LicetError as err:
                _log.warning("the share of use that is back was not looked at: %s", err)
            except Exception:  # noqa: BLE001  # a task that ends would never look again
                _log.exception("the share of use that is back could not be told")
            await asyncio.sleep(_LOOK_S)

    async def look_once(self) -> None:
        """Begin the curves that are due to begin, and add the points that are due."""
        snapshot, at = self._look()
        began = await _aside(self._book.began)
        for compiled in snapshot.policy.directives:
            directive = compiled.directive
            if directive.id not in began and force_at(directive, snapshot.policy.parameters, at) is not None:
                await _aside(self._book.begin, directive.id, directive.items, at)
                began[directive.id] = at
        for name, since in began.items():
            latest = self._latest.get(name) or await self._last(name)
            if latest is None or at >= latest.at + _interval(at - since):
                latest = await _aside(self._point, name)
                await _aside(self._book.add_point, name, latest)
            self._latest[name] = latest
        for name in self._latest.keys() - began.keys():
            del self._latest[name]
        if self._forgotten_at is None or at >= self._forgotten_at + _FORGET_EVERY:
            await _aside(self._book.forget, at)
            self._forgotten_at = at

    async def _last(self, name: str) -> Point | None:
        points = await _aside(self._book.curve, name)
        return points[-1] if points else None

    def _point(self, name: str) -> Point:
        snapshot, at = self._look()
        told = tell_readiness(self._book.before(name), snapshot, at)
        return Point(at, {part: told[part] for part in told if part not in ("items", "evidence")})


def return_share(latest: Mapping[str, Point]) -> "GaugeMetricFamily":
    """The last point of each directive's curve as a metric."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  # who reads it waits for it

    share = GaugeMetricFamily(
        "licet_return_share",
        "The least share of the lawful use of the week before a directive that is served now.",
        labels=["directive", "measure"],
    )
    for name, point in sorted(latest.items()):
        for measure in MEASURES:
            value = point.told["lawful_share"][measure]
            if value is not None:
                share.add_metric([name, measure], value)
    return share


def _interval(age: timedelta) -> timedelta:
    return next((pace for until, pace in _PACE if age < until), _LATER)


def _mark(points: list[Point], began: datetime, age: timedelta) -> _Json:
    """The last point up to an age; nothing while the directive is younger."""
    due = began + age
    reached = [point for point in points if point.at <= due]
    is_past = bool(points) and points[-1].at >= due
    share = reached[-1].told["lawful_share"] if is_past and reached else None
    return {"after_minutes": age // timedelta(minutes=1), "lawful_share": share}


def _spot(point: Point) -> _Json:
    return {"at": format_instant(point.at), "lawful_share": point.told["lawful_share"]}


async def _aside(work: Callable[..., Any], *values: Any) -> Any:
    """Beside the event loop: judging a week's use takes its time, and requests are answered meanwhile."""
    return await asyncio.to_thread(work, *values)


def returning_routes(router: APIRouter, returns: Returns) -> None:
    """Add the routes of this module."""

    @router.get("/readiness", summary="If a letter came now: what of the last week's use could be kept")
    async def readiness(item: Annotated[list[_Name] | None, Query(max_length=20)] = None) -> _Json:
        return await returns.readiness(item or [])

    @router.get("/returns", summary="How much lawful use is back since each directive began")
    async def curves() -> list[_Json]:
        return await returns.curves()
