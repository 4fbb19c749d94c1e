"""Alter the Cedar rules in every small way, and see that the reference of the tests notices.

Each mutant is one change to one rule: `==` and `!=`, `&&` and `||` swapped; an
enumerated value replaced by each other of its type; one side of an `&&` or `||`
dropped; an outcome or disclosure replaced by each other; a prohibition turned into
a permission or back. A mutant is killed where it does not compile, or where its
table, its annotations or the items it reaches differ from what
`tests/rules_for_tests.py` says. Exits 1 below 95 %.

    .venv/bin/python bench/mutate_cedar.py
"""

import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import cedarpy
from rich.console import Console
from rich.table import Table

from licet.directives import RuleSet, all_facts, compile_rules, standing_rules
from licet.directives.facts import known_values, members
from licet.errors import ConfigurationError
from licet.terms import Disclosure, Outcome

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from rules_for_tests import REFERENCE, SAID, compiled  # the tests' own reference, found through the line above

LEAST = 0.95
_DIRECTIVE = ("release", "sending")
_SWAPS = {"==": "!=", "!=": "==", "&&": "||", "||": "&&"}
_ANNOTATIONS: dict[str, type[StrEnum]] = {"outcome": Outcome, "disclosure": Disclosure}
_Json: TypeAlias = dict[str, Any]
_Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed rule set, and in words what was changed."""

    change: str
    cedar: str


def main() -> int:
    """Print what became of the mutants of every rule set; 0 if enough were killed."""
    order = compiled()
    rules = {"release": order.release, "sending": order.sending, **standing_rules()}
    console, table, survivors = Console(), Table("rules", "mutants", "killed", "survived"), []
    total = 0
    for name in REFERENCE:
        if not survives(name, rules[name], Mutant("nothing", _text(_document(rules[name])))):
            console.print(f"the rules of {name} as written do not pass: there is nothing to measure")
            return 1
        mutants = list(mutants_of(name, rules[name]))
        alive = [mutant for mutant in mutants if survives(name, rules[name], mutant)]
        table.add_row(name, str(len(mutants)), str(len(mutants) - len(alive)), str(len(alive)))
        total += len(mutants)
        survivors += [(name, mutant.change) for mutant in alive]
    score = 1 - len(survivors) / total
    table.add_section()
    table.add_row("all", str(total), str(total - len(survivors)), str(len(survivors)))
    console.print(table)
    for name, change in survivors:
        console.print(f"survived in {name}: {change}", highlight=False, soft_wrap=True)
    console.print(f"{score:.1%} killed; at least {LEAST:.0%} expected")
    return 0 if score >= LEAST else 1


def survives(name: str, original: RuleSet, mutant: Mutant) -> bool:
    """Whether nothing that the tests look at tells the mutant from the rules as written."""
    kind, obvious = REFERENCE[name]
    items = ("fable-5",) if name in _DIRECTIVE else ("any",)
    try:
        rules = compile_rules(original.id, original.name, mutant.cedar, kind, items)
    except ConfigurationError:
        return False
    said = {rule.id: (rule.outcome, rule.disclosure) for rule in rules.rules.values()}
    if said != SAID[name] or any(obvious(facts) != rules.table[facts] for facts in all_facts(kind, complete=True)):
        return False
    return name not in _DIRECTIVE or not reaches_others(rules)


def reaches_others(rules: RuleSet) -> bool:
    """Whether a directive's rules refuse an item that it does not name."""
    kind = type(next(iter(rules.table)))
    return any(compile_rules(rules.id, rules.name, rules.cedar, kind, ("mythos-5",)).table.values())


def mutants_of(name: str, original: RuleSet) -> Iterator[Mutant]:
    """Every mutant of a rule set."""
    values = {
        each.__name__: [str(value) for value in known_values(each)] for each in members(REFERENCE[name][0]).values()
    }
    document = _document(original)
    for key, rule in document["staticPolicies"].items():
        called = rule["annotations"]["id"]
        for change, mutated in _of_rule(rule, values):
            changed = {**document, "staticPolicies": {**document["staticPolicies"], key: mutated}}
            yield Mutant(f"{called}: {change}", _text(changed))


def _document(rules: RuleSet) -> _Json:
    document: _Json = json.loads(cedarpy.policies_to_json_str(rules.cedar))
    return document


def _text(document: _Json) -> str:
    return cedarpy.policies_from_json_str(json.dumps(document))


def _of_rule(rule: _Json, values: dict[str, list[str]]) -> Iterator[tuple[str, _Json]]:
    effect = "permit" if rule["effect"] == "forbid" else "forbid"
    yield f"{rule['effect']} -> {effect}", {**rule, "effect": effect}
    for note, kind in _ANNOTATIONS.items():
        stated = rule["annotations"].get(note)
        for value in (str(each) for each in kind if stated is not None and each != stated):
            yield f"@{note} {stated} -> {value}", {**rule, "annotations": {**rule["annotations"], note: value}}
    for path, change, replacement in _of_node(rule["conditions"], (), values):
        yield change, {**rule, "conditions": _replaced(rule["conditions"], path, replacement)}


def _of_node(node: Any, path: _Path, values: dict[str, list[str]]) -> Iterator[tuple[_Path, str, Any]]:
    """Every change to an expression: where, in words, and what stands there instead."""
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from _of_node(child, (*path, index), values)
    elif isinstance(node, dict) and isinstance(node.get("__entity"), dict):
        entity = node["__entity"]
        for value in values.get(entity["type"], []):
            if value != entity["id"]:
                yield path, f"{_words(node)} -> {value}", {"__entity": {**entity, "id": value}}
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from _of_operator(node, key, path)
            yield from _of_node(child, (*path, key), values)


def _of_operator(node: _Json, key: str, path: _Path) -> Iterator[tuple[_Path, str, Any]]:
    if key not in _SWAPS:
        return
    sides = node[key]
    swapped = _SWAPS[key]
    yield path, f"{key} -> {swapped} in `{_words(node)}`", {swapped: sides}
    if key in {"&&", "||"}:
        for dropped, kept in (("left", "right"), ("right", "left")):
            yield path, f"dropped `{_words(sides[dropped])}`", sides[kept]


def _replaced(node: Any, path: _Path, replacement: Any) -> Any:
    """A copy of an expression with another at one place."""
    if not path:
        return replacement
    mutated = copy.copy(node)
    mutated[path[0]] = _replaced(node[path[0]], path[1:], replacement)
    return mutated


def _words(node: Any) -> str:
    """An expression as a person reads it, roughly."""
    match node:
        case {"Var": name}:
            return str(name)
        case {"Value": value}:
            return _words(value)
        case {"__entity": {"type": kind, "id": name}}:
            return f"{kind}::{name}"
        case {".": {"left": left, "attr": name}}:
            return f"{_words(left)}.{name}"
        case {"Set": listed}:
            return "[" + ", ".join(map(_words, listed)) + "]"
        case _:
            ((operator, sides),) = node.items()
            return f"{_words(sides['left'])} {operator} {_words(sides['right'])}"


if __name__ == "__main__":
    sys.exit(main())
