"""The door: the gate, and the reverse proxy behind it.

What is named here is imported when it is asked for: the control process listens as the
workers do, and needs nothing else of this room.
"""

from typing import TYPE_CHECKING

from licet.lazily import lazily

if TYPE_CHECKING:
    from licet.gateway.batches import Batches
    from licet.gateway.callers import Callers, Surroundings
    from licet.gateway.extras import has_tracing, has_websockets
    from licet.gateway.gate import Gate
    from licet.gateway.live import LiveIndex
    from licet.gateway.metrics import CONTENT_TYPE, Gauges, MeasuredLog, Metrics
    from licet.gateway.network import Address, AddressRange, Network
    from licet.gateway.nonces import Nonces
    from licet.gateway.objects import Objects
    from licet.gateway.place import PlaceDatabase
    from licet.gateway.post import Post
    from licet.gateway.proxy import ReverseProxy
    from licet.gateway.seen import UNKNOWN_ROUTE, Seen
    from licet.gateway.server import Listener
    from licet.gateway.settings import Limits
    from licet.gateway.stored import Stored
    from licet.gateway.tally import Tally
    from licet.gateway.tracing import sending_traces
    from licet.gateway.upstream import Upstream

__all__ = [
    "CONTENT_TYPE",
    "UNKNOWN_ROUTE",
    "Address",
    "AddressRange",
    "Batches",
    "Callers",
    "Gate",
    "Gauges",
    "Limits",
    "Listener",
    "LiveIndex",
    "MeasuredLog",
    "Metrics",
    "Network",
    "Nonces",
    "Objects",
    "PlaceDatabase",
    "Post",
    "ReverseProxy",
    "Seen",
    "Stored",
    "Surroundings",
    "Tally",
    "Upstream",
    "has_tracing",
    "has_websockets",
    "sending_traces",
]
_HOMES = {
    "Address": "network",
    "AddressRange": "network",
    "Batches": "batches",
    "CONTENT_TYPE": "metrics",
    "Callers": "callers",
    "Gate": "gate",
    "Gauges": "metrics",
    "Limits": "settings",
    "Listener": "server",
    "LiveIndex": "live",
    "MeasuredLog": "metrics",
    "Metrics": "metrics",
    "Network": "network",
    "Nonces": "nonces",
    "Objects": "objects",
    "PlaceDatabase": "place",
    "Post": "post",
    "ReverseProxy": "proxy",
    "Seen": "seen",
    "Stored": "stored",
    "Surroundings": "callers",
    "Tally": "tally",
    "UNKNOWN_ROUTE": "seen",
    "Upstream": "upstream",
    "has_tracing": "extras",
    "has_websockets": "extras",
    "sending_traces": "tracing",
}

__getattr__ = lazily(__name__, _HOMES)
