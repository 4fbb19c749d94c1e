"""The dated data as one value: what is shipped, replaced by what an officer has put in its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from licet.errors import InputError
from licet.law.country_groups import CountryGroups, read_country_groups, shipped
from licet.law.holidays import Holidays, read_holidays
from licet.law.listing_rules import ListingRules, read_listing_rules

LAW_DOCUMENTS = ("country_groups", "holidays", "listing_rules")
"""The documents that may be replaced; a newer one is entered as an act on record."""


@dataclass(frozen=True, slots=True)
class LawData:
    """Country groups, the sets that single sections name, and legal holidays."""

    groups: CountryGroups
    listing: ListingRules
    holidays: Holidays


def read_law(replaced: Mapping[str, Mapping[str, Any]]) -> LawData:
    """Read every document, each as shipped unless it was replaced.

    Raises:
        InputError: a document is unknown or not of its form.
    """
    return _read(replaced) if replaced else _read_shipped()


@cache
def _read_shipped() -> LawData:
    return _read({})


def _read(replaced: Mapping[str, Mapping[str, Any]]) -> LawData:
    unknown = sorted(replaced.keys() - set(LAW_DOCUMENTS))
    if unknown:
        raise InputError(f"expected one of {', '.join(LAW_DOCUMENTS)}, found `{unknown[0]}`", code="unknown_law")
    groups = read_country_groups(replaced.get("country_groups"))
    return LawData(
        groups,
        read_listing_rules(groups, replaced.get("listing_rules")),
        read_holidays(replaced.get("holidays")),
    )


def law_document(name: str, replaced: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """One document as it now stands.

    Raises:
        InputError: there is none of that name.
    """
    if name not in LAW_DOCUMENTS:
        raise InputError(f"expected one of {', '.join(LAW_DOCUMENTS)}, found `{name}`", code="unknown_law")
    return replaced.get(name) or shipped(name)
