"""The store: rows, directives, parameters and administrators, in SQL."""

from licet.stores.store import Administrator, Store, StoredDirective, Transaction

__all__ = ["Administrator", "Store", "StoredDirective", "Transaction"]
