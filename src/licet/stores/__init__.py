"""The store: rows, directives, parameters, administrators and pending acts, in SQL."""

from licet.stores.people import (
    ACTING,
    Administrator,
    PendingAct,
    PendingState,
    People,
    Role,
    require_roles,
    token_digest,
)
from licet.stores.store import Store, StoredDirective, Transaction
from licet.stores.use import Point, UseBook

__all__ = [
    "ACTING",
    "Administrator",
    "PendingAct",
    "PendingState",
    "People",
    "Point",
    "Role",
    "Store",
    "StoredDirective",
    "Transaction",
    "UseBook",
    "require_roles",
    "token_digest",
]
