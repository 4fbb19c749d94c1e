"""Parties and organizations, as an officer has enrolled them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from licet.parties.standing import Assurance, Relation
from licet.terms import OrganizationId, PartyId

MOST_AT_ONCE = 100_000
"""Parties that one act enrolls; more come in several acts, one after the other."""


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


class AttestedStatus(StrEnum):
    """What an organization may attest of one of its people: nothing else of the status is asked.

    Source: 15 CFR 772.1, "Foreign person".
    """

    NOT_FOREIGN_PERSON = "not_foreign_person"
    FOREIGN_PERSON = "foreign_person"


@dataclass(frozen=True, slots=True)
class AttestationLimits:
    """What an organization's word is taken for, as two officers have agreed.

    Attributes:
        statuses: Which predicates.
        relations: Of which people.
        most_people: Of how many at once; None for any number.
        max_age_days: How long ago a check may be; None where counsel's parameter alone says.
        statements: The versions of the statement that it has signed; none named: every one that is known.
    """

    statuses: tuple[AttestedStatus, ...] = tuple(AttestedStatus)
    relations: tuple[Relation, ...] = tuple(Relation)
    most_people: int | None = None
    max_age_days: int | None = None
    statements: tuple[str, ...] = ()

    def widens(self, before: "AttestationLimits") -> bool:
        """Whether anything is taken that was not."""
        return (
            not set(self.statuses) <= set(before.statuses)
            or not set(self.relations) <= set(before.relations)
            or _is_more(self.most_people, before.most_people)
            or _is_more(self.max_age_days, before.max_age_days)
            or (bool(before.statements) and not (self.statements and set(self.statements) <= set(before.statements)))
        )


def _is_more(now: int | None, before: int | None) -> bool:
    return before is not None and (now is None or now > before)


NO_LIMITS = AttestationLimits()


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
    limits: AttestationLimits = NO_LIMITS
