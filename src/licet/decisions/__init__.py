"""Decide: gather the facts, judge each requirement, join the verdicts, explain the answer."""

from licet.decisions.case_terms import ParameterValue, parameters_of
from licet.decisions.cases import Asked, Case, CaseFile, Finding, ask, examine, read_cases
from licet.decisions.decide import answer, decide, usable_items
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
)
from licet.decisions.explain import disclosed
from licet.decisions.gather import usable_rule
from licet.decisions.judge import join, judge
from licet.decisions.nationality import place_of
from licet.decisions.prospects import Prospects, Showing, Voucher, prospects
from licet.decisions.request import Caller, Request, RequestedAct
from licet.decisions.rows import Row, RowChange, RowKind, decode_row, encode_row, row_key
from licet.decisions.scene import Body, Marks, Mode, Person, Scene, Tie
from licet.decisions.snapshot import Snapshot, Stop
from licet.decisions.stage import believed_standings
from licet.decisions.use import Use, User

__all__ = [
    "Asked",
    "Basis",
    "Body",
    "Caller",
    "Case",
    "CaseFile",
    "Code",
    "Decision",
    "Finding",
    "Ground",
    "Judged",
    "Marks",
    "Mode",
    "ParameterValue",
    "Permit",
    "Person",
    "Prospects",
    "Refusal",
    "Remedy",
    "RemedyKind",
    "Request",
    "RequestedAct",
    "Row",
    "RowChange",
    "RowKind",
    "Scene",
    "Showing",
    "Snapshot",
    "Stop",
    "Tie",
    "Use",
    "User",
    "Voucher",
    "answer",
    "ask",
    "believed_standings",
    "decide",
    "decode_row",
    "disclosed",
    "encode_row",
    "examine",
    "join",
    "judge",
    "parameters_of",
    "place_of",
    "prospects",
    "read_cases",
    "row_key",
    "usable_items",
    "usable_rule",
]
