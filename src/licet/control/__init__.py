"""The control plane: acts of administration, and the API through which they are done."""

from licet.control.acts import Control
from licet.control.api import build_api
from licet.control.desk import Desk, Issued
from licet.control.keeping import Keeper
from licet.control.observing import Observing
from licet.control.publisher import Publisher
from licet.control.registry import Registry
from licet.control.vitals import Vitals

__all__ = ["Control", "Desk", "Issued", "Keeper", "Observing", "Publisher", "Registry", "Vitals", "build_api"]
