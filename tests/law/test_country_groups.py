import pytest

from licet.errors import InputError
from licet.law import read_country_groups

GROUPS = read_country_groups()


@pytest.mark.parametrize(
    ("group", "country", "inside"),
    [
        ("D:5", "CN", True),
        ("D:5", "IN", False),
        ("E:1", "IR", True),
        ("E:1", "CU", False),
        ("E:2", "CU", True),
        ("A:1", "FR", True),
        ("A:1", "CN", False),
    ],
)
def test_membership(group, country, inside):
    assert (country in GROUPS.members[group]) is inside


def test_neither_macau_nor_hong_kong_is_listed():
    assert not any({"MO", "HK"} & members for name, members in GROUPS.members.items() if name.startswith(("D:5", "E")))


def test_a_union_has_the_members_of_each():
    for _ in range(2):  # worked out, and remembered
        assert GROUPS.union(frozenset({"E:1", "E:2"})) == GROUPS.members["E:1"] | GROUPS.members["E:2"]
        assert GROUPS.union(frozenset({"E:1"})) == GROUPS.members["E:1"]
    assert read_country_groups() == GROUPS


def test_an_unknown_group_is_not_an_empty_one():
    with pytest.raises(InputError, match="D:9"):
        GROUPS.union(frozenset({"D:5", "D:9"}))


def test_the_data_say_their_day_and_source():
    assert GROUPS.as_of == "2026-07-23"
    assert GROUPS.citation == "15 CFR part 740, supplement no. 1"
