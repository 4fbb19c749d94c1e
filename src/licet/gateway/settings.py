"""Bounds in size and time, with their defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gate and the proxy will not exceed."""

    body_bytes: int = 32 * 1024 * 1024
    event_bytes: int = 4 * 1024 * 1024
    body_idle_s: float = 30.0
    connect_s: float = 5.0
    first_byte_s: float = 120.0
    idle_s: float = 60.0
    socket_idle_s: float = 600.0
    total_s: float = 3600.0
    key_requests: int = 1000
    connections: int = 20_000
    cut_s: float = 1.0
