"""Distribution: the signed policy bundle and the change feed, as a gateway receives them."""

from licet.fleet.replica import Changed, Replica
from licet.fleet.signing import PolicyVerifier, sign_bundle

__all__ = ["Changed", "PolicyVerifier", "Replica", "sign_bundle"]
