"""Names of a room that are imported when they are asked for.

Each process of an instance is of many rooms, and none should wait for what another
needs.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that imports each name from the module that holds it.

    Args:
        room: The package's own name.
        homes: The module inside it, by name.

    Source: PEP 562.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module `{room}` has no attribute `{name}`")
        return getattr(import_module(f"{room}.{homes[name]}"), name)

    return find
