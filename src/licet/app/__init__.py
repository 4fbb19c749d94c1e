"""The one place that wires everything: make an instance, and serve it."""

from licet.app.config import Config, read_config
from licet.app.create import CreatedInstance, create_instance, new_token
from licet.app.places import Places, log_path
from licet.app.rehearsal import copy_to_rehearse
from licet.app.rotate import rotate_log_keys, rotate_pepper, rotate_policy_key
from licet.app.serve import Running, serve
from licet.app.shelf import LogShelf

__all__ = [
    "Config",
    "CreatedInstance",
    "LogShelf",
    "Places",
    "Running",
    "copy_to_rehearse",
    "create_instance",
    "log_path",
    "new_token",
    "read_config",
    "rotate_log_keys",
    "rotate_pepper",
    "rotate_policy_key",
    "serve",
]
