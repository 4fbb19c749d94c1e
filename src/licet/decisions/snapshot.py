"""Everything a decision may read, at one point of the policy and of the change feed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from licet.directives import Policy
from licet.items import Catalogue
from licet.licenses import Holder, License
from licet.parties import EvidenceIssuer, IdentityVendor, Organization, Party, Standing
from licet.terms import ItemId, OrganizationId, PartyId


@dataclass(frozen=True, slots=True)
class Stop:
    """An operator's order to take an item offline for everybody.

    Nothing is permitted from then on. `drain_until` is for how long answers may go on
    that were permitted before; None where they end at once.
    """

    item: ItemId
    by: str
    at: datetime
    drain_until: datetime | None = None

    def with_other(self, other: "Stop | None") -> "Stop":
        """This stop beside another of the same item: the stricter end of what runs counts."""
        if other is None or self.drain_until is None:
            return self
        ends = None if other.drain_until is None else min(self.drain_until, other.drain_until)
        return replace(self, drain_until=ends)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The policy and the rows.

    Attributes:
        current: False while rows are known to be missing or the clock is in doubt;
            then items under any requirement are refused, as under a stale policy.
        sequence: Of the last change of rows that this snapshot holds.
        vouching: Whose word is taken now beside organizations', by the names under which standings have them.
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
    vouching: Mapping[str, EvidenceIssuer | IdentityVendor] = field(default_factory=dict)
