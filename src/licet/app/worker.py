"""`python -m licet.app.worker`: one gateway process, which serves one of the sockets that share the public port.

It has no store. Rows and the policy come over the feed, from which it begins and to
which it comes back; orders it reads itself; records it gives to the log writer.
"""

import argparse
import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvloop
from joserfc.jwk import OKPKey

from licet.app.access_log import AccessLog
from licet.app.answering import Answering, RemoteRegistrar
from licet.app.config import Config, read_config
from licet.app.enrolling import enrollment_pages
from licet.app.front import DOORS, ENROLLMENT, KEYS, RECORDS, STANDINGS, VENDORS, front
from licet.app.keys import read_pepper, read_signing_key
from licet.app.leaving import leave_log
from licet.app.orders import heeding
from licet.app.places import Places
from licet.app.receipts import receipt_for
from licet.app.vitals import Process
from licet.directives import compile_policy
from licet.enrollment import Doors, OwnDoors, Tickets, VendorDoors
from licet.errors import LicetError
from licet.fetching import Fetch, KeySets, fetch_public
from licet.fleet import Clock, Follower, PolicyVerifier, Replica, no_policy
from licet.gateway import (
    Batches,
    Callers,
    Gate,
    Listener,
    LiveIndex,
    MeasuredLog,
    Metrics,
    Nonces,
    Objects,
    PlaceDatabase,
    Post,
    ReverseProxy,
    Stored,
    Surroundings,
    Tally,
    has_websockets,
    sending_traces,
)
from licet.gateway.asgi import App
from licet.gateway.once import Uses
from licet.logwriter import LogClient
from licet.processes import say_failed, say_ready, watch_lifeline
from licet.stores import UseBook

GRACE_S = 3.0
"""How long answers may go on that are being given when an instance ends."""
LEAVE = signal.SIGUSR1
"""Tells a worker that another serves its socket: it takes nothing new, and lets what runs go on for a while."""
_IDLE_S = 1.0
_GC_THRESHOLDS = 50_000, 20, 50
"""A request makes hundreds of objects and hardly a cycle among them; by default each few would be searched for one."""
_STDERR = 2


@dataclass(frozen=True, slots=True)
class Slot:
    """A worker's place: its number, of how many, and the socket it serves."""

    number: int
    count: int
    listening: socket.socket


class Ending:
    """When and how a worker ends."""

    def __init__(self) -> None:
        self.now = asyncio.Event()
        self.grace_s = GRACE_S

    def watch(self, drain_s: float) -> None:
        """Heed the signals that end a worker."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.now.set)
        loop.add_signal_handler(LEAVE, self._leave, drain_s)

    def _leave(self, drain_s: float) -> None:
        self.grace_s = drain_s
        self.now.set()


def main(arguments: Sequence[str] | None = None, *, fetch: Fetch = fetch_public) -> int:
    """Run until told to stop; 0 is a clean end and 1 a refusal to start.

    `fetch` gives the keys of token issuers; tests have theirs elsewhere.
    """
    parser = argparse.ArgumentParser(prog="python -m licet.app.worker", description="Serve licet's gateway.")
    parser.add_argument("--dir", type=Path, required=True, help="the instance's directory")
    parser.add_argument("--slot", type=int, required=True, help="which worker this is, from 0")
    parser.add_argument("--of", type=int, required=True, help="how many there are")
    parser.add_argument("--socket", type=int, required=True, help="the number of the socket that it inherits")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format=f"%(asctime)s %(levelname)s %(name)s [worker {options.slot}]: %(message)s"
    )
    _open_as_many_files_as_may_be()
    try:
        places = Places(options.dir)
        slot = Slot(options.slot, options.of, socket.socket(fileno=options.socket))
        uvloop.run(_work(places, read_config(places.config), slot, fetch))
    except LicetError as err:
        say_failed(err)
        return 1
    return 0


def _open_as_many_files_as_may_be() -> None:
    """Each answer takes two: the soft limit is for programs that wait with `select`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _work(places: Places, config: Config, slot: Slot, fetch: Fetch) -> None:
    ending = Ending()
    ending.watch(config.drain_s)
    lifeline = await watch_lifeline(ending.now)
    try:
        async with _working(places, config, slot, fetch, ending):
            say_ready()
            await ending.now.wait()
    finally:
        lifeline.close()


