"""Everything a decision may read, at one point of the policy and of the change feed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from licet.directives import Policy
from licet.items import Catalogue
from licet.licenses import Holder, License
from licet.parties import Organization, Party, Standing
from licet.terms import ItemId, OrganizationId, PartyId


@dataclass(frozen=True, slots=True)
class Stop:
    """An operator's order to take an item offline for everybody."""

    item: ItemId
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The policy and the rows.

    Attributes:
        current: False while rows are known to be missing or the clock is in doubt;
            then items under any requirement are refused, as under a stale policy.
        sequence: Of the last change of rows that this snapshot holds.
    """

    policy: Policy
    catalogue: Catalogue
    parties: Mapping[PartyId, Party]
    organizations: Mapping[OrganizationId, Organization]
    standings: Mapping[PartyId, tuple[Standing, ...]]
    licenses: Mapping[Holder, tuple[License, ...]]
    stops: Mapping[ItemId, Stop]
    sequence: int
    current: bool
