"""What was done, written down: the record, the chain that holds records together, the port that takes them."""

from licet.records.chain import (
    GENESIS,
    HASH_BYTES,
    ChainFault,
    ChainHead,
    ChainReport,
    Flaw,
    StoredEntry,
    link,
    verify_chain,
)
from licet.records.port import Log, Receipt
from licet.records.record import MAX_ENTRY_BYTES, Record, RecordKind, spell_instant

__all__ = [
    "GENESIS",
    "HASH_BYTES",
    "MAX_ENTRY_BYTES",
    "ChainFault",
    "ChainHead",
    "ChainReport",
    "Flaw",
    "Log",
    "Receipt",
    "Record",
    "RecordKind",
    "StoredEntry",
    "link",
    "spell_instant",
    "verify_chain",
]
