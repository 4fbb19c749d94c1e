"""Which extras are installed: asked before anything of them is imported."""

from importlib.util import find_spec


def has_websockets() -> bool:
    """Whether `realtime` is: websockets can be served."""
    return find_spec("websockets") is not None


def has_tracing() -> bool:
    """Whether `tracing` is: traces can be sent."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.exporter") is not None
