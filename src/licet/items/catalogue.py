"""Resolve a requested name to an item, exactly or not at all.

A name that only resembles one in the catalogue (another letter case, a longer
snapshot date) resolves to nothing: what cannot be resolved is refused, so a
guess here would be a release.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from licet.errors import ConflictError
from licet.items.item import Item, tuned_from
from licet.terms import ItemId


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All items by each of their names.

    `decoy` is one of the concealed items, if there are any: a name that means nothing
    is decided as if it meant that one, so that it takes as long.
    """

    by_name: Mapping[str, Item]
    decoy: Item | None = None

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Catalogue":
        """Index items by id and alias.

        Raises:
            ConflictError: one name would mean two items, also if only letter case tells them apart.
        """
        by_name: dict[str, Item] = {}
        folded: dict[str, ItemId] = {}
        for item in items:
            for name in item.names:
                holder = folded.setdefault(name.casefold(), item.id)
                if holder != item.id:
                    raise ConflictError(
                        f"expected each model name to mean one item, found `{name}` for two", code="name_taken"
                    )
                by_name[name] = item
        concealed = {item.id: item for item in by_name.values() if item.concealed}
        return cls(by_name, concealed[min(concealed)] if concealed else None)

    def resolve(self, name: str, base: ItemId | None = None) -> Item | None:
        """The item that `name` means, or what was tuned from `base` under that name; else None."""
        found = self.by_name.get(name)
        if found is not None or base is None:
            return found
        root = self.by_name.get(base)
        return None if root is None else tuned_from(root, name)

    def __iter__(self) -> Iterator[Item]:
        """Each item once, by id."""
        return iter(sorted(set(self.by_name.values()), key=lambda item: item.id))
