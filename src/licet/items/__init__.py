"""The catalogue: which item a requested model name means."""

from licet.items.catalogue import Catalogue
from licet.items.item import Item

__all__ = ["Catalogue", "Item"]
