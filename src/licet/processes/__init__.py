"""Processes of one host: started, watched and ended together, and the private sockets between them."""

from licet.processes.lifeline import READY, error_of, say_failed, say_ready, watch_lifeline
from licet.processes.sockets import private_socket
from licet.processes.supervisor import Program, Supervisor
from licet.processes.turns import in_turn

__all__ = [
    "READY",
    "Program",
    "Supervisor",
    "error_of",
    "in_turn",
    "private_socket",
    "say_failed",
    "say_ready",
    "watch_lifeline",
]
