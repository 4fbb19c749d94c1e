"""The store: one writer at a time, and every change of a row numbered.

All acts of administration go through one transaction each; what it changed is
given back as the feed's next entries, in order.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from licet.decisions import Row, RowChange, RowKind, decode_row, encode_row, row_key
from licet.directives import Setting
from licet.errors import ConfigurationError, ConflictError, NotFoundError, UnavailableError
from licet.stores import schema
from licet.stores.holdings import NOBODY, Holdings, about
from licet.stores.inquiries import Inquiries
from licet.stores.migrate import bring_up, is_current, revision_of, stamp
from licet.stores.people import People
from licet.stores.reviews import Reviews
from licet.terms import DirectiveId, ItemId, OrganizationId, format_instant, parse_instant

NONCES_A_KEY = 16
_READING = "licet_reading"
_AT_A_TIME = 1_000
# Two persons, unless whoever makes the instance chooses one.
_AT_FIRST = {"sequence": "0", "epoch": "0", "persons": "two", "broken_invariants": "[]"}


@dataclass(frozen=True, slots=True)
class StoredDirective:
    """A directive file as it was activated, and its document as it now stands."""

    id: DirectiveId
    text: str
    sha256: str
    document: Mapping[str, Any]
    activated_at: datetime
    activated_by: str


class Store:
    """A database of one instance."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)

    def create(self) -> None:
        """Make the tables in an empty database.

        Raises:
            ConflictError: the database already holds an instance.
        """
        with _translated(), self._engine.begin() as connection:
            if connection.dialect.has_table(connection, schema.meta.name):
                raise ConflictError("expected an empty database, found one that already holds an instance")
            schema.metadata.create_all(connection)
            stamp(connection)
            connection.execute(
                insert(schema.meta), [{"name": name, "value": value} for name, value in _AT_FIRST.items()]
            )

    def check(self) -> None:
        """Bring an instance of an earlier schema up to this one; refuse any other.

        Raises:
            ConfigurationError: it is not one.
        """
        try:
            with self.read() as tx:
                found, is_current = tx.revision, tx.is_current
        except UnavailableError as err:
            raise ConfigurationError("expected a database that `licet init` has made") from err
        if found is None:
            raise ConfigurationError("expected a database that `licet init` has made, found none of its schemas")
        if not is_current:
            with _translated(), self._engine.begin() as connection:
                bring_up(connection)

    @contextmanager
    def write(self) -> Iterator["Transaction"]:
        """A transaction that commits at the end, or not at all.

        Raises:
            UnavailableError: the database did not answer.
        """
        with _translated(), self._engine.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def read(self) -> Iterator["Transaction"]:
        """A transaction that is rolled back at the end.

        Raises:
            UnavailableError: the database did not answer.
        """
        with _translated(), self._engine.connect().execution_options(**{_READING: True}) as connection:
            yield Transaction(connection)

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


