"""`python -m licet.app.control`: the one process with the store: acts, their API, the feed, what workers ask.

Without it nothing can be changed, and workers go on by what they have until it is
stale. Stops are heeded without it, and become acts when it is back.
"""

import argparse
import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from joserfc.jwk import OKPKey

from licet import __version__
from licet.app.asked import Asked
from licet.app.config import Config, read_config
from licet.app.keys import PEPPER_PRINT, read_pepper, read_signing_key, require_pepper, standing_key
from licet.app.leaving import leave_log
from licet.app.lock import only_one
from licet.app.orders import Take, heeding, taking
from licet.app.overview import Overview
from licet.app.places import Places
from licet.app.shelf import LogShelf
from licet.app.shelving import LEAST_ROWS, Shelving
from licet.app.watching import Workers
from licet.control import (
    Administration,
    Callbacks,
    Control,
    Desk,
    Drain,
    Gathering,
    Intents,
    Keeper,
    Observing,
    Office,
    OwnStandings,
    Publisher,
    Registry,
    Returns,
    Reviews,
    ReviewSettings,
    ReviewWindow,
    Rulings,
    Workforces,
    build_api,
)
from licet.decisions import RowChange
from licet.directives import compile_policy
from licet.errors import LicetError, UnavailableError
from licet.fetching import Exchange, Fetch, KeySets, Wanted, exchange_public
from licet.fleet import Clock, Feed, PolicyVerifier, Replica, new_record_id, no_policy
from licet.fleet.shelf import Shelf
from licet.fleet.wire import Question
from licet.gateway.server import Listener
from licet.logwriter import LogClient
from licet.orders import StopOrder
from licet.processes import say_failed, say_ready, watch_lifeline
from licet.records import Record, RecordKind
from licet.stores import Administrator, Store, UseBook

_log = logging.getLogger("licet.app")
_LOG_PATIENCE_S, _LOOK_S = 5.0, 0.02
_SHELVE_S = 60.0


def main(arguments: Sequence[str] | None = None, *, exchange: Exchange = exchange_public) -> int:
    """Run until told to stop; 0 is a clean end and 1 a refusal to start.

    `exchange` asks identity providers and vendors; tests have theirs elsewhere.
    """
    parser = argparse.ArgumentParser(prog="python -m licet.app.control", description="Serve licet's control API.")
    parser.add_argument("--dir", type=Path, required=True, help="the instance's directory")
    parser.add_argument("--workers", type=int, required=True, help="how many workers there ought to be")
    parser.add_argument("--socket", type=int, required=True, help="the number of the socket that it inherits")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s [control]: %(message)s")
    places = Places(options.dir)
    try:
        with only_one(places.control_lock, places.directory):
            listening = socket.socket(fileno=options.socket)
            uvloop.run(_serve(places, read_config(places.config), options.workers, listening, exchange))
    except LicetError as err:
        say_failed(err)
        return 1
    return 0


async def _serve(places: Places, config: Config, workers: int, listening: socket.socket, exchange: Exchange) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)  # the workers' affair
    lifeline = await watch_lifeline(stop)
    try:
        async with _controlling(places, config, workers, listening, exchange):
            say_ready()
            await stop.wait()
    finally:
        lifeline.close()


