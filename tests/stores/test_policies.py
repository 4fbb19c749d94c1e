"""Every policy that was in force is kept by its digest, also in a store of the version before."""

import sqlite3
from contextlib import closing

import pytest

from licet.errors import ConfigurationError, NotFoundError
from licet.stores import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "licet.db"


@pytest.fixture
def store(path):
    made = Store(f"sqlite:///{path}")
    made.create()
    yield made
    made.close()


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def test_a_policy_is_found_by_its_digest(store):
    with store.write() as tx:
        tx.keep_policy("ab", {"epoch": 1})
        tx.keep_policy("ab", {"epoch": 2})
    with store.read() as tx:
        assert tx.policy("ab") == {"epoch": 2}
        with pytest.raises(NotFoundError) as caught:
            tx.policy("cd")
    assert caught.value.code == "policy_unknown"


def test_a_store_of_the_version_before_is_brought_up(path, store):
    execute(path, "DROP TABLE policies", "UPDATE meta SET value = '1' WHERE name = 'schema'")
    for _ in range(2):
        store.check()
    with store.write() as tx:
        tx.keep_policy("ab", {})
        assert tx.meta("schema") == "2"


@pytest.mark.parametrize("version", ["0", "3", "x"])
def test_any_other_version_is_refused(store, version):
    with store.write() as tx:
        tx.set_meta("schema", version)
    with pytest.raises(ConfigurationError):
        store.check()
