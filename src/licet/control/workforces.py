"""A whole workforce in one signed file: checked beside the event loop, taken whole or not at all.

The file waits in the instance's directory between the check and the act, since a second
person may have to agree; then it is deleted.
"""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from licet.control.act import Act, Intent, require_same
from licet.control.mandates import Effect
from licet.control.repeating import repeating
from licet.decisions import Row, RowKind
from licet.directives import with_settings
from licet.errors import InputError, LicetError, NotFoundError, UnavailableError
from licet.fleet import Clock, new_record_id
from licet.parties import Organization, Party, Standing, Withdrawal
from licet.parties.evidence import Refusal, Workforce, WorkforceContext, refused, verify_workforce
from licet.records import RecordKind
from licet.stores import Store, Transaction
from licet.terms import PartyId

KEPT = timedelta(hours=72)
"""For how long a file waits for its act."""
_MOST_HELD = 2
_SWEEP_S = 600.0
_TOLD = 5


@dataclass(slots=True)
class Check:
    """How the check of one file fares."""

    digest: str
    lines: int = 0
    error: LicetError | None = None
    counts: Mapping[str, Any] | None = None

    def as_value(self) -> dict[str, Any]:
        """What is answered."""
        state = "refused" if self.error else "checking" if self.counts is None else "checked"
        value: dict[str, Any] = {"workforce": self.digest, "state": state, "lines": self.lines}
        if self.error is not None:
            value |= {"code": self.error.code, "detail": str(self.error)}
        return value | ({} if self.counts is None else {"counts": dict(self.counts)})


@dataclass(frozen=True, slots=True)
class _Held:
    """A file that was believed, with the organization as it then was."""

    workforce: Workforce
    organization: Row


class Workforces:
    """The files that were handed in.

    Args:
        store: Where standings are kept.
        clock: Says the instant.
        pepper: Under which evidence is hashed.
        audience: This gateway's name.
        staged: The directory where files wait.
    """

    def __init__(self, store: Store, clock: Clock, pepper: bytes, audience: str, staged: Path) -> None:
        self._store = store
        self._clock = clock
        self._pepper = pepper
        self._audience = audience
        self._staged = staged
        self._checks: dict[str, Check] = {}
        self._held: dict[str, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def hand_in(self, payload: bytes) -> Check:
        """Keep a file and begin to check it; nothing takes effect.

        Raises:
            UnavailableError: it cannot be kept.
        """
        digest = hashlib.sha256(payload).hexdigest()
        await asyncio.to_thread(self._stage, digest, payload)
        check = self._checks[digest] = Check(digest)
        task = asyncio.create_task(self._check(check))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return check

    def check(self, digest: str) -> Check:
        """How a check fares.

        Raises:
            NotFoundError: no such file was handed in since the control process began.
        """
        found = self._checks.get(digest)
        if found is None:
            raise NotFoundError("expected a file that was handed in; hand it in again", code="unknown_workforce")
        return found

    def sweep(self) -> None:
        """Delete files that have waited for longer than they may.

        Raises:
            UnavailableError: they cannot be looked at or deleted.
        """
        oldest = self._clock.now().timestamp() - KEPT.total_seconds()
        try:
            for left in self._staged.glob("*"):
                if left.stat().st_mtime < oldest:
                    left.unlink(missing_ok=True)
                    self._held.pop(left.stem, None)
        except OSError as err:
            raise UnavailableError(
                f"files that waited cannot be deleted: {err.strerror}", code="staging_failed"
            ) from err

    def sweeping(self) -> AbstractAsyncContextManager[None]:
        """Sweep for as long as the block runs; at once when it begins."""

        async def sweep() -> None:
            await asyncio.to_thread(self.sweep)

        return repeating(sweep, _SWEEP_S, "what has waited too long is deleted at the next look")

    async def ready(self, digest: str) -> None:
        """Have a file in memory that waits on the disk: an approval may come after a restart.

        Raises:
            LicetError: it is not there, or is not believed any more.
        """
        if digest not in self._held:
            self._hold(digest, await asyncio.to_thread(self._believe, Check(digest)))

    def take(self, by: str, digest: str, *, enroll: bool) -> Intent[dict[str, int]]:
        """Take what a file attests, all of it; with `enroll`, people who are not known yet are enrolled.

        Raises:
            NotFoundError: the file is not ready.
        """
        held = self._held.get(digest)
        if held is None:
            raise NotFoundError("expected a file that was checked; hand it in again", code="unknown_workforce")
        workforce = held.workforce

        def change(tx: Transaction, at: datetime) -> dict[str, int]:
            issuer = tx.find(RowKind.ORGANIZATION, workforce.issuer)
            require_same(f"what is known of `{workforce.issuer}`", held.organization, issuer)
            if at >= workforce.spent.until:
                raise refused(Refusal.EXPIRED, "it has expired")
            if tx.presented(workforce.issuer, workforce.spent.number):
                raise refused(Refusal.REPLAYED, "it was handed in before")
            rows, counts = _plan(tx, workforce, at, enroll=enroll)
            _require_room(held.organization, counts)
            tx.remember_presented(workforce.issuer, workforce.spent.number, workforce.spent.until, at)
            for kind in rows:
                tx.put_all(kind)
            return counts

        details = {
            "issuer": workforce.issuer,
            "workforce": digest,
            "attestation_key": workforce.key,
            "lines": len(workforce.standings),
            "whole": workforce.whole,
            "enroll": enroll,
        }
        act = Act("workforce.take", by, details, Effect.LOOSENS, kind=RecordKind.EVIDENCE)
        return Intent(act, change, long=True)

    def forget(self, digest: str) -> None:
        """Delete a file whose act is done."""
        self._held.pop(digest, None)
        self._path(digest).unlink(missing_ok=True)

    async def _check(self, check: Check) -> None:
        try:
            held = await asyncio.to_thread(self._believe, check)
            counts = await asyncio.to_thread(self._dry_run, held)
        except LicetError as err:
            check.error = err
            self.forget(check.digest)
        else:
            self._hold(check.digest, held)
            check.lines, check.counts = len(held.workforce.standings), counts

    def _hold(self, digest: str, held: _Held) -> None:
        self._held[digest] = held
        while len(self._held) > _MOST_HELD:
            del self._held[next(iter(self._held))]  # the file is on the disk

    def _believe(self, check: Check) -> _Held:
        try:
            payload = self._path(check.digest).read_bytes()
        except OSError as err:
            raise NotFoundError("expected a file that waits; hand it in again", code="unknown_workforce") from err
        now = self._clock.now()

        def watch(lines: int) -> None:
            check.lines = lines

        with self._store.read() as tx:
            parameters = with_settings({setting.name: setting for setting in tx.settings()})
            anchors = {row.id: row for row in tx.every(RowKind.ORGANIZATION) if isinstance(row, Organization)}
            context = WorkforceContext(
                now=now,
                audience=self._audience,
                anchors=anchors,
                is_spent=tx.presented,
                max_age_days=parameters.evidence_max_age_days,
                batch=new_record_id(now),
                pepper=self._pepper,
                watch=watch,
            )
            workforce = verify_workforce(payload, context)
        return _Held(workforce, anchors[workforce.issuer])

    def _dry_run(self, held: _Held) -> dict[str, int]:
        with self._store.read() as tx:
            _, counts = _plan(tx, held.workforce, self._clock.now(), enroll=None)
        return counts

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):  # noqa: PLR2004  # SHA-256 in hex
            raise InputError("expected the SHA-256 of a file, in hex")
        return self._staged / f"{digest}.jws"

    def _stage(self, digest: str, payload: bytes) -> None:
        try:
            self._staged.mkdir(mode=0o700, exist_ok=True)
            path = self._path(digest)
            fresh = path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(payload)
            fresh.replace(path)
        except OSError as err:
            raise UnavailableError(f"the file cannot be kept: {err.strerror}", code="staging_failed") from err


