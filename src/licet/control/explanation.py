"""Explain to an officer what a request would be answered now, and why."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from licet.decisions import Caller, Decision, Permit, Request, Snapshot, decide, usable_items
from licet.parties import Standing, UnrecognizedNationality, adverse_facts
from licet.terms import format_instant


def explanation(request: Request, snapshot: Snapshot, at: datetime) -> dict[str, Any]:
    """Every requirement with its facts and verdict, the grounds of all disclosure classes, remedies, alternatives.

    An officer reads more than a caller: grounds that are counsel's are included,
    each with its class.
    """
    party = request.caller.party
    shown = () if party is None else tuple(snapshot.standings.get(party) or ())
    request = replace(request, caller=_with_key(request.caller, shown))
    decision = decide(request, snapshot, at)
    return {
        "outcome": decision.outcome.value,
        "item": decision.basis.item,
        "at": format_instant(at),
        "until": format_instant(decision.until),
        "requirements": [
            {
                "requirement": judged.requirement.id,
                "facts": judged.facts.as_value(),
                "outcome": judged.outcome.value,
                "rules": list(judged.rules),
                "would_turn_it": list(judged.pivots),
            }
            for judged in decision.basis.judged
        ],
        "standings": list(decision.basis.standings),
        "unrecognized_nationalities": sorted(
            {fact.raw for fact in adverse_facts(shown, at) if isinstance(fact, UnrecognizedNationality)}
        ),
        "licenses": list(decision.basis.licenses),
        "alternatives": [x.id for x in usable_items(request, snapshot, at) if x.id != decision.basis.item],
        **_refusal(decision),
    }


def _with_key(caller: Caller, shown: Iterable[Standing]) -> Caller:
    """The caller with the key that has proved the most, where some evidence counts with one key only."""
    counted = Counter(key for standing in shown if standing.withdrawn_at is None for key in standing.keys)
    return replace(caller, key=counted.most_common(1)[0][0]) if counted else caller


def _refusal(decision: Decision) -> dict[str, Any]:
    if isinstance(decision, Permit):
        return {}
    return {
        "code": decision.code.value,
        "grounds": [
            {"rule": x.rule, "citation": x.citation, "text": x.text, "disclosure": x.disclosure.value}
            for x in decision.grounds
        ],
        "remedies": [{"kind": x.kind.value, "text": x.text} for x in decision.remedies],
    }
