"""The one place that wires everything: make an instance, and serve it.

What is named here is imported when it is asked for: each process of an instance is of
this room, and none waits for what another needs.
"""

from typing import TYPE_CHECKING

from licet.lazily import lazily

if TYPE_CHECKING:
    from licet.app.config import Config, read_config
    from licet.app.create import CreatedInstance, create_instance, new_token
    from licet.app.places import Places, log_path
    from licet.app.rehearsal import copy_to_rehearse
    from licet.app.rotate import rotate_log_keys, rotate_pepper, rotate_policy_key
    from licet.app.service import Running, serve
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
_HOMES = {
    "Config": "config",
    "CreatedInstance": "create",
    "LogShelf": "shelf",
    "Places": "places",
    "Running": "service",
    "copy_to_rehearse": "rehearsal",
    "create_instance": "create",
    "log_path": "places",
    "new_token": "create",
    "read_config": "config",
    "rotate_log_keys": "rotate",
    "rotate_pepper": "rotate",
    "rotate_policy_key": "rotate",
    "serve": "service",
}

__getattr__ = lazily(__name__, _HOMES)
