"""The caller's doors: get a nonce, give evidence, with the key that gains the standing."""

from licet.enrollment.doors import Doors
from licet.enrollment.registrar import Registrar

__all__ = ["Doors", "Registrar"]