def _plan(
    tx: Transaction, workforce: Workforce, at: datetime, *, enroll: bool | None
) -> tuple[tuple[list[Row], list[Row]], dict[str, int]]:
    """The parties and the standings to put, and what comes of each line.

    `enroll` is None where nothing is done: then people who are not known are counted only.
    """
    issuer, standings = workforce.issuer, workforce.standings
    known = tx.find_all(RowKind.PARTY, [one.subject for one in standings])
    _require_members(workforce, known, enroll=enroll)
    before = {one.subject: one for one in tx.holdings.standings_by(issuer) if one.withdrawn_at is None}
    counts = dict.fromkeys(("new", "renewed", "changed", "left_alone", "withdrawn", "enrolled"), 0)
    parties: list[Row] = [Party(one.subject, issuer) for one in standings if one.subject not in known]
    counts["enrolled"] = len(parties)
    rows: list[Row] = []
    for one in standings:
        earlier = before.pop(one.subject, None)
        word, changed = _against(one, earlier, at)
        counts[word] += 1
        rows += changed
    if workforce.whole:
        gone = [replace(one, withdrawn_at=at, withdrawal=Withdrawal.BY_ISSUER) for one in before.values()]
        counts["withdrawn"] = len(gone)
        rows += gone
    counts["people"] = len(standings) + (0 if workforce.whole else len(before))
    return (parties, rows), counts


def _against(one: Standing, earlier: Standing | None, at: datetime) -> tuple[str, list[Row]]:
    """A line against what the same organization said of the person before: the later check counts."""
    if earlier is None:
        return "new", [one]
    if earlier.verified_at > one.verified_at:
        return "left_alone", []
    if earlier.facts == one.facts and not earlier.keys:
        return "renewed", [replace(one, id=earlier.id)]
    return "changed", [replace(earlier, withdrawn_at=at, withdrawal=Withdrawal.CORRECTED), one]


def _require_members(workforce: Workforce, known: Mapping[str, Row], *, enroll: bool | None) -> None:
    """Refuse people of others, and people nobody knows unless they are to be enrolled."""
    others = [x.id for x in known.values() if isinstance(x, Party) and x.organization != workforce.issuer]
    if others:
        raise refused(Refusal.NOT_A_MEMBER, f"expected its own people only, found {_some(others)}")
    if enroll is False:
        strangers = [one.subject for one in workforce.standings if one.subject not in known]
        if strangers:
            told = f"expected people who are enrolled, found {_some(strangers)}; to enroll them say so"
            raise NotFoundError(told, code="unknown_party")


def _require_room(organization: Row, counts: Mapping[str, int]) -> None:
    most = organization.limits.most_people if isinstance(organization, Organization) else None
    if most is not None and counts["people"] > most:
        raise refused(Refusal.TOO_MANY_PEOPLE, f"the organization's word is taken for at most {most:,} people")


def _some(names: list[PartyId]) -> str:
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return ", ".join(f"`{name}`" for name in names[:_TOLD]) + more
