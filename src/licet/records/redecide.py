"""Decide a past request again from what was recorded: the facts of each requirement, under the policy of then.

Gathering is not repeated, because evidence is dropped once it is read; what is
repeated is the judgement. The rules that always stand are those of this version:
where they have changed since, the answer may differ, and says in which requirement.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from licet.decisions import join, judge
from licet.directives import RECORDS, Facts, Policy, ReleaseFacts, RuleSet
from licet.errors import InputError
from licet.records.record import Record, RecordKind
from licet.terms import Outcome

_KINDS: Mapping[str, type[Facts]] = {kind.__name__: kind for kind in RECORDS}
_OPERATIONAL = "licet/"
_DENYING = frozenset({"item_stopped", "model_not_found", "policy_stale", "decision_error", "log_unavailable"})


@dataclass(frozen=True, slots=True)
class Redecided:
    """A decision made again.

    Attributes:
        recorded: What was answered then.
        outcome: What the recorded facts give now.
        by_operation: The answer was no requirement's: an item was stopped or unknown,
            the policy was too old, a key too loosely bound.
        differing: Requirements whose verdict is another now.
    """

    recorded: Outcome
    outcome: Outcome
    by_operation: bool
    differing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether it comes out the same, in every requirement."""
        return self.recorded is self.outcome and not self.differing


def redecide(record: Record, policy: Policy) -> Redecided:
    """Judge the recorded facts again.

    Args:
        record: A decision.
        policy: The policy whose digest the record names.

    Raises:
        InputError: with the code `not_a_decision`, it is of another kind; with
            `facts_unreadable`, its facts are not those of this version's rules.
    """
    if record.kind is not RecordKind.DECISION:
        raise InputError(f"expected the id of a decision, found a record of `{record.kind}`", code="not_a_decision")
    try:
        recorded = Outcome(str(record.body.get("outcome")))
        verdicts = list(_verdicts(record.body, policy))
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as err:
        raise InputError(f"the recorded facts cannot be judged: {err}", code="facts_unreadable") from err
    joined = join(outcome for _, _, outcome in verdicts)
    operational = _operational(record.body)
    differing = tuple(name for name, before, outcome in verdicts if before is not outcome)
    return Redecided(recorded, operational or joined, operational is not None, differing)


def _verdicts(body: Mapping[str, Any], policy: Policy) -> Iterator[tuple[str, Outcome, Outcome]]:
    for each in body.get("requirements") or ():
        rules = _rules(each["requirement"], each["record"], policy)
        facts = msgspec.convert(each["facts"], _KINDS[each["record"]])
        yield each["requirement"], Outcome(each["outcome"]), judge(rules, facts).outcome


def _rules(name: str, kind: str, policy: Policy) -> RuleSet:
    for compiled in policy.directives:
        if compiled.directive.id == name:
            return compiled.release if kind == ReleaseFacts.__name__ else compiled.sending
    return policy.standing[name]


def _operational(body: Mapping[str, Any]) -> Outcome | None:
    """The answer of an operational rule: it stands on what was recorded as having been so."""
    if body.get("code") in _DENYING:
        return Outcome.DENY
    grounds = body.get("grounds") or ()
    return Outcome.NEEDS_EVIDENCE if any(str(each) == f"{_OPERATIONAL}binding" for each in grounds) else None
