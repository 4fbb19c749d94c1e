"""Whom a change of policy or rows may bear on."""

from collections.abc import Sequence
from dataclasses import dataclass

from licet.terms import ItemId, KeyId, OrganizationId, PartyId


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change may bear on; an empty set beside `everything` false means nobody."""

    everything: bool = False
    keys: frozenset[KeyId] = frozenset()
    parties: frozenset[PartyId] = frozenset()
    organizations: frozenset[OrganizationId] = frozenset()
    items: frozenset[ItemId] = frozenset()

    @classmethod
    def together(cls, parts: "Sequence[Changed]") -> "Changed":
        """What any of them bears on; in one go, because there may be thousands."""
        return cls(
            any(part.everything for part in parts),
            frozenset().union(*(part.keys for part in parts)),
            frozenset().union(*(part.parties for part in parts)),
            frozenset().union(*(part.organizations for part in parts)),
            frozenset().union(*(part.items for part in parts)),
        )

    def __or__(self, other: "Changed") -> "Changed":
        """What either bears on."""
        return Changed(
            self.everything or other.everything,
            self.keys | other.keys,
            self.parties | other.parties,
            self.organizations | other.organizations,
            self.items | other.items,
        )
