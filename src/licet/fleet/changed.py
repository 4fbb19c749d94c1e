"""Whom a change of policy or rows may bear on."""

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

    def __or__(self, other: "Changed") -> "Changed":
        """What either bears on."""
        return Changed(
            self.everything or other.everything,
            self.keys | other.keys,
            self.parties | other.parties,
            self.organizations | other.organizations,
            self.items | other.items,
        )
