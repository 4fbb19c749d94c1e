"""The words every other room uses: identifiers, instants, countries, acts."""

from licet.terms.acts import Act, Surface
from licet.terms.canonical import canonical_json, digest
from licet.terms.countries import COUNTRIES, is_country
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
    "COUNTRIES",
    "FOREVER",
    "ID_PATTERN",
    "Act",
    "Coverage",
    "DirectiveId",
    "Disclosure",
    "ItemId",
    "KeyId",
    "LicenseId",
    "OrganizationId",
    "Outcome",
    "PartyId",
    "RecordId",
    "Surface",
    "Truth",
    "Value",
    "canonical_json",
    "digest",
    "encode_ulid",
    "format_instant",
    "is_country",
    "parse_instant",
    "require_aware",
    "require_id",
    "truth",
]
