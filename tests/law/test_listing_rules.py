from datetime import UTC, datetime

from licet.law import read_country_groups, read_listing_rules
from licet.terms import COUNTRIES, FOREVER

GROUPS = read_country_groups()
RULES = read_listing_rules(GROUPS)


def test_the_affiliates_rule_was_suspended_for_a_year():
    first, second = RULES.affiliates_in_force
    assert first == (datetime(2025, 9, 29, 4, tzinfo=UTC), datetime(2025, 11, 10, 5, tzinfo=UTC))
    assert second == (datetime(2026, 11, 10, 5, tzinfo=UTC), FOREVER)


def test_sets_hold_countries_and_the_groups_they_name():
    assert GROUPS.members["E:1"] | GROUPS.members["E:2"] == RULES.embargoed
    assert {"IR", "KP", "SY", "CU", "BY", "RU", "CN"} <= RULES.military_intelligence
    assert GROUPS.members["D:5"] | {"RU", "HK"} == RULES.encrypted_storage_exports
    assert RULES.military_any_item.isdisjoint(RULES.military_listed_items)
    assert len(RULES.aia) == 18
    for name in ("military_any_item", "military_listed_items", "military_intelligence", "aia", "embargoed"):
        assert getattr(RULES, name) <= COUNTRIES
    assert RULES.embargoed_regions == {"UA-43", "UA-DNR", "UA-LNR"}
