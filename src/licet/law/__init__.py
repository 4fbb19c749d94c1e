"""Dated legal data: today the country groups; later holidays and list rules."""

from licet.law.country_groups import CountryGroups, read_country_groups

__all__ = ["CountryGroups", "read_country_groups"]
