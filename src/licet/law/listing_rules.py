"""Sets of countries and dates that single sections name, as dated data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from licet.law.country_groups import CountryGroups
from licet.law.eastern_time import eastern_midnight
from licet.terms import FOREVER


@dataclass(frozen=True, slots=True)
class ListingRules:
    """What the sections name, resolved against the country groups of the same day.

    `affiliates_in_force` are intervals that include their start and exclude their end.
    """

    affiliates_in_force: tuple[tuple[datetime, datetime], ...]
    military_any_item: frozenset[str]
    military_listed_items: frozenset[str]
    military_intelligence: frozenset[str]
    aia: frozenset[str]
    embargoed: frozenset[str]
    embargoed_regions: frozenset[str]
    encrypted_storage_exports: frozenset[str]


def read_listing_rules(groups: CountryGroups) -> ListingRules:
    """Read the sets that this version of licet ships."""
    data = json.loads(files("licet.law").joinpath("listing_rules.json").read_text(encoding="utf-8"))
    storage, embargo, intelligence = (
        data[name] for name in ("encrypted_storage_exports", "embargoed_places", "military_intelligence")
    )
    return ListingRules(
        affiliates_in_force=tuple(map(_interval, data["affiliates_rule"]["in_force"])),
        military_any_item=frozenset(data["military_end_user"]["any_item"]),
        military_listed_items=frozenset(data["military_end_user"]["listed_items"]),
        military_intelligence=frozenset(intelligence["countries"])
        | groups.union(frozenset(intelligence["plus_groups"])),
        aia=frozenset(data["license_exception_aia"]["countries"]),
        embargoed=groups.union(frozenset(embargo["groups"])),
        embargoed_regions=frozenset(embargo["regions"]),
        encrypted_storage_exports=groups.union(frozenset(storage["groups"])) | frozenset(storage["countries"]),
    )


def _interval(value: Mapping[str, Any]) -> tuple[datetime, datetime]:
    start, end = value["from"], value["until"]
    return (
        eastern_midnight(date.fromisoformat(start)),
        FOREVER if end is None else eastern_midnight(date.fromisoformat(end)),
    )
