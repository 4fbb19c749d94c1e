"""Distribution: the signed policy bundle and the change feed, as a gateway receives them."""

from licet.fleet.changed import Changed
from licet.fleet.clock import Clock, new_record_id
from licet.fleet.feed import Feed, Link
from licet.fleet.follower import Follower
from licet.fleet.observation import Counted, Observation, report_of
from licet.fleet.remembered import Remembered
from licet.fleet.replica import Replica, no_policy
from licet.fleet.signing import PolicyVerifier, sign_bundle

__all__ = [
    "Changed",
    "Clock",
    "Counted",
    "Feed",
    "Follower",
    "Link",
    "Observation",
    "PolicyVerifier",
    "Remembered",
    "Replica",
    "new_record_id",
    "no_policy",
    "report_of",
    "sign_bundle",
]