class Transaction:
    """What may be read and written within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changes: list[RowChange] = []
        self.people = People(connection)
        self.holdings = Holdings(connection)
        self.inquiries = Inquiries(connection)
        self.reviews = Reviews(connection)

    # Rows.

    def put(self, row: Row) -> None:
        """Insert or replace a row."""
        kind, key = row_key(row)
        self._change(kind, key, encode_row(row), about(row))

    def put_all(self, rows: Sequence[Row]) -> None:
        """Insert or replace many rows of one kind at once."""
        previous = int(self.meta("sequence"))
        made, values = [], []
        for sequence, row in enumerate(rows, previous + 1):
            (kind, key), body = row_key(row), encode_row(row)
            made.append(RowChange(sequence, sequence - 1, kind, key, body))
            values.append({"kind": kind.value, "key": key, "sequence": sequence, "body": body, **about(row)})
        for start in range(0, len(values), _AT_A_TIME):
            part = values[start : start + _AT_A_TIME]
            there = schema.rows.c.kind == part[0]["kind"], schema.rows.c.key.in_([x["key"] for x in part])
            self._connection.execute(delete(schema.rows).where(*there))
            self._connection.execute(insert(schema.rows), part)
        self.set_meta("sequence", str(previous + len(made)))
        self.changes.extend(made)

    def remove(self, kind: RowKind, key: str) -> None:
        """Mark a row as gone."""
        self._change(kind, key, None)

    def find(self, kind: RowKind, key: str) -> Row | None:
        """One row, or None."""
        query = select(schema.rows.c.body).where(schema.rows.c.kind == kind.value, schema.rows.c.key == key)
        body = self._connection.execute(query).scalar_one_or_none()
        return None if body is None else decode_row(kind, body)

    def find_all(self, kind: RowKind, keys: Sequence[str]) -> dict[str, Row]:
        """Those rows of many that there are, by key."""
        found: dict[str, Row] = {}
        for start in range(0, len(keys), _AT_A_TIME):
            here = schema.rows.c.kind == kind.value, schema.rows.c.key.in_(keys[start : start + _AT_A_TIME])
            query = select(schema.rows.c.key, schema.rows.c.body).where(*here, schema.rows.c.body.is_not(None))
            found |= {row.key: decode_row(kind, row.body) for row in self._connection.execute(query)}
        return found

    def get(self, kind: RowKind, key: str) -> Row:
        """One row.

        Raises:
            NotFoundError: there is none.
        """
        row = self.find(kind, key)
        if row is None:
            raise NotFoundError(f"expected the id of {_article(kind)}, found `{key}`", code=f"unknown_{kind.value}")
        return row

    def every(self, kind: RowKind) -> list[Row]:
        """All rows of a kind, by key."""
        query = select(schema.rows.c.body).where(schema.rows.c.kind == kind.value, schema.rows.c.body.is_not(None))
        bodies = self._connection.execute(query.order_by(schema.rows.c.key)).scalars()
        return [decode_row(kind, body) for body in bodies]

    def page(self, kind: RowKind, after: str, most: int) -> list[Row]:
        """Rows of a kind by key, those after a key."""
        here = schema.rows.c.kind == kind.value, schema.rows.c.key > after, schema.rows.c.body.is_not(None)
        query = select(schema.rows.c.body).where(*here).order_by(schema.rows.c.key).limit(most)
        return [decode_row(kind, body) for body in self._connection.execute(query).scalars()]

    def each(self, kind: RowKind) -> Iterator[Row]:
        """All rows of a kind, one at a time: there may be a million."""
        query = select(schema.rows.c.body).where(schema.rows.c.kind == kind.value, schema.rows.c.body.is_not(None))
        for body in self._connection.execute(query, execution_options={"yield_per": _AT_A_TIME}).scalars():
            yield decode_row(kind, body)

    def keys_of(self, kind: RowKind) -> list[str]:
        """The keys of all rows of a kind."""
        query = select(schema.rows.c.key).where(schema.rows.c.kind == kind.value, schema.rows.c.body.is_not(None))
        return list(self._connection.execute(query.order_by(schema.rows.c.key)).scalars())

    def count_all(self) -> int:
        """How many rows there are."""
        query = select(func.count()).where(schema.rows.c.body.is_not(None))
        return int(self._connection.execute(query).scalar_one())

    def count(self, kind: RowKind) -> int:
        """How many rows of a kind there are."""
        query = select(func.count()).where(schema.rows.c.kind == kind.value, schema.rows.c.body.is_not(None))
        return int(self._connection.execute(query).scalar_one())

    def since(self, sequence: int) -> list[RowChange]:
        """Every row changed after `sequence`, once each, in order.

        Each names the change before it in this list, since what lies between has
        been overwritten.
        """
        query = select(schema.rows).where(schema.rows.c.sequence > sequence).order_by(schema.rows.c.sequence)
        changes = []
        for found in self._connection.execute(query):
            changes.append(RowChange(found.sequence, sequence, RowKind(found.kind), found.key, found.body))
            sequence = found.sequence
        return changes

    def _change(self, kind: RowKind, key: str, body: bytes | None, found: Mapping[str, str | None] = NOBODY) -> None:
        previous = int(self.meta("sequence"))
        self.set_meta("sequence", str(previous + 1))
        values = {"kind": kind.value, "key": key, "sequence": previous + 1, "body": body, **found}
        self._replace(schema.rows, {"kind": kind.value, "key": key}, values)
        self.changes.append(RowChange(previous + 1, previous, kind, key, body))

    # Counters and other single values.

    def meta(self, name: str) -> str:
        """A single value.

        Raises:
            NotFoundError: there is none of that name.
        """
        value = self._meta_or(name, None)
        if value is None:
            raise NotFoundError(f"expected the value `{name}` in the store, found none")
        return value

    def single(self, name: str) -> str | None:
        """A single value, or None."""
        return self._meta_or(name, None)

    def _meta_or(self, name: str, otherwise: str | None) -> str | None:
        query = select(schema.meta.c.value).where(schema.meta.c.name == name)
        value = self._connection.execute(query).scalar_one_or_none()
        return otherwise if value is None else str(value)

    @property
    def single_person(self) -> bool:
        """Whether one administrator may loosen alone here; where nothing says so, no. A stop waits for no answer."""
        return self._meta_or("persons", "two") == "one"

    @property
    def broken_invariants(self) -> frozenset[str]:
        """The invariants that the policy in force breaks, as two persons have decided."""
        return frozenset(json.loads(self._meta_or("broken_invariants", None) or "[]"))

    def set_meta(self, name: str, value: str) -> None:
        """Set a single value."""
        self._replace(schema.meta, {"name": name}, {"name": name, "value": value})

    @property
    def is_current(self) -> bool:
        """Whether the store is of this schema."""
        return is_current(self._connection)

    @property
    def revision(self) -> str | None:
        """Which schema the store has; None if it names none."""
        return revision_of(self._connection)

    # Policies that were in force.

    def keep_policy(self, policy_digest: str, bundle: Mapping[str, Any]) -> None:
        """Keep a policy bundle's content, once, for as long as the store is kept."""
        values = {"digest": policy_digest, "bundle": json.dumps(bundle)}
        self._replace(schema.policies, {"digest": policy_digest}, values)

    def policy(self, policy_digest: str) -> Mapping[str, Any]:
        """A policy bundle by the digest of its content.

        Raises:
            NotFoundError: with the code `policy_unknown`, none of it was ever in force here.
        """
        query = select(schema.policies.c.bundle).where(schema.policies.c.digest == policy_digest)
        text = self._connection.execute(query).scalar_one_or_none()
        if text is None:
            told = f"expected the digest of a policy that was in force, found `{policy_digest}`"
            raise NotFoundError(told, code="policy_unknown")
        found: Mapping[str, Any] = json.loads(text)
        return found

    # Directives and parameters.

    def put_directive(self, stored: StoredDirective) -> None:
        """Insert or replace a directive, and pin its items for good."""
        values = {
            "id": stored.id,
            "text": stored.text,
            "sha256": stored.sha256,
            "document": json.dumps(stored.document),
            "activated_at": format_instant(stored.activated_at),
            "activated_by": stored.activated_by,
        }
        self._replace(schema.directives, {"id": stored.id}, values)
        for item in stored.document["items"]:
            self._replace(schema.pinned, {"item": item["id"]}, {"item": item["id"]})

    def directives(self) -> list[StoredDirective]:
        """Every directive ever activated, by id."""
        found = self._connection.execute(select(schema.directives).order_by(schema.directives.c.id))
        return [
            StoredDirective(
                DirectiveId(x.id),
                x.text,
                x.sha256,
                json.loads(x.document),
                parse_instant(x.activated_at),
                x.activated_by,
            )
            for x in found
        ]

    def pinned(self) -> frozenset[ItemId]:
        """Every item that any directive ever named."""
        return frozenset(map(ItemId, self._connection.execute(select(schema.pinned.c.item)).scalars()))

    def put_setting(self, setting: Setting) -> None:
        """Set a parameter."""
        values = {
            "name": setting.name,
            "value": json.dumps(setting.value),
            "set_by": setting.set_by,
            "set_at": format_instant(setting.set_at),
            "reason": setting.reason,
        }
        self._replace(schema.settings, {"name": setting.name}, values)

    def settings(self) -> tuple[Setting, ...]:
        """Every parameter that was set."""
        found = self._connection.execute(select(schema.settings).order_by(schema.settings.c.name))
        return tuple(Setting(x.name, json.loads(x.value), x.set_by, parse_instant(x.set_at), x.reason) for x in found)

    def put_law(self, name: str, document: Mapping[str, Any], set_by: str, set_at: datetime) -> None:
        """Put dated data in place of what is shipped."""
        values = {"name": name, "document": json.dumps(document), "set_by": set_by, "set_at": format_instant(set_at)}
        self._replace(schema.law, {"name": name}, values)

    def law(self) -> dict[str, Mapping[str, Any]]:
        """The dated data that replace what is shipped, by name."""
        found = self._connection.execute(select(schema.law).order_by(schema.law.c.name))
        return {row.name: json.loads(row.document) for row in found}

    # Evidence, once only.

    def add_nonce(self, nonce: str, key: str, expires_at: datetime, now: datetime) -> None:
        """Remember a nonce for one key; forget those that have expired.

        Raises:
            ConflictError: the key holds as many as one key may.
        """
        self._connection.execute(delete(schema.nonces).where(schema.nonces.c.expires_at <= format_instant(now)))
        of_key = select(func.count()).select_from(schema.nonces).where(schema.nonces.c.key == key)
        if self._connection.execute(of_key).scalar_one() >= NONCES_A_KEY:
            raise ConflictError(f"expected at most `{NONCES_A_KEY}` nonces in use by one key", code="too_many_nonces")
        values = {"sha256": _sha256(nonce), "key": key, "expires_at": format_instant(expires_at)}
        self._connection.execute(insert(schema.nonces).values(**values))

    def consume_nonce(self, nonce: str, key: str, now: datetime) -> bool:
        """Whether the nonce was this key's and still good; it is good no longer."""
        c = schema.nonces.c
        held = delete(schema.nonces).where(c.sha256 == _sha256(nonce), c.key == key, c.expires_at > format_instant(now))
        return self._connection.execute(held).rowcount == 1

    def presented(self, issuer: OrganizationId, jti: str) -> bool:
        """Whether an attestation of this number was presented before."""
        c = schema.presented.c
        found = select(c.jti).where(c.issuer == issuer, c.jti == _sha256(jti))
        return self._connection.execute(found).first() is not None

    def remember_presented(self, issuer: OrganizationId, jti: str, expires_at: datetime, now: datetime) -> None:
        """Remember an attestation's number until it has expired by itself; by its digest, since others chose it."""
        self._connection.execute(delete(schema.presented).where(schema.presented.c.expires_at <= format_instant(now)))
        values = {"issuer": issuer, "jti": _sha256(jti), "expires_at": format_instant(expires_at)}
        self._connection.execute(insert(schema.presented).values(**values))

    # Records on their way to the log.

    def hold_entry(self, record: str, entry: bytes) -> None:
        """Keep a record until the log has it."""
        self._connection.execute(insert(schema.outbox).values(record=record, entry=entry))

    def held_entries(self) -> Sequence[bytes]:
        """Records the log may not have yet."""
        return list(self._connection.execute(select(schema.outbox.c.entry).order_by(schema.outbox.c.record)).scalars())

    def release_entry(self, record: str) -> None:
        """Forget a record that the log has."""
        self._connection.execute(delete(schema.outbox).where(schema.outbox.c.record == record))

    def _replace(self, table: Table, key: Mapping[str, str], values: Mapping[str, Any]) -> None:
        conditions = [table.c[name] == value for name, value in key.items()]
        self._connection.execute(delete(table).where(*conditions))
        self._connection.execute(insert(table).values(**values))


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        raise ConfigurationError(f"expected a store URL that begins with `sqlite:///`, found `{url}`")
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Immediate: two writers queue here rather than fail when they first write. A reader waits for nobody.
        reading = connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as err:
        raise UnavailableError(f"the store did not answer: {err}", code="store_unavailable") from err


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _article(kind: RowKind) -> str:
    return f"an {kind}" if kind.value[0] in "aeiou" else f"a {kind}"
