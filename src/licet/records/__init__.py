"""What was done, written down: the record and the port that takes it; `tlog` is the log that records form."""

from licet.records.port import Log, Receipt
from licet.records.record import MAX_ENTRY_BYTES, Record, RecordKind, spell_instant

__all__ = [
    "MAX_ENTRY_BYTES",
    "Log",
    "Receipt",
    "Record",
    "RecordKind",
    "spell_instant",
]
