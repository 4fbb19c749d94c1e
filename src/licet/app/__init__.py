"""The one place that wires everything: make an instance, and serve it."""

from licet.app.config import Config, read_config
from licet.app.create import CreatedInstance, create_instance, new_token
from licet.app.places import Places, log_path
from licet.app.serve import Running, serve
from licet.app.shelf import LogShelf

__all__ = [
    "Config",
    "CreatedInstance",
    "LogShelf",
    "Places",
    "Running",
    "create_instance",
    "log_path",
    "new_token",
    "read_config",
    "serve",
]
