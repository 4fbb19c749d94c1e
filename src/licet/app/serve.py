"""Serve an instance: the gateway, the control API and the log writer, until told to stop."""

import asyncio
import gc
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from joserfc.jwk import OKPKey

from licet import __version__
from licet.app.access_log import AccessLog
from licet.app.alone import only_one
from licet.app.collecting import Witnesses
from licet.app.config import Config, read_config
from licet.app.front import front
from licet.app.keys import read_pepper, read_signing_key, require_pepper
from licet.app.orders import Take, heeding, orders_shown
from licet.app.places import Places
from licet.app.shelf import LogShelf
from licet.app.vitals import Process
from licet.control import (
    Administration,
    Control,
    Desk,
    Intents,
    Keeper,
    Observing,
    Office,
    Publisher,
    Registry,
    Returns,
    Rulings,
    build_api,
)
from licet.decisions import RowKind, Stop
from licet.directives import Policy, PolicyBundle, compile_policy
from licet.enrollment import Doors
from licet.errors import ConfigurationError, UnavailableError
from licet.fleet import Clock, PolicyVerifier, Replica, new_record_id
from licet.gateway import (
    Batches,
    Callers,
    Fetch,
    Gate,
    KeySets,
    Listener,
    LiveIndex,
    MeasuredLog,
    Metrics,
    Objects,
    PlaceDatabase,
    Post,
    ReverseProxy,
    Stored,
    Surroundings,
    Tally,
    fetch_public,
    tracing,
)
from licet.items import Item
from licet.logwriter import LogClient, Supervisor, chain_path, prepare_log, writer_command
from licet.orders import StopOrder
from licet.parties.evidence import AttestationVerifier
from licet.records import SINGLE_PERSON, Record, RecordKind
from licet.stores import Administrator, Store, UseBook
from licet.terms import format_instant

_log = logging.getLogger("licet.app")
_GRACE_S = 3.0
_FAREWELL_S = 5.0
_STDERR = 2


@dataclass(frozen=True, slots=True)
class Running:
    """Where an instance listens."""

    gateway: str
    control: str
    pid: int


def serve(directory: Path, announce: Callable[[Running], None], *, fetch: Fetch = fetch_public) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        directory: Of the instance.
        announce: Is told where it listens.
        fetch: Gives the keys of token issuers; tests have theirs elsewhere.

    Raises:
        ConfigurationError: the configuration, a secret or the store is not as it must be.
        ConflictError: the instance is being served already.
        UnavailableError: the log writer could not be started.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    places = Places(directory)
    config = read_config(places.config)
    with only_one(places):
        uvloop.run(_serve(places, config, announce, fetch))


async def _serve(places: Places, config: Config, announce: Callable[[Running], None], fetch: Fetch) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with instance(places, config, fetch) as running:
        _write_announcement(places, running)
        try:
            announce(running)
            await stop.wait()
        finally:
            places.announcement.unlink(missing_ok=True)


