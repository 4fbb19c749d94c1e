"""Proofs: what holds of a policy whoever asks, what two policies answer differently, and whom a draft would reach."""

from licet.proofs.circumstances import Circumstances, scene_of
from licet.proofs.diff import Difference, DifferenceKind, DiffReport, Example, diff, kind_of
from licet.proofs.family import plain_family, small_family, whole_family
from licet.proofs.history import Touched, touched
from licet.proofs.impact import Assessor, StandingShapes, assess, under_draft
from licet.proofs.invariant import (
    RECORD_NAMES,
    About,
    Built,
    Change,
    ChangeKind,
    Cited,
    CompletionsDecide,
    DisclosedTo,
    Invariant,
    Joined,
    JoinLaw,
    Never,
    OutcomeIs,
    StructureLaw,
    Turning,
)
from licet.proofs.kept import Kept
from licet.proofs.prove import Procedure, prove
from licet.proofs.reach import Band, Impact, Reached
from licet.proofs.read import read_invariants, shipped_invariants, together
from licet.proofs.readiness import MEASURES, tell_readiness, under_letter
from licet.proofs.report import Counterexample, Finding, ProofReport, Result, RuleNote

__all__ = [
    "MEASURES",
    "RECORD_NAMES",
    "About",
    "Assessor",
    "Band",
    "Built",
    "Change",
    "ChangeKind",
    "Circumstances",
    "Cited",
    "CompletionsDecide",
    "Counterexample",
    "DiffReport",
    "Difference",
    "DifferenceKind",
    "DisclosedTo",
    "Example",
    "Finding",
    "Impact",
    "Invariant",
    "JoinLaw",
    "Joined",
    "Kept",
    "Never",
    "OutcomeIs",
    "Procedure",
    "ProofReport",
    "Reached",
    "Result",
    "RuleNote",
    "StandingShapes",
    "StructureLaw",
    "Touched",
    "Turning",
    "assess",
    "diff",
    "kind_of",
    "plain_family",
    "prove",
    "read_invariants",
    "scene_of",
    "shipped_invariants",
    "small_family",
    "tell_readiness",
    "together",
    "touched",
    "under_draft",
    "under_letter",
    "whole_family",
]
