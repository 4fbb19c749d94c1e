"""Distribution: the signed policy bundle and the change feed, as a gateway receives them."""

from licet.fleet.clock import Clock, new_record_id
from licet.fleet.replica import Changed, Replica
from licet.fleet.signing import PolicyVerifier, sign_bundle

__all__ = ["Changed", "Clock", "PolicyVerifier", "Replica", "new_record_id", "sign_bundle"]