@asynccontextmanager
async def instance(places: Places, config: Config, fetch: Fetch = fetch_public) -> AsyncIterator[Running]:
    """Everything wired and listening, for as long as the block runs."""
    clock, pepper, key = Clock(), read_pepper(places.pepper), read_signing_key(places.policy_key)
    public = OKPKey.import_key(key.as_dict(private=False))
    async with AsyncExitStack() as stack:
        store = Store(config.store_url)
        stack.callback(store.close)
        store.check()
        require_pepper(store, pepper)
        _prepare_log(places)
        await stack.enter_async_context(Supervisor(writer_command(places.directory, max_bytes=config.log_max_bytes)))
        stack.push_async_callback(_leave, log := LogClient(places.log_socket))

        replica = Replica(no_policy(), clock, pepper, _refill(store))
        if not places.epoch.exists():
            # Gone, it would let an old policy come back.
            raise ConfigurationError(f"expected the highest policy epoch seen in `{places.epoch}`, found no file")
        verifier = PolicyVerifier(public, places.epoch)

        def deliver(token: str) -> None:
            replica.adopt(compile_policy(verifier.verify(token)))

        publisher = Publisher(store, key, clock, deliver)
        desk = Desk(store=store, log=log, clock=clock, publisher=publisher, publish_rows=replica.apply)
        replica.apply(_refill(store)(0))
        gc.collect()
        gc.freeze()  # rows stay: a collection that walked a million of them would stall every stream
        await stack.enter_async_context(publisher.renewing())
        await desk.deliver_held()
        await stack.enter_async_context(desk.delivering())
        await log.append(_started(config, store, clock.now()))

        traces = tracing(config.tracing_endpoint, config.tracing_share, config.gateway_id, clock.now())
        metrics = Metrics(stack.enter_context(traces))
        access = stack.enter_context(AccessLog(_STDERR).running(wanted=config.access_log))
        post = Post(MeasuredLog(log, metrics), config.gateway_id)
        live = LiveIndex(replica, post, config.limits)
        proxy = await stack.enter_async_context(ReverseProxy(config.upstreams, config.limits).running())
        stored = await stack.enter_async_context(_stored(places, config, replica, post, proxy))
        book, tally = await stack.enter_async_context(_counting(places, clock))
        callers = Callers(replica, _surroundings(config, clock, fetch, stack))
        gate = Gate(
            proxy,
            replica=replica,
            post=post,
            live=live,
            limits=config.limits,
            metrics=metrics,
            callers=callers,
            stored=stored,
            tally=tally,
        )
        shelf = LogShelf(places.directory, store)
        registry = Registry(store, desk, clock, pepper, config.audience, AttestationVerifier())
        doors = Doors(registry, callers.identify, shelf.receipt)

        intents = _intents(config, store, desk, pepper, shelf)
        office = Office(store=store, desk=desk, clock=clock, intents=intents, expires_after=config.pending)
        await stack.enter_async_context(office.expiring())
        await stack.enter_async_context(heeding(places.orders, replica, public, _taking(desk, intents.control)))
        returns = await stack.enter_async_context(Returns(replica.look, book).looking())
        api = build_api(
            office,
            intents,
            _administrators(store),
            lambda: _status(store, replica, live, log),
            replica.look,
            observing=Observing(intents.rulings, replica, live.requests),
            returns=returns,
            vitals=Process(replica, live, log, metrics, access).vitals(config, returns.exposition),
        )
        gateway = await stack.enter_async_context(
            Listener(front(gate, doors, metrics, clock), config.gateway.host, config.gateway.port).running()
        )
        stack.push_async_callback(live.drain, _GRACE_S)
        desk_side = await stack.enter_async_context(Listener(api, config.control.host, config.control.port).running())
        await stack.enter_async_context(Witnesses(places.directory, config.witnesses).running())
        yield Running(gateway.url, desk_side.url, os.getpid())


@asynccontextmanager
async def _stored(
    places: Places, config: Config, replica: Replica, post: Post, proxy: ReverseProxy
) -> AsyncIterator[Stored]:
    """What knows of the objects that upstreams keep; batches that were running are watched again."""
    objects = Objects(places.objects, replica.clock.now())
    batches = Batches(replica, post, objects, proxy)
    # Files that name no model go to the first upstream that speaks their dialect.
    homes = {surface: one.name for one in reversed(config.upstreams) for surface in one.dialects}
    try:
        batches.resume()
        yield Stored(proxy, replica, config.limits, objects=objects, batches=batches, homes=homes)
    finally:
        await batches.close()
        objects.close()


@asynccontextmanager
async def _counting(places: Places, clock: Clock) -> AsyncIterator[tuple[UseBook, Tally]]:
    """What counts use."""
    book = UseBook(places.uses)
    tally = Tally(book.count)
    try:
        async with tally.writing(clock):
            yield book, tally
    finally:
        book.close()


def _surroundings(config: Config, clock: Clock, fetch: Fetch, stack: AsyncExitStack) -> Surroundings:
    """What callers are told apart by. SIGHUP has the places of addresses read anew."""
    keys = KeySets(fetch)
    stack.push_async_callback(keys.close)
    if config.place_database is None:
        return Surroundings(config.audience, config.network, keys)
    database = PlaceDatabase(config.place_database, config.place_max_age)
    database.require_fresh(clock.now())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: database.reload(clock.now()))
    stack.callback(loop.remove_signal_handler, signal.SIGHUP)
    return Surroundings(config.audience, config.network, keys, lambda address: database.country(address, clock.now()))