@asynccontextmanager
async def _controlling(
    places: Places, config: Config, workers: int, listening: socket.socket, exchange: Exchange
) -> AsyncIterator[None]:
    clock, pepper, key = Clock(), read_pepper(places.pepper), read_signing_key(places.policy_key)
    public = OKPKey.import_key(key.as_dict(private=False))
    async with AsyncExitStack() as stack:
        store = Store(config.store_url)
        stack.callback(store.close)
        store.check()
        with store.read() as tx:
            require_pepper(tx.single(PEPPER_PRINT), pepper)
        stack.push_async_callback(leave_log, log := LogClient(places.log_socket))
        shelving = Shelving(store, Path(config.store_url.removeprefix("sqlite:///")), places.run)
        verifier = PolicyVerifier(public, places.epoch)
        spread = Spread(store, Replica(no_policy(), clock, pepper), verifier, workers, shelving)
        replica, feed = spread.replica, spread.feed
        publisher = Publisher(store, key, clock, spread.bundle)
        desk = Desk(
            store=store, log=log, clock=clock, publisher=publisher, publish_rows=spread.rows, settled=feed.settled
        )
        keys = KeySets(_fetching(exchange))
        stack.push_async_callback(keys.close)
        gathering = Gathering(store, clock, keys, exchange, config.evidence_secrets, _door(config))
        signing = standing_key(places.standing_key)
        reviews = Reviews(
            store=store,
            desk=desk,
            clock=clock,
            pepper=pepper,
            window=ReviewWindow(places.reviews),
            settings=ReviewSettings(config.gateway_id, config.review_within),
        )
        spread.asked = Asked(
            Registry(store, desk, clock, pepper, config.audience, gathering),
            Callbacks(store, desk, clock, pepper, keys, config.evidence_secrets),
            OwnStandings(store, desk, clock, pepper, config.audience, signing, replica.look),
            reviews if config.review_offered else None,
        )
        spread.begin()
        await stack.enter_async_context(feed.serving(places.feed))
        await stack.enter_async_context(publisher.renewing())
        await stack.enter_async_context(spread.shelving())
        _put_down_start(config, store, clock, workers)
        await _await_log(log)
        await desk.deliver_held()
        await stack.enter_async_context(desk.delivering())
        await stack.enter_async_context(desk.proving())

        workforces = Workforces(store, clock, pepper, config.audience, places.staged)
        await stack.enter_async_context(workforces.sweeping())
        intents = _intents(
            config, store, desk, pepper, LogShelf(places.directory, store), workforces=workforces, reviews=reviews
        )
        office = Office(store=store, desk=desk, clock=clock, intents=intents, expires_after=config.pending)
        await stack.enter_async_context(office.expiring())
        await stack.enter_async_context(reviews.sweeping())
        heeder = await stack.enter_async_context(heeding(places.orders, replica, public, None))
        await stack.enter_async_context(taking(heeder, _taking(desk, intents.control), _everywhere(feed)))
        returns = await stack.enter_async_context(_returns(places, replica))
        overview = Overview(places, heeder=heeder, store=store, replica=replica, feed=feed, log=log, workers=workers)
        api = build_api(
            office,
            intents,
            _administrators(store),
            overview.status,
            replica.look,
            observing=Observing(
                intents.rulings, replica.look, spread.team, sees_place=config.place_database is not None
            ),
            returns=returns,
            vitals=overview.vitals(config, lambda: returns.exposition() + reviews.exposition()),
        )
        await stack.enter_async_context(Listener(api, listening).running())
        if config.witnesses:
            from licet.app.collecting import Witnesses  # noqa: PLC0415  # the client takes a while, and few need it

            await stack.enter_async_context(Witnesses(places.directory, config.witnesses).running())
        yield


