"""How one worker fares, asked of its parts."""

import asyncio
import os
import time
from datetime import timedelta

from licet.app.access_log import AccessLog
from licet.errors import UnavailableError
from licet.fleet import Replica
from licet.fleet.wire import Family, Reported
from licet.gateway import Gauges, LiveIndex, Metrics
from licet.logwriter import LogClient

# A writer that answers and cannot commit (a full disk) shows in the records it refuses.
_REFUSED_LATELY_S = 5.0
_PATIENCE_S = 0.8
_SECOND = timedelta(seconds=1)


class Process:
    """The parts of a worker that know how it fares."""

    def __init__(self, replica: Replica, live: LiveIndex, log: LogClient, metrics: Metrics, access: AccessLog) -> None:
        self._replica = replica
        self._live = live
        self._log = log
        self._metrics = metrics
        self._access = access
        self.since = replica.clock.now()
        self.is_draining = False

    async def report(self, slot: int) -> Reported:
        """Everything that is told of it."""
        obstacles = await self.obstacles()
        snapshot, at = self._replica.look()
        policy = snapshot.policy
        return Reported(
            slot=slot,
            pid=os.getpid(),
            since=self.since,
            at=at,
            obstacles=obstacles,
            running=self._live.by_item(),
            answers=len(self._live),
            epoch=policy.epoch,
            digest=policy.digest,
            issued_at=policy.issued_at,
            fresh_until=policy.fresh_until,
            sequence=snapshot.sequence,
            current=snapshot.current,
            records_waiting=self._log.waiting,
            records_lost=self._log.dropped,
            draining=self.is_draining,
        )

    def counted(self) -> list[Family]:
        """Everything that was counted, for whoever adds a label."""
        return [
            Family(
                found.name, found.documentation, found.type, [(x.name, dict(x.labels), x.value) for x in found.samples]
            )
            for found in self._metrics.families(self.gauges())
        ]

    async def obstacles(self) -> list[str]:
        """Why restricted items cannot be served now."""
        snapshot, at = self._replica.look()
        found = []
        if at >= snapshot.policy.fresh_until:
            found.append("policy_stale")
        if self._replica.clock.in_doubt(at):
            found.append("clock_in_doubt")
        elif not snapshot.current:
            found.append("feed_not_current")
        if await self._is_log_silent():
            found.append("log_unavailable")
        return found

    async def _is_log_silent(self) -> bool:
        failed_at = self._metrics.failed_commit_at
        if failed_at is not None and time.monotonic() - failed_at < _REFUSED_LATELY_S:
            return True
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._log.check()
        except (UnavailableError, TimeoutError):
            return True
        return False

    def gauges(self) -> Gauges:
        """What is so now."""
        snapshot, at = self._replica.look()
        return Gauges(
            live_streams=len(self._live),
            snapshot_age_s=(at - snapshot.policy.issued_at) / _SECOND,
            policy_fresh_s=(snapshot.policy.fresh_until - at) / _SECOND,
            feed_sequence=snapshot.sequence,
            records_waiting=self._log.waiting,
            records_lost=self._log.dropped,
            access_lines_lost=self._access.lost,
        )
