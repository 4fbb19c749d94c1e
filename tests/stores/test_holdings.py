"""Rows found by whom they are about and by who issued them."""

import pytest

from decisions_for_tests import AT, NOT_FOREIGN, standing
from licet.decisions import RowKind
from licet.parties import IssuedKey, Party, PartyLink, Withdrawal
from licet.stores import Store
from licet.terms import KeyId, PartyId

P1, P2 = PartyId("p1"), PartyId("p2")


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/licet.db")
    made.create()
    yield made
    made.close()


@pytest.mark.parametrize("way", ["put", "put_all"])
def test_a_partys_standings_and_an_issuers(store, way):
    rows = [
        standing(P1, NOT_FOREIGN, name="S1"),
        standing(P2, NOT_FOREIGN, name="S2"),
        standing(P1, NOT_FOREIGN, name="S3", issuer="globex"),
        standing("p11", NOT_FOREIGN, name="S4"),
    ]
    with store.write() as tx:
        if way == "put_all":
            tx.put_all(rows)
        else:
            for row in rows:
                tx.put(row)
    with store.read() as tx:
        assert [row.id for row in tx.holdings.standings(P1)] == ["S1", "S3"]
        assert [row.id for row in tx.holdings.standings_by("acme")] == ["S1", "S2", "S4"]
        assert tx.holdings.people_of("acme") == 3
        assert tx.holdings.people_of("nobody") == 0


def test_one_who_was_withdrawn_or_removed_is_counted_no_longer(store):
    with store.write() as tx:
        tx.put(standing(P1, NOT_FOREIGN, name="S1"))
        tx.put(standing(P1, NOT_FOREIGN, name="S2"))
        tx.put(standing(P2, NOT_FOREIGN, name="S3", withdrawn_at=AT, withdrawal=Withdrawal.BY_ISSUER))
        tx.remove(RowKind.STANDING, "S2")
        assert tx.holdings.people_of("acme") == 1
        assert [row.id for row in tx.holdings.standings(P1)] == ["S1"]
        assert [row.id for row in tx.holdings.standings(P2)] == ["S3"]


def test_links_are_the_partys_and_keys_are_no_links(store):
    link = PartyLink(KeyId("token-1"), "idp", P1)
    with store.write() as tx:
        for row in (link, IssuedKey(KeyId("k1"), "00", P1, None, None), Party(P1)):
            tx.put(row)
        assert tx.holdings.links(P1) == [link]
        assert tx.holdings.links(P2) == []
        assert tx.holdings.standings(P1) == []
