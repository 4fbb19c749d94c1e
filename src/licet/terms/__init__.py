"""The words every other room uses: identifiers, instants, countries, acts."""

from licet.terms.acts import Act, Surface
from licet.terms.canonical import canonical_json, digest
from licet.terms.countries import CODES, COUNTRIES, Country, Nation, Special, Unrecognized, is_country, read_country
from licet.terms.ids import (
    ID_PATTERN,
    DirectiveId,
    ItemId,
    KeyId,
    LicenseId,
    OrganizationId,
    PartyId,
    RecordId,
    encode_ulid,
    require_id,
)
from licet.terms.instants import FOREVER, format_instant, parse_instant, require_aware
from licet.terms.outcomes import Coverage, Disclosure, Outcome, Truth, truth
from licet.terms.value import Value

__all__ = [
    "CODES",
    "COUNTRIES",
    "FOREVER",
    "ID_PATTERN",
    "Act",
    "Country",
    "Coverage",
    "DirectiveId",
    "Disclosure",
    "ItemId",
    "KeyId",
    "LicenseId",
    "Nation",
    "OrganizationId",
    "Outcome",
    "PartyId",
    "RecordId",
    "Special",
    "Surface",
    "Truth",
    "Unrecognized",
    "Value",
    "canonical_json",
    "digest",
    "encode_ulid",
    "format_instant",
    "is_country",
    "parse_instant",
    "read_country",
    "require_aware",
    "require_id",
    "truth",
]
