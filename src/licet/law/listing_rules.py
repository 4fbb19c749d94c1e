"""Sets of countries and dates that single sections name, as dated data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from licet.errors import InputError
from licet.law.country_groups import CountryGroups, shipped
from licet.law.eastern_time import eastern_midnight
from licet.terms import FOREVER, is_country


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


def read_listing_rules(groups: CountryGroups, document: Mapping[str, Any] | None = None) -> ListingRules:
    """Read the sets from a document, or those that this version of licet ships.

    Raises:
        InputError: it is not such a document, or names a group or a country that is none.
    """
    data = shipped("listing_rules") if document is None else document
    try:
        date.fromisoformat(data["as_of"])
        return _read(data, groups)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise InputError(f"expected a document formed as the listing rules shipped: {err}", code="bad_law") from err


def _read(data: Mapping[str, Any], groups: CountryGroups) -> ListingRules:
    storage, embargo, intelligence = (
        data[name] for name in ("encrypted_storage_exports", "embargoed_places", "military_intelligence")
    )
    return ListingRules(
        affiliates_in_force=tuple(map(_interval, data["affiliates_rule"]["in_force"])),
        military_any_item=_countries(data["military_end_user"]["any_item"]),
        military_listed_items=_countries(data["military_end_user"]["listed_items"]),
        military_intelligence=_countries(intelligence["countries"])
        | groups.union(frozenset(intelligence["plus_groups"])),
        aia=_countries(data["license_exception_aia"]["countries"]),
        embargoed=groups.union(frozenset(embargo["groups"])),
        embargoed_regions=frozenset(map(str, embargo["regions"])),
        encrypted_storage_exports=groups.union(frozenset(storage["groups"])) | _countries(storage["countries"]),
    )


def _countries(codes: list[str]) -> frozenset[str]:
    strangers = sorted(code for code in codes if not is_country(code))
    if strangers:
        raise ValueError(f"`{strangers[0]}` is no ISO country code")
    return frozenset(codes)


def _interval(value: Mapping[str, Any]) -> tuple[datetime, datetime]:
    start, end = value["from"], value["until"]
    return (
        eastern_midnight(date.fromisoformat(start)),
        FOREVER if end is None else eastern_midnight(date.fromisoformat(end)),
    )
