"""Dated legal data: country groups, sets that single sections name, holidays."""

from licet.law.country_groups import CountryGroups, read_country_groups
from licet.law.eastern_time import eastern_midnight
from licet.law.holidays import end_of_date
from licet.law.listing_rules import ListingRules, read_listing_rules

__all__ = [
    "CountryGroups",
    "ListingRules",
    "eastern_midnight",
    "end_of_date",
    "read_country_groups",
    "read_listing_rules",
]
