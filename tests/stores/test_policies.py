"""Every policy that was in force is kept by its digest."""

import pytest

from licet.errors import NotFoundError
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


def test_a_policy_is_found_by_its_digest(store):
    with store.write() as tx:
        tx.keep_policy("ab", {"epoch": 1})
        tx.keep_policy("ab", {"epoch": 2})
    with store.read() as tx:
        assert tx.policy("ab") == {"epoch": 2}
        with pytest.raises(NotFoundError) as caught:
            tx.policy("cd")
    assert caught.value.code == "policy_unknown"