class Spread:
    """What is new, brought to this process's own replica and to every worker.

    Attributes:
        replica: What explanations and drafts are looked at by.
        feed: The workers.
        team: The same, as those who watch drafts.
        asked: Answers what workers ask on behalf of callers.
        callbacks: The same on behalf of vendors.
    """

    def __init__(
        self, store: Store, replica: Replica, verifier: PolicyVerifier, workers: int, shelving: Shelving
    ) -> None:
        self._store = store
        self._shelving = shelving
        self._verifier = verifier
        self.replica = replica
        self.team = Workers()
        self.feed = self.team.feed = Feed(workers, self._since, self._answer, self.team.joined, self._base)
        self.asked: Asked | None = None

    def begin(self) -> None:
        """Have every row: from a file, where there are many, and from the store."""
        self._shelving.ready()
        if self._shelving.path is not None:
            self.replica.begin_from(Shelf(self._shelving.path))
        self.replica.fill(self.replica.sequence, self._since(self.replica.sequence))
        gc.collect()
        gc.freeze()  # rows stay: a collection that walked a million of them would stall every act

    def bundle(self, token: str) -> None:
        """Take a signed policy bundle everywhere."""
        self.replica.adopt(compile_policy(self._verifier.verify(token)))
        self.feed.bundle(token)

    def rows(self, changes: list[RowChange]) -> None:
        """Take changes everywhere; from a file, where there are so many that each worker would read for seconds."""
        if len(changes) > LEAST_ROWS:
            try:
                path, sequence = self._shelving.write()
                self.replica.begin_from(Shelf(path), self._since(sequence), more=False)
                self.feed.anew()
            except LicetError:
                _log.exception("many changes are given one by one")
            else:
                return
        try:
            self.replica.apply(changes)
        except LicetError:
            _log.exception("a change is read again from the store")
            self.replica.fill(self.replica.sequence, self._since(self.replica.sequence))
        self.feed.rows(changes)

    @asynccontextmanager
    async def shelving(self) -> AsyncIterator[None]:
        """Write the file anew, while the block runs, whenever too much was changed since."""
        task = asyncio.create_task(self._shelve_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _shelve_forever(self) -> None:
        while True:
            await asyncio.sleep(_SHELVE_S)
            try:
                await asyncio.to_thread(self._shelving.ready)
            except LicetError as err:
                _log.warning("workers begin from the file of before: %s", err)

    def _base(self) -> tuple[Path, int] | None:
        return None if self._shelving.path is None else (self._shelving.path, self._shelving.sequence)

    def _since(self, sequence: int) -> list[RowChange]:
        with self._store.read() as tx:
            return tx.since(sequence)

    async def _answer(self, question: Question) -> object:
        if self.asked is None:
            raise UnavailableError("expected a registry, found none yet")
        return await self.asked.answer(question)


def _fetching(exchange: Exchange) -> Fetch:
    async def fetch(url: str) -> bytes:
        return (await exchange(Wanted(url))).body

    return fetch


def _door(config: Config) -> str | None:
    """Where callers present evidence, as they know it."""
    url = config.network.public_url
    return None if url is None else url.rstrip("/") + "/licet/evidence"


@asynccontextmanager
async def _returns(places: Places, replica: Replica) -> AsyncIterator[Returns]:
    """What is made of the counts that the workers write down."""
    book = UseBook(places.use_book)
    try:
        async with Returns(replica.look, book).looking() as returns:
            yield returns
    finally:
        book.close()


def _everywhere(feed: Feed) -> Callable[[], Awaitable[bool]]:
    async def is_settled() -> bool:
        return not await feed.settled()

    return is_settled


def _intents(
    config: Config,
    store: Store,
    desk: Desk,
    pepper: bytes,
    shelf: LogShelf,
    *,
    workforces: Workforces,
    reviews: Reviews,
) -> Intents:
    """Who knows each act."""
    upstreams = frozenset(upstream.name for upstream in config.upstreams)
    control = Control(store=store, pepper=pepper, upstreams=upstreams)
    return Intents(control, Rulings(store, desk), Keeper(desk, shelf), Administration(store), workforces, reviews)


def _taking(desk: Desk, control: Control) -> Take:
    """Make a stop order an act like any other."""

    async def take(order: StopOrder) -> dict[str, Any]:
        drain = Drain(order.drain_s, order.at)
        intent = control.stop(order.by, order.items, everything=order.everything, order=order.id, drain=drain)
        done = await desk.carry_out(intent)
        return {"result": done.result, "record": done.record}

    return take


def _administrators(store: Store) -> Callable[[str], Administrator | None]:
    def find(token: str) -> Administrator | None:
        with store.read() as tx:
            return tx.people.holder(token)

    return find


async def _await_log(log: LogClient) -> None:
    """Give the log writer, which starts beside this process, its time; after that go on without it."""
    deadline = asyncio.get_running_loop().time() + _LOG_PATIENCE_S
    while True:
        try:
            await log.check()
        except UnavailableError as err:
            if asyncio.get_running_loop().time() > deadline:
                _log.warning("records of acts wait for the log: %s", err)
                return
            await asyncio.sleep(_LOOK_S)
        else:
            return


def _put_down_start(config: Config, store: Store, clock: Clock, workers: int) -> None:
    """Have the log told that this process began, when it can."""
    at = clock.now()
    with store.write() as tx:
        persons = "one" if tx.single_person else "two"
        body = {"gateway": config.gateway_id, "version": __version__, "persons": persons, "workers": workers}
        record = Record(new_record_id(at), at, RecordKind.STARTUP, body)
        tx.hold_entry(record.id, record.to_bytes())


if __name__ == "__main__":
    sys.exit(main())
