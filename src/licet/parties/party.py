"""Parties and organizations, as an officer has enrolled them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from licet.parties.standing import Assurance
from licet.terms import OrganizationId, PartyId


@dataclass(frozen=True, slots=True)
class Party:
    """A natural person behind a key, under a pseudonym; perhaps of an organization."""

    id: PartyId
    organization: OrganizationId | None = None


class OrganizationKind(StrEnum):
    """What kind of body an organization is.

    Source: 15 CFR 772.1, "Foreign person": foreign governments and international
    organizations are foreign persons.
    """

    COMPANY = "company"
    US_GOVERNMENT = "us_government"
    FOREIGN_GOVERNMENT = "foreign_government"
    INTERNATIONAL_ORGANIZATION = "international_organization"


@dataclass(frozen=True, slots=True)
class Organization:
    """A body that holds keys and may attest the status of its own people.

    `organized_under` is an ISO country, `US-DE` for a state of the US, or `INT`.
    `attestation_keys` maps a key id to a public JWK. `verified` says that an
    officer has checked the body's identity and place of organization. A branch
    is its parent, so `organized_under` holds the parent's. `formerly` is the id
    under which the same body was known before.
    """

    id: OrganizationId
    name: str
    organized_under: str
    kind: OrganizationKind = OrganizationKind.COMPANY
    verified: bool = True
    suspended: bool = False
    attestation_keys: Mapping[str, Mapping[str, str]] | None = None
    assurance: Assurance = Assurance.SUBSTANTIAL
    us_registered: bool = False
    formerly: OrganizationId | None = None
