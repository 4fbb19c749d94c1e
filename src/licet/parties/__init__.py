"""Who is asking: parties, organizations, and what evidence has established about them."""

from licet.parties.keys import IssuedKey, Serves, key_mac, key_of, split_key
from licet.parties.party import Organization, OrganizationKind, Party
from licet.parties.standing import (
    Assurance,
    Citizenship,
    EvidenceKind,
    Fact,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    PermanentResidence,
    Relation,
    Standing,
    Stateless,
    UnsettledStatus,
    fact_from_value,
    fact_to_value,
)
from licet.parties.status import (
    Declared,
    PersonStatus,
    Usable,
    establish_organization,
    establish_status,
    usable_standings,
)

__all__ = [
    "Assurance",
    "Citizenship",
    "Declared",
    "EvidenceKind",
    "Fact",
    "ForeignPerson",
    "IssuedKey",
    "MemberOf",
    "NotForeignPerson",
    "Organization",
    "OrganizationKind",
    "Party",
    "PermanentResidence",
    "PersonStatus",
    "Relation",
    "Serves",
    "Standing",
    "Stateless",
    "UnsettledStatus",
    "Usable",
    "establish_organization",
    "establish_status",
    "fact_from_value",
    "fact_to_value",
    "key_mac",
    "key_of",
    "split_key",
    "usable_standings",
]
