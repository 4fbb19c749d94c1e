"""An office with its store, a log in a list and a clock that is set by hand: acts without a process."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from licet.control import (
    Administration,
    Control,
    Desk,
    Intents,
    Keeper,
    Office,
    Publisher,
    Reviews,
    ReviewSettings,
    ReviewWindow,
    Rulings,
    Workforces,
)
from licet.directives import PolicyBundle
from licet.errors import LicetError, UnavailableError
from licet.proofs import ProofReport
from licet.records import Receipt, Record
from licet.stores import ACTING, Administrator, Role, Store, token_digest

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
LIFETIME = timedelta(hours=24)
STAFF = {
    "ada": ACTING,
    "ben": ACTING,
    "cleo": frozenset({Role.OFFICER}),
    "olga": frozenset({Role.OPERATOR}),
    "dora": frozenset({Role.AUDITOR}),
}


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


class ListLog:
    """A log that keeps records in a list; it can be made to refuse, or to hold up an act."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.is_out = False
        self.before: Callable[[Record], Any] | None = None

    async def append(self, record: Record) -> Receipt:
        if self.before is not None:
            await self.before(record)
        if self.is_out:
            raise UnavailableError("the log is out")
        self.records.append(record)
        return Receipt(record.id, len(self.records), "00")

    def post(self, record: Record) -> None:
        self.records.append(record)

    def acts(self, *names: str) -> list[dict[str, Any]]:
        return [dict(x.body) for x in self.records if not names or x.body["act"] in names]


class NoShelf:
    """Nothing to read."""

    def search(self, _wanted: Any) -> list[Any]:
        return []

    def hold(self, name: str) -> str:
        return name

    def redecide(self, _record: str) -> dict[str, Any]:
        return {}

    def packet(self, _wanted: Any, _profile: str) -> tuple[dict[str, str], int]:
        return {}, 0


class House:
    """Everything that acts need, over one store."""

    def __init__(
        self, path: Path, *, single: bool = False, prover: Callable[[PolicyBundle, datetime], ProofReport] | None = None
    ) -> None:
        self.path = path
        self.url = f"sqlite:///{path}/licet.db"
        self.store = Store(self.url)
        self.store.create()
        with self.store.write() as tx:
            for name, roles in STAFF.items():
                tx.people.add(Administrator(name, roles, NOON, "a test"), token_digest(name))
            tx.set_meta("persons", "one" if single else "two")
        self.clock, self.log, self.prover = SetClock(), ListLog(), prover
        self.open()

    def open(self) -> None:
        """Build everything over the store, as a start does."""
        publisher = Publisher(self.store, OKPKey.generate_key("Ed25519"), self.clock, lambda _token: None)
        desk = Desk(
            store=self.store,
            log=self.log,
            clock=self.clock,
            publisher=publisher,
            publish_rows=lambda _changes: None,
            prover=self.prover,
        )
        control = Control(store=self.store, pepper=b"p" * 32, upstreams=frozenset({"main"}))
        keeper, administration = Keeper(desk, NoShelf()), Administration(self.store)
        workforces = Workforces(self.store, self.clock, b"pepper", "licet", self.path / "staged")
        self.reviews = Reviews(
            store=self.store,
            desk=desk,
            clock=self.clock,
            pepper=b"pepper",
            window=ReviewWindow(self.path / "reviews"),
            settings=ReviewSettings("gateway"),
        )
        intents = Intents(control, Rulings(self.store, desk), keeper, administration, workforces, self.reviews)
        self.office = Office(store=self.store, desk=desk, clock=self.clock, intents=intents, expires_after=LIFETIME)

    def restart(self) -> None:
        """Let go of the store, and open it again."""
        self.store.close()
        self.store = Store(self.url)
        self.store.check()
        self.open()

    def who(self, name: str) -> Administrator:
        """Somebody, as their token would say now; gone, they are as they were."""
        with self.store.read() as tx:
            return next(one for one in tx.people.every() if one.name == name)

    async def do(self, name: str, act: str, /, **arguments: Any) -> Any:
        return await self.office.do(self.who(name), act, arguments)

    async def propose(self, name: str, act: str, /, **arguments: Any) -> str:
        return (await self.do(name, act, **arguments)).pending.id

    async def approve(self, name: str, pending: str, digest: str | None = None) -> Any:
        return await self.office.approve(self.who(name), pending, digest)

    async def agreed(self, act: str, /, *, by: str = "ada", second: str = "ben", **arguments: Any) -> Any:
        return await self.approve(second, await self.propose(by, act, **arguments))

    async def refused(self, coroutine: Any) -> str:
        """The code with which something is refused."""
        try:
            await coroutine
        except LicetError as err:
            return err.code
        return "done"
