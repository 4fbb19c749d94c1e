"""The catalogue: which item a requested model name means."""

from licet.items.catalogue import Catalogue
from licet.items.item import SELF, Item, Lineage
from licet.items.model import Kinship, Model

__all__ = ["SELF", "Catalogue", "Item", "Kinship", "Lineage", "Model"]
