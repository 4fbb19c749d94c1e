"""Distribution: the signed policy bundle and the change feed, as a gateway receives them."""

from licet.fleet.changed import Changed
from licet.fleet.clock import Clock, new_record_id
from licet.fleet.observation import Observation
from licet.fleet.remembered import Remembered
from licet.fleet.replica import Replica
from licet.fleet.signing import PolicyVerifier, sign_bundle

__all__ = [
    "Changed",
    "Clock",
    "Observation",
    "PolicyVerifier",
    "Remembered",
    "Replica",
    "new_record_id",
    "sign_bundle",
]
