"""An item: one model that an upstream serves."""

import re
from dataclasses import dataclass
from datetime import datetime

from licet.errors import InputError
from licet.items.model import Kinship
from licet.terms import ItemId

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}")


@dataclass(frozen=True, slots=True)
class Lineage:
    """How an item relates to others: its `base`, or as a router its `candidates`."""

    kinship: Kinship = Kinship.SAME
    base: ItemId | None = None
    candidates: tuple[ItemId, ...] = ()

    def told(self) -> dict[str, object]:
        """What of it goes on record; nothing for an item that is only itself."""
        if self == SELF:
            return {}
        return {"kinship": self.kinship.value, "base": self.base, "candidates": list(self.candidates)}


SELF = Lineage()
"""The lineage of an item that is only itself."""


@dataclass(frozen=True, slots=True)
class Item:
    """A model, the other names that mean exactly it, and where it is served.

    To whom it is refused a `concealed` one does not exist: they are answered as for
    a name that means nothing.

    Attributes:
        kinship: How it relates to its `base`; a router has `candidates` instead.
        base: The item it was made from.
        candidates: The items among which a router chooses.
    """

    id: ItemId
    aliases: frozenset[str]
    upstream: str
    added_at: datetime
    concealed: bool = False
    kinship: Kinship = Kinship.SAME
    base: ItemId | None = None
    candidates: tuple[ItemId, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name a request may use for this item."""
        return self.aliases | {self.id}


def tuned_from(base: Item, name: str) -> Item:
    """What a model of that name is that was tuned from an item; it is served where that is, and as hidden."""
    return Item(
        ItemId(name), frozenset(), base.upstream, base.added_at, base.concealed, kinship=Kinship.FINE_TUNE, base=base.id
    )


def require_model_name(text: str) -> str:
    """Give back `text` if a model can be called so.

    Raises:
        InputError: it is empty, longer than 128, or has a character outside `[A-Za-z0-9._:@/-]`.
    """
    if not _NAME.fullmatch(text):
        raise InputError(f"expected a model name of letters, digits and `._:@/-`, found `{text}`")
    return text
