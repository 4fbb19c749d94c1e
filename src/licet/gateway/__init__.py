"""The door: the gate, and the reverse proxy behind it."""

from licet.gateway.gate import Gate
from licet.gateway.live import LiveIndex
from licet.gateway.post import Post
from licet.gateway.proxy import ReverseProxy, Upstream
from licet.gateway.server import Listener
from licet.gateway.settings import Limits

__all__ = ["Gate", "Limits", "Listener", "LiveIndex", "Post", "ReverseProxy", "Upstream"]