@asynccontextmanager
async def _working(places: Places, config: Config, slot: Slot, fetch: Fetch, ending: Ending) -> AsyncIterator[None]:
    clock, pepper = Clock(), read_pepper(places.pepper)
    public = OKPKey.import_key(read_signing_key(places.policy_key).as_dict(private=False))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(leave_log, log := LogClient(places.log_socket))
        replica = Replica(no_policy(), clock, pepper)
        verifier = PolicyVerifier(public, places.epoch)
        traces = sending_traces(config.tracing_endpoint, config.tracing_share, config.gateway_id, clock.now())
        access = stack.enter_context(AccessLog(_STDERR).running())
        metrics = Metrics(stack.enter_context(traces), access.take if config.access_log else None)
        post = Post(MeasuredLog(log, metrics), config.gateway_id)
        live = LiveIndex(replica, post, config.limits)
        process = Process(replica, live, log, metrics, access)
        follower = Follower(
            places.feed,
            slot.number,
            replica,
            lambda token: replica.adopt(compile_policy(verifier.verify(token))),
            Answering(slot.number, replica, live, process),
        )
        await stack.enter_async_context(follower.following())
        await _caught_up(follower, ending)
        gc.collect()
        gc.freeze()  # rows stay: a collection that walked a million of them would stall every stream
        gc.set_threshold(*_GC_THRESHOLDS)
        await stack.enter_async_context(heeding(places.orders, replica, public, slot.number))
        proxy = await stack.enter_async_context(ReverseProxy(config.upstreams, config.limits).running())
        stored, batches = await stack.enter_async_context(
            _stored(places.objects, config, slot, replica=replica, post=post, proxy=proxy)
        )
        nonces = Nonces(pepper) if config.dpop_nonce else None
        callers = Callers(replica, replace(_surroundings(places, config, clock, fetch, stack), nonces=nonces))
        gate = Gate(
            proxy,
            replica=replica,
            post=post,
            live=live,
            limits=config.limits,
            metrics=metrics,
            callers=callers,
            stored=stored,
            serves_live=config.gemini_live,
            tally=await stack.enter_async_context(_tally(places, clock)),
            link=(tickets := Tickets(pepper, config.network.public_url)).link,
        )
        registrar = RemoteRegistrar(follower)
        doors = Doors(
            registrar,
            callers.identify,
            lambda record, caller: receipt_for(places.directory, record, caller),
            registrar if config.review_offered else None,
        )
        pages = enrollment_pages(config, pepper, tickets=tickets, registrar=registrar, replica=replica, callers=callers)
        own = OwnDoors(registrar, callers.identify, replica.authenticate)
        vendors = VendorDoors(registrar, callers.identify)
        shown = {ENROLLMENT: pages, VENDORS: vendors, STANDINGS: own, KEYS: own, DOORS: doors, RECORDS: doors}
        entrance = _entrance(config, front(gate, shown, metrics, clock), slot)
        listener = await stack.enter_async_context(entrance.running())
        stack.push_async_callback(_drain, listener, live, process, ending)
        stack.callback(batches.leave)
        yield


def _entrance(config: Config, door: App, slot: Slot) -> Listener:
    """The public listener, with websockets where what reads them is installed."""
    is_there = has_websockets()
    if not is_there:
        logging.getLogger("licet.app").info("websockets are refused: the extra `realtime` is not installed")
    bound = config.limits.event_bytes if is_there else None
    return Listener(door, slot.listening, socket_bytes=bound, connections=config.limits.connections)


async def _caught_up(follower: Follower, ending: Ending) -> None:
    """Wait for the whole feed; a worker that is told to end while it waits begins nothing."""
    tasks = [asyncio.create_task(follower.caught_up()), asyncio.create_task(ending.now.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(listener: Listener, live: LiveIndex, process: Process, ending: Ending) -> None:
    """Take nothing new, let what runs end, and those who are connected learn that they must connect anew."""
    process.is_draining = True
    listener.leave()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await live.drain(ending.grace_s)
    await listener.emptied(min(_IDLE_S, max(ending.grace_s - (loop.time() - began), 0.0)))


@asynccontextmanager
async def _tally(places: Places, clock: Clock) -> AsyncIterator[Tally]:
    """What counts use, into a file that every worker writes to."""
    book = UseBook(places.use_book)
    try:
        async with (tally := Tally(book.count)).writing(clock):
            yield tally
    finally:
        book.close()


@asynccontextmanager
async def _stored(
    path: Path, config: Config, slot: Slot, *, post: Post, replica: Replica, proxy: ReverseProxy
) -> AsyncIterator[tuple[Stored, Batches]]:
    """What knows of the objects that upstreams keep; batches that were running are watched again."""
    objects = Objects(path, replica.clock.now(), slot=slot.number, slots=slot.count)
    batches = Batches(replica, post, objects, proxy)
    # Files that name no model go to the first upstream that speaks their dialect.
    homes = {surface: one.name for one in reversed(config.upstreams) for surface in one.dialects}
    try:
        batches.resume()
        async with batches.looking():
            yield Stored(proxy, replica, config.limits, objects=objects, batches=batches, homes=homes), batches
    finally:
        await batches.close()
        objects.close()


def _surroundings(places: Places, config: Config, clock: Clock, fetch: Fetch, stack: AsyncExitStack) -> Surroundings:
    """What callers are told apart by. SIGHUP has the places of addresses read anew."""
    keys = KeySets(fetch)
    stack.push_async_callback(keys.close)
    uses = Uses(places.uses)
    stack.callback(uses.close)
    loop = asyncio.get_running_loop()
    if config.place_database is None:
        loop.add_signal_handler(signal.SIGHUP, _nothing_to_read)
        return Surroundings(config.audience, config.network, keys, uses=uses)
    database = PlaceDatabase(config.place_database, config.place_max_age)
    database.require_fresh(clock.now())
    loop.add_signal_handler(signal.SIGHUP, lambda: database.reload(clock.now()))
    return Surroundings(
        config.audience, config.network, keys, lambda address: database.country(address, clock.now()), uses
    )


def _nothing_to_read() -> Any:
    logging.getLogger("licet.app").info("no database of places is named, so there is none to read anew")


if __name__ == "__main__":
    sys.exit(main())
