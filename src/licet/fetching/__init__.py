"""What is fetched on somebody's word: documents and the keys of issuers, from public addresses only."""

from licet.fetching.fetch import (
    Document,
    Exchange,
    Fetch,
    Wanted,
    exchange_public,
    exchange_with,
    fetch_public,
    fetch_with,
)
from licet.fetching.keysets import HasKeys, KeySets

__all__ = [
    "Document",
    "Exchange",
    "Fetch",
    "HasKeys",
    "KeySets",
    "Wanted",
    "exchange_public",
    "exchange_with",
    "fetch_public",
    "fetch_with",
]
