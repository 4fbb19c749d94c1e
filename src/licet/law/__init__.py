"""Dated legal data: country groups, sets that single sections name, holidays."""

from licet.law.country_groups import CountryGroups, read_country_groups
from licet.law.data import LAW_DOCUMENTS, LawData, law_document, read_law
from licet.law.eastern_time import eastern_midnight
from licet.law.holidays import Holidays, read_holidays
from licet.law.listing_rules import ListingRules, read_listing_rules

__all__ = [
    "LAW_DOCUMENTS",
    "CountryGroups",
    "Holidays",
    "LawData",
    "ListingRules",
    "eastern_midnight",
    "law_document",
    "read_country_groups",
    "read_holidays",
    "read_law",
    "read_listing_rules",
]
