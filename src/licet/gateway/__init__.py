"""The door: the gate, and the reverse proxy behind it."""

from licet.gateway.batches import Batches
from licet.gateway.callers import Callers, Surroundings
from licet.gateway.fetching import Fetch, fetch_public, fetch_with
from licet.gateway.gate import Gate
from licet.gateway.keysets import KeySets
from licet.gateway.live import LiveIndex
from licet.gateway.metrics import CONTENT_TYPE, Gauges, MeasuredLog, Metrics
from licet.gateway.network import Address, AddressRange, Network
from licet.gateway.objects import Objects
from licet.gateway.place import PlaceDatabase
from licet.gateway.post import Post
from licet.gateway.proxy import ReverseProxy, Upstream
from licet.gateway.seen import UNKNOWN_ROUTE, Seen
from licet.gateway.server import Listener
from licet.gateway.settings import Limits
from licet.gateway.stored import Stored
from licet.gateway.tally import Tally
from licet.gateway.tracing import has_tracing, tracing

__all__ = [
    "CONTENT_TYPE",
    "UNKNOWN_ROUTE",
    "Address",
    "AddressRange",
    "Batches",
    "Callers",
    "Fetch",
    "Gate",
    "Gauges",
    "KeySets",
    "Limits",
    "Listener",
    "LiveIndex",
    "MeasuredLog",
    "Metrics",
    "Network",
    "Objects",
    "PlaceDatabase",
    "Post",
    "ReverseProxy",
    "Seen",
    "Stored",
    "Surroundings",
    "Tally",
    "Upstream",
    "fetch_public",
    "fetch_with",
    "has_tracing",
    "tracing",
]
