"""The store: rows, directives, parameters, administrators and pending acts, in SQL; and the counts of use.

What is named here is imported when it is asked for: a worker counts use, and has no store.
"""

from typing import TYPE_CHECKING

from licet.lazily import lazily

if TYPE_CHECKING:
    from licet.stores.inquiries import Inquiry, event_mark
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
    "Inquiry",
    "PendingAct",
    "PendingState",
    "People",
    "Point",
    "Role",
    "Store",
    "StoredDirective",
    "Transaction",
    "UseBook",
    "event_mark",
    "require_roles",
    "token_digest",
]
_HOMES = {
    "ACTING": "people",
    "Administrator": "people",
    "Inquiry": "inquiries",
    "PendingAct": "people",
    "PendingState": "people",
    "People": "people",
    "Point": "use",
    "Role": "people",
    "Store": "store",
    "StoredDirective": "store",
    "Transaction": "store",
    "UseBook": "use",
    "event_mark": "inquiries",
    "require_roles": "people",
    "token_digest": "people",
}

__getattr__ = lazily(__name__, _HOMES)
