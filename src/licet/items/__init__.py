"""The catalogue: which item a requested model name means."""

from licet.items.catalogue import Catalogue
from licet.items.item import Item
from licet.items.model import Kinship, Model

__all__ = ["Catalogue", "Item", "Kinship", "Model"]
