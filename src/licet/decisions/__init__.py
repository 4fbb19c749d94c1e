"""Decide: gather the facts, judge each requirement, join the verdicts, explain the answer."""

from licet.decisions.decide import decide, usable_items
from licet.decisions.decision import (
    Basis,
    Code,
    Decision,
    Ground,
    Judged,
    Permit,
    Refusal,
    Remedy,
    RemedyKind,
    facts_as_value,
)
from licet.decisions.explain import disclosed
from licet.decisions.judge import join, judge
from licet.decisions.request import Caller, Request, RequestedAct
from licet.decisions.rows import Row, RowChange, RowKind, decode_row, encode_row, row_key
from licet.decisions.snapshot import Snapshot, Stop

__all__ = [
    "Basis",
    "Caller",
    "Code",
    "Decision",
    "Ground",
    "Judged",
    "Permit",
    "Refusal",
    "Remedy",
    "RemedyKind",
    "Request",
    "RequestedAct",
    "Row",
    "RowChange",
    "RowKind",
    "Snapshot",
    "Stop",
    "decide",
    "decode_row",
    "disclosed",
    "encode_row",
    "facts_as_value",
    "join",
    "judge",
    "row_key",
    "usable_items",
]