def _intents(config: Config, store: Store, desk: Desk, pepper: bytes, shelf: LogShelf) -> Intents:
    """Who knows each act."""
    upstreams = frozenset(upstream.name for upstream in config.upstreams)
    control = Control(store=store, pepper=pepper, upstreams=upstreams)
    return Intents(control, Rulings(store, desk), Keeper(desk, shelf), Administration(store))


def _prepare_log(places: Places) -> None:
    carried = prepare_log(places.directory)
    if carried is not None:
        _log.warning("%d records were carried over; the old log is kept as %s", carried, chain_path(places.directory))


def _taking(desk: Desk, control: Control) -> Take:
    """Make a stop order an act like any other."""

    async def take(order: StopOrder) -> dict[str, Any]:
        done = await desk.carry_out(control.stop(order.by, order.items, everything=order.everything, order=order.id))
        return {"result": done.result, "record": done.record}

    return take


async def _leave(log: LogClient) -> None:
    """Let the records for which nobody waited reach the disk, and then go."""
    try:
        await log.drain(_FAREWELL_S)
    except UnavailableError as err:
        _log.error("the instance ends while the log does not answer: %s", err)
    await log.close()


def no_policy() -> Policy:
    """A policy that was never fresh: until the first bundle comes, nothing is known to be unrestricted by it."""
    never = datetime.min.replace(tzinfo=UTC)
    return compile_policy(PolicyBundle(0, never, never, (), (), frozenset()))


def _refill(store: Store) -> Callable[[int], list[Any]]:
    def since(sequence: int) -> list[Any]:
        with store.read() as tx:
            return tx.since(sequence)

    return since


def _administrators(store: Store) -> Callable[[str], Administrator | None]:
    def find(token: str) -> Administrator | None:
        with store.read() as tx:
            return tx.people.holder(token)

    return find


def _started(config: Config, store: Store, at: datetime) -> Record:
    with store.read() as tx:
        persons = "one" if tx.single_person else "two"
    body = {"gateway": config.gateway_id, "version": __version__, "persons": persons}
    return Record(new_record_id(at), at, RecordKind.STARTUP, body)


def _status(store: Store, replica: Replica, live: LiveIndex, log: LogClient) -> dict[str, Any]:
    snapshot, at = replica.look()
    with store.read() as tx:
        stops = {row.item: row for row in tx.every(RowKind.STOP) if isinstance(row, Stop)}
        rows = [row for row in tx.every(RowKind.ITEM) if isinstance(row, Item)]
        single_person, broken = tx.single_person, sorted(tx.broken_invariants)
        waiting = tx.people.waiting()
    items = [
        {
            "id": row.id,
            "state": "off" if row.id in stops else "on",
            "stopped_by": stops[row.id].by if row.id in stops else None,
            "restricted": row.id in snapshot.policy.restricted,
            "running_answers": live.on(row.id),
        }
        for row in rows
    ]
    return {
        **({"notice": SINGLE_PERSON} if single_person else {}),
        "version": __version__,
        "at": format_instant(at),
        "items": items,
        "orders": orders_shown(replica.orders),
        "running_answers": len(live),
        "policy": {
            "epoch": snapshot.policy.epoch,
            "digest": snapshot.policy.digest,
            "fresh_until": format_instant(snapshot.policy.fresh_until),
            "current": snapshot.current and at < snapshot.policy.fresh_until,
            "feed": snapshot.sequence,
            "broken_invariants": broken,
        },
        "persons_to_loosen": 1 if single_person else 2,
        "pending_acts": waiting,
        "records_lost": log.dropped,
    }


def _write_announcement(places: Places, running: Running) -> None:
    body = {"gateway": running.gateway, "control": running.control, "pid": running.pid}
    fresh = places.announcement.with_suffix(".new")
    fresh.write_text(json.dumps(body), encoding="utf-8")
    fresh.replace(places.announcement)
