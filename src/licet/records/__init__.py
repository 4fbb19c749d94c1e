"""What was done, written down: the record, its leaf and sealed body, and the port that takes it.

`tlog` is the log that records form. `redecide` is not among these names, because the
log writer must not wait for the rules' compiler to be loaded.
"""

from licet.records.finding import terms_of
from licet.records.form import RecordForm
from licet.records.leaf import Leaf, read_entry
from licet.records.port import Log, Receipt
from licet.records.record import MAX_ENTRY_BYTES, Record, RecordKind, spell_instant
from licet.records.words import SINGLE_PERSON, describe

__all__ = [
    "MAX_ENTRY_BYTES",
    "SINGLE_PERSON",
    "Leaf",
    "Log",
    "Receipt",
    "Record",
    "RecordForm",
    "RecordKind",
    "describe",
    "read_entry",
    "spell_instant",
    "terms_of",
]
