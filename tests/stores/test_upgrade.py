"""A store of an earlier schema is brought up to this one, and then is as one that was made now."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from decisions_for_tests import NOT_FOREIGN as CITIZEN
from decisions_for_tests import standing
from licet.errors import ConfigurationError, NotFoundError, UnavailableError
from licet.parties import Party, PartyLink
from licet.stores import ACTING, Store, schema
from licet.stores.migrate import HEAD
from licet.terms import KeyId, PartyId

SCHEMA_2 = (Path(__file__).parent / "schema_2.sql").read_text()
TOKEN = "a-token-of-the-time-before-roles-existed-000"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "licet.db"


@pytest.fixture
def store(path):
    """A store as the schema 2 had it, with one administrator; see the dump."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA_2)
    made = Store(f"sqlite:///{path}")
    yield made
    made.close()


def tables(path):
    """Every table and index with its columns, but not the text that made them."""
    with closing(sqlite3.connect(path)) as database:
        names = database.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        columns = {name: database.execute(f"PRAGMA table_info({name})").fetchall() for _, name in names}
    return sorted(names), columns


def test_a_store_of_the_schema_before_is_as_one_that_is_made_now(path, store, tmp_path):
    for _ in range(2):
        store.check()
    made = Store(f"sqlite:///{tmp_path}/made.db")
    made.create()
    made.close()
    assert tables(path) == tables(tmp_path / "made.db")
    with store.read() as tx:
        assert tx.revision == HEAD


def test_who_was_administrator_stays_and_alone(store):
    """The earlier version let one loosen alone: that is not changed behind anybody's back, and it is said."""
    store.check()
    with store.read() as tx:
        found = tx.people.holder(TOKEN)
        assert (found.name, found.roles, found.added_by) == ("officer", ACTING, "licet init")
        assert tx.people.holder("another") is None
        assert tx.single_person
        assert tx.broken_invariants == frozenset()
        assert tx.people.pendings() == []


def test_a_store_of_the_first_schema_goes_through_each(path, store):
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE policies")
        database.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
        database.commit()
    store.check()
    with store.write() as tx:
        tx.keep_policy("ab", {})
        assert tx.revision == HEAD


@pytest.mark.parametrize("version", ["0", "4", "x", ""])
def test_any_other_version_is_refused(store, version):
    with store.write() as tx:
        tx.set_meta("schema", version)
    with pytest.raises(ConfigurationError):
        store.check()


def test_a_store_that_names_its_schema_in_the_way_of_before_is_stamped(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/made.db")
    made.create()
    with closing(sqlite3.connect(tmp_path / "made.db")) as database, database:
        database.execute("DROP TABLE alembic_version")
        for name in ("owner", "source"):
            database.execute(f"DROP INDEX rows_by_{name}")
            database.execute(f"ALTER TABLE rows DROP COLUMN {name}")
        for name in ("inquiries", "reviews", "review_documents"):
            database.execute(f"DROP TABLE {name}")
        database.execute("INSERT INTO meta(name, value) VALUES ('schema', '3')")
    made.check()
    with made.read() as tx:
        assert tx.revision == HEAD
        with pytest.raises(NotFoundError):
            tx.meta("schema")
    made.close()


@pytest.mark.parametrize("version", ["0", "7", "x"])
def test_a_later_version_is_refused(path, store, version):
    store.check()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    with pytest.raises(ConfigurationError):
        store.check()


def test_the_steps_lead_to_the_tables_that_are_made(path, store):
    """Alembic compares every column, type and index, and finds nothing to change."""
    store.check()
    with create_engine(f"sqlite:///{path}").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == HEAD
    steps = Config()
    steps.set_main_option("script_location", "licet.stores:migrations")
    assert ScriptDirectory.from_config(steps).get_current_head() == HEAD


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(path, store, monkeypatch):
    before = tables(path)

    def fail(*_args, **_more):
        raise OperationalError("no room", None, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr(op, "create_index", fail)
        with pytest.raises(UnavailableError):
            store.check()
    assert tables(path) == before
    store.check()
    with store.read() as tx:
        assert tx.revision == HEAD


def test_a_database_of_somebody_else_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (x)")
    other = Store(f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(ConfigurationError, match="licet init"):
        other.check()
    other.close()


def test_a_store_that_was_made_asks_for_two_persons_unless_one_is_chosen(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/made.db")
    made.create()
    with made.read() as tx:
        assert not tx.single_person
    made.close()


def test_where_nothing_says_how_many_it_is_two(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/made.db")
    made.create()
    made.close()
    with closing(sqlite3.connect(tmp_path / "made.db")) as database:
        database.execute("DELETE FROM meta WHERE name IN ('persons', 'broken_invariants')")
        database.commit()
    with made.read() as tx:
        assert not tx.single_person
        assert tx.broken_invariants == frozenset()
    made.close()


def test_who_rows_are_about_is_known_after_the_step(tmp_path):
    """As the store before had them: rows without the columns by which they are found now."""
    path = tmp_path / "made.db"
    made = Store(f"sqlite:///{path}")
    made.create()
    rows = (
        standing("p1", CITIZEN, name="S1"),
        standing("p2", CITIZEN, name="S2", issuer="globex"),
        PartyLink(KeyId("token-1"), "idp", PartyId("p1")),
        Party(PartyId("p1")),
    )
    with made.write() as tx:
        for row in rows:
            tx.put(row)
    with closing(sqlite3.connect(path)) as database, database:
        for name in ("owner", "source"):
            database.execute(f"DROP INDEX rows_by_{name}")
            database.execute(f"ALTER TABLE rows DROP COLUMN {name}")
        for name in ("inquiries", "reviews", "review_documents"):
            database.execute(f"DROP TABLE {name}")
        database.execute("UPDATE alembic_version SET version_num = '3'")
    made.check()
    with made.read() as tx:
        assert tx.holdings.standings(PartyId("p1")) == [rows[0]]
        assert tx.holdings.links(PartyId("p1")) == [rows[2]]
        assert list(tx.holdings.standings_by("globex")) == [rows[1]]
    made.close()
