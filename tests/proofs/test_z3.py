"""The invariants about requirements, checked again by a solver that knows nothing of our tables.

The rules are read from their Cedar text; a requirement's outcome, the completions of
unknown facts and each claim become formulas, and the solver looks for facts that
break one.
"""

import json
from itertools import product

import cedarpy
import pytest
import z3

from licet.directives.facts import known_values, members
from licet.proofs import RECORD_NAMES, CompletionsDecide, Never, OutcomeIs, Turning, shipped_invariants
from licet.proofs.tables import record_of
from licet.terms import Outcome
from proofs_for_tests import conjunct, release_says, sending_says, standing_says, whole_policy

POLICY = whole_policy()
FIRST = POLICY.directives[0]
SETS = {"release": FIRST.release, "sending": FIRST.sending, **POLICY.standing}
EVIDENCE = Outcome.NEEDS_EVIDENCE.weight
CHECKED = [
    (invariant, record)
    for invariant in shipped_invariants()
    if isinstance(invariant.claim, OutcomeIs | Turning | CompletionsDecide) and invariant.records
    for record in invariant.records
]


class Solved:
    """One set of rules as formulas over integers: a value's place among the known ones, -1 where it is unknown."""

    def __init__(self, rules):
        self.kind = record_of(rules)
        self.values = {name: [str(x) for x in known_values(kind)] for name, kind in members(self.kind).items()}
        self.open = {name for name, kind in members(self.kind).items() if "unknown" in set(kind)}
        self.rules = json.loads(cedarpy.policies_to_json_str(rules.cedar))["staticPolicies"].values()

    def facts(self, prefix=""):
        return {name: z3.Int(prefix + name) for name in self.values}

    def domain(self, facts):
        return z3.And(
            *(
                z3.And(facts[name] >= (-1 if name in self.open else 0), facts[name] < len(values))
                for name, values in self.values.items()
            )
        )

    def is_(self, facts, name, value):
        return facts[name] == (-1 if value == "unknown" else self.values[name].index(value))

    def weight(self, facts):
        """The heaviest outcome of the rules that fire on complete facts."""
        found = z3.IntVal(0)
        for rule in self.rules:
            if rule["effect"] == "permit":
                continue
            weight = Outcome(rule["annotations"]["outcome"]).weight
            fires = z3.And(*(self.term(condition["body"], facts) for condition in rule["conditions"]))
            found = z3.If(z3.And(fires, found < weight), z3.IntVal(weight), found)
        return found

    def judged(self, facts):
        """The outcome over facts of which some may be unknown: what every completion comes to, or evidence."""
        completions = []
        for choice in product(*(range(len(self.values[name])) for name in sorted(self.open))):
            settled = dict(facts)
            for name, value in zip(sorted(self.open), choice, strict=True):
                settled[name] = z3.If(facts[name] == -1, z3.IntVal(value), facts[name])
            completions.append(self.weight(settled))
        agree = z3.And(*(each == completions[0] for each in completions))
        return z3.If(agree, completions[0], z3.IntVal(EVIDENCE)), completions

    def term(self, node, facts):
        ((operator, body),) = node.items()
        match operator:
            case "&&":
                return z3.And(self.term(body["left"], facts), self.term(body["right"], facts))
            case "||":
                return z3.Or(self.term(body["left"], facts), self.term(body["right"], facts))
            case "==":
                name = body["left"]["."]["attr"]
                return facts[name] == self.values[name].index(body["right"]["Value"]["__entity"]["id"])
            case "contains":
                return z3.BoolVal(True)  # the item of the set: tests/directives looks at others
            case "Value":
                return z3.BoolVal(body)
        raise AssertionError(f"the rules hold an operator that is new here: {operator}")


def breach(solved, invariant):
    """A model of facts that break an invariant, or None."""
    facts = solved.facts()
    judged, completions = solved.judged(facts)
    speaks = [z3.Or(*(solved.is_(facts, name, value) for value in values)) for name, values in invariant.where]
    if invariant.either:
        speaks.append(z3.Or(*(solved.is_(facts, name, x) for name, values in invariant.either for x in values)))
    match invariant.claim:
        case OutcomeIs(outcomes):
            holds = z3.Or(*(judged == outcome.weight for outcome in outcomes))
        case Turning(fact, start, end, never):
            speaks.append(solved.is_(facts, fact, start))
            place = -1 if end == "unknown" else solved.values[fact].index(end)
            after, _ = solved.judged({**facts, fact: z3.IntVal(place)})
            holds = {
                Never.HEAVIER: after <= judged,
                Never.LIGHTER: after >= judged,
                Never.DIFFERENT: after == judged,
            }[never]
        case CompletionsDecide():
            some = z3.Or(*(each == 0 for each in completions))
            every = z3.And(*(each == 0 for each in completions))
            # In particular: nothing is permitted where some completion would not be.
            holds = z3.And((judged == 0) == every, z3.Implies(z3.And(some, z3.Not(every)), judged == EVIDENCE))
    solver = z3.Solver()
    solver.add(solved.domain(facts), *speaks, z3.Not(holds))
    return solver.model() if solver.check() == z3.sat else None


@pytest.mark.parametrize(("invariant", "record"), CHECKED, ids=lambda x: getattr(x, "name", x))
def test_the_solver_finds_no_facts_that_break_a_shipped_invariant(invariant, record):
    assert breach(Solved(SETS[record]), invariant) is None


def test_every_record_is_asked_about():
    assert {record for _, record in CHECKED} == set(RECORD_NAMES)


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        (release_says(conjunct('context.act == Naming::"named"')).directives[0].release, "not-named-is-free"),
        (
            release_says(('Recipient::"person"', 'Recipient::"organization"')).directives[0].release,
            "persons-and-organizations-alike",
        ),
        (
            sending_says(("forbid (", "permit (")).directives[0].sending,
            "named-sending-needs-a-license",
        ),
        (standing_says("bars", ('context.embargoed == Truth::"yes"', "false")).standing["bars"], "every-bar-denies"),
    ],
)
def test_the_solver_finds_what_breaks_an_invariant_in_rules_that_are_broken(rules, name):
    (invariant,) = (x for x in shipped_invariants() if x.name == name)
    assert breach(Solved(rules), invariant) is not None


@pytest.mark.parametrize("record", SETS)
def test_the_solver_reads_the_rules_as_the_table_has_them(record):
    """Fifty rows of each table, put to the formulas: the same outcome."""
    rules, solved = SETS[record], Solved(SETS[record])
    for facts, fired in list(rules.table.items())[:50]:
        places = {name: z3.IntVal(solved.values[name].index(value)) for name, value in facts.as_value().items()}
        weight = z3.simplify(solved.weight(places)).as_long()
        assert weight == max((rules.rules[each].outcome.weight for each in fired), default=0)
