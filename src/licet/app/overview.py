"""What an instance says of itself, gathered from the store and from every worker."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from licet import __version__
from licet.app.config import Config
from licet.app.offline import log_file_shown
from licet.app.orders import Heeder, orders_shown
from licet.app.places import Places
from licet.control import Vitals
from licet.decisions import RowKind, Snapshot
from licet.directives import force_at
from licet.errors import LicetError
from licet.fleet import Feed, Replica
from licet.fleet.wire import Count, Family, Report, Reported
from licet.items import Item
from licet.logwriter import LogClient
from licet.records import SINGLE_PERSON
from licet.stores import Store
from licet.terms import ItemId, format_instant

_PATIENCE_S = 1.2
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SILENT = "worker_silent"
"""Why a worker that does not answer serves nothing restricted, as far as is known."""


class Overview:
    """What is told of an instance."""

    def __init__(
        self,
        places: Places,
        *,
        heeder: Heeder,
        store: Store,
        replica: Replica,
        feed: Feed,
        log: LogClient,
        workers: int,
    ) -> None:
        self._places = places
        self._heeder = heeder
        self._store = store
        self._replica = replica
        self._feed = feed
        self._log = log
        self._workers = workers

    def vitals(self, config: Config, more: Callable[[], bytes]) -> Vitals:
        """What the control listener may be asked of it; `more` are metrics that no worker has."""

        async def exposition() -> bytes:
            return await self.exposition() + more()

        return Vitals(self.obstacles, exposition, _CONTENT_TYPE, config.metrics_public, config.metrics_token)

    async def obstacles(self) -> dict[int, list[str]]:
        """Why restricted items cannot be served now, by worker."""
        reports = await self._reports()
        silent = self._feed.silent()
        return {
            slot: [SILENT] if slot in silent or slot not in reports else reports[slot].obstacles
            for slot in range(self._workers)
        }

    async def exposition(self) -> bytes:
        """The page that Prometheus reads: what every worker has counted, under the label `worker`."""
        answers = await self._feed.ask_all(Count(), list[Family], _PATIENCE_S)
        from licet.app.exposition import exposition_of  # noqa: PLC0415  # its library takes a while, and nobody else waits

        return exposition_of({slot: x for slot, x in answers.items() if not isinstance(x, LicetError)})

    async def status(self) -> dict[str, Any]:
        """Items, stops, policy, workers and the answers that are being given."""
        self._heeder.look()
        snapshot, at = self._replica.look()
        reports = await self._reports()
        with self._store.read() as tx:
            rows = [row for row in tx.every(RowKind.ITEM) if isinstance(row, Item)]
            single_person, broken = tx.single_person, sorted(tx.broken_invariants)
            waiting, reviews = tx.people.waiting(), len(tx.reviews.open())
        items = [
            {
                **item_shown(row.id, snapshot, at),
                "running_answers": sum(report.running.get(row.id, 0) for report in reports.values()),
            }
            for row in rows
        ]
        is_fresh = at < snapshot.policy.fresh_until
        return {
            **({"notice": SINGLE_PERSON} if single_person else {}),
            "version": __version__,
            "at": format_instant(at),
            "items": items,
            "orders": orders_shown(self._replica.orders),
            "running_answers": sum(report.answers for report in reports.values()),
            "policy": {
                "epoch": snapshot.policy.epoch,
                "digest": snapshot.policy.digest,
                "fresh_until": format_instant(snapshot.policy.fresh_until),
                "current": snapshot.current and is_fresh and all(x.current for x in reports.values()),
                "feed": snapshot.sequence,
                "broken_invariants": broken,
            },
            "log": await self._log_shown(reports, at),
            "control": {"state": "answers", "pid": os.getpid()},
            "workers": [self._worker(slot, reports.get(slot), at) for slot in range(self._workers)],
            "persons_to_loosen": 1 if single_person else 2,
            "pending_acts": waiting,
            "open_reviews": reviews,
            "records_lost": self._log.dropped + sum(report.records_lost for report in reports.values()),
        }

    async def _log_shown(self, reports: dict[int, Reported], at: datetime) -> dict[str, Any]:
        unavailable = [slot for slot, report in reports.items() if "log_unavailable" in report.obstacles]
        shown = await asyncio.to_thread(log_file_shown, self._places, at)
        return {"state": "does not answer" if unavailable or not reports else "answers", **shown}

    async def _reports(self) -> dict[int, Reported]:
        answers = await self._feed.ask_all(Report(), Reported, _PATIENCE_S)
        return {slot: answer for slot, answer in answers.items() if not isinstance(answer, LicetError)}

    def _worker(self, slot: int, report: Reported | None, at: datetime) -> dict[str, Any]:
        if report is None:
            return {"worker": slot, "state": "silent"}
        if slot in self._feed.silent():
            state = "silent"
        elif report.draining:
            state = "leaving"
        else:
            state = "unrestricted only" if report.obstacles else "serving"
        return {
            "worker": slot,
            "state": state,
            "pid": report.pid,
            "since": format_instant(report.since),
            "snapshot_age_s": round((at - report.issued_at).total_seconds(), 1),
            "feed": report.sequence,
            "running_answers": report.answers,
            "obstacles": report.obstacles,
        }


def item_shown(item: ItemId, snapshot: Snapshot, at: datetime) -> dict[str, Any]:
    """How an item is, by whom, and who is served."""
    stop, policy = snapshot.stops.get(item), snapshot.policy
    draining = stop is not None and stop.drain_until is not None and at < stop.drain_until
    directives = [
        one.directive.id
        for one in policy.by_item.get(item, ())
        if force_at(one.directive, policy.parameters, at) is not None
    ]
    is_stale = at >= policy.fresh_until or not snapshot.current
    if stop is not None or (is_stale and item in policy.restricted):
        served = "nobody"
    else:
        served = "those who may lawfully" if directives else "everybody"
    return {
        "id": item,
        "state": "on" if stop is None else "draining" if draining else "off",
        "stopped_by": None if stop is None else stop.by,
        "drains_until": format_instant(stop.drain_until) if draining and stop and stop.drain_until else None,
        "served": served,
        "directives": directives,
        "restricted": item in policy.restricted,
    }
