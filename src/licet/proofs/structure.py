"""How a policy is built: that nothing of it is lost between what was ordered and what is looked up."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from licet.directives import STANDING_RULES, Directive, Facts, Policy, ReleaseFacts, RuleSet, SendingFacts, all_facts
from licet.proofs.invariant import StructureLaw
from licet.proofs.report import Counterexample
from licet.proofs.tables import record_of, rule_sets
from licet.terms import format_instant


def find_breach(law: StructureLaw, policy: Policy) -> tuple[int, Counterexample | None]:
    """How many parts of a policy a law of its build was tried on, and the first that breaks it."""
    tried = 0
    for part, words in _LAWS[law](policy):
        tried += 1
        if words:
            return tried, Counterexample(part, f"{part}: {words}", {"part": part})
    return tried, None


def why_unanswerable(policy: Policy) -> str:
    """Why nothing can be answered from a policy, in words; empty if it can."""
    for law in (StructureLaw.STANDING_RULES_ARE_THERE, StructureLaw.TABLES_ARE_WHOLE):
        _, found = find_breach(law, policy)
        if found is not None:
            return found.words
    return ""


def _tables(policy: Policy) -> Iterator[tuple[str, str]]:
    expected: list[type[Facts] | None] = [ReleaseFacts, SendingFacts] * len(policy.directives)
    expected += [STANDING_RULES.get(name) for name in policy.standing]
    for rules, kind in zip(rule_sets(policy), expected, strict=True):
        yield f"the rules `{rules.id}`", _fault_of_table(rules, kind)


def _fault_of_table(rules: RuleSet, kind: type[Facts] | None) -> str:
    if kind is None or record_of(rules) is not kind:
        return "its table is not over the record that it should be over"
    if set(rules.table) != set(all_facts(kind, complete=True)):
        return "its table lacks a combination, or has one too many"
    strange = sorted(set(chain.from_iterable(rules.table.values())) - rules.rules.keys())
    return f"its table names the rule `{strange[0]}`, which it does not hold" if strange else ""


def _items_found(policy: Policy) -> Iterator[tuple[str, str]]:
    for compiled in policy.directives:
        for item in compiled.directive.items:
            found = any(one is compiled for one in policy.by_item.get(item, ()))
            part = f"directive `{compiled.directive.id}` on `{item}`"
            yield part, "" if found else "it is not found when that item is asked for"
    held = {id(compiled) for compiled in policy.directives}
    for name, directives in policy.by_item.items():
        strange = [one.directive.id for one in directives if id(one) not in held or name not in one.directive.items]
        yield f"the item `{name}`", f"it is put under {strange[0]}, which does not name it" if strange else ""


def _items_held_back(policy: Policy) -> Iterator[tuple[str, str]]:
    for item in sorted({item for compiled in policy.directives for item in compiled.directive.items}):
        fault = "" if item in policy.restricted else "a stale policy would not hold it back"
        yield f"the item `{item}`", fault


def _standing(policy: Policy) -> Iterator[tuple[str, str]]:
    for name in STANDING_RULES:
        rules = policy.standing.get(name)
        fault = "" if rules is not None and rules.rules else "these rules are not there"
        yield f"the rules `{name}`", fault


def _citations(policy: Policy) -> Iterator[tuple[str, str]]:
    for compiled in policy.directives:
        directive = compiled.directive
        for rule in chain(compiled.release.rules.values(), compiled.sending.rules.values()):
            ours = rule.id.startswith(f"{directive.id}/") and rule.citation == directive.citation
            told = rule.disclosure is directive.disclosure
            fault = "" if ours and told else f"it does not cite or disclose as directive `{directive.id}` does"
            yield f"the rule `{rule.id}`", fault


def _succession(policy: Policy) -> Iterator[tuple[str, str]]:
    directives = {compiled.directive.id: compiled.directive for compiled in policy.directives}
    for directive in directives.values():
        for predecessor in sorted(directive.supersedes & directives.keys()):
            yield f"directive `{predecessor}`", _fault_of_end(directives[predecessor], directive)
        successor = directive.superseded_by
        if successor is not None and successor.by in directives:
            same = directives[successor.by].issuer == directive.issuer
            yield f"directive `{directive.id}`", "" if same else "another agency's order is said to have ended it"


def _fault_of_end(before: Directive, after: Directive) -> str:
    if before.ends <= after.effective_at:
        return ""
    return f"it does not end at {format_instant(after.effective_at)}, when `{after.id}` takes its place"


_LAWS: Mapping[StructureLaw, Callable[[Policy], Iterator[tuple[str, str]]]] = {
    StructureLaw.TABLES_ARE_WHOLE: _tables,
    StructureLaw.ITEMS_ARE_FOUND: _items_found,
    StructureLaw.ITEMS_ARE_HELD_BACK: _items_held_back,
    StructureLaw.STANDING_RULES_ARE_THERE: _standing,
    StructureLaw.RULES_CITE_THEIR_DIRECTIVE: _citations,
    StructureLaw.SUCCESSION_HOLDS: _succession,
}
