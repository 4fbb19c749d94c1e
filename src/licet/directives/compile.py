"""Compile Cedar text to a judged table; a directive first to its text.

The Cedar text is what counsel reads and what is enforced: the table is filled by
running the text through the Cedar engine, validated against the schema, for
every combination of complete facts. Cedar skips a rule that fails to evaluate,
and a skipped prohibition would permit; so any error, missing decision or
unexpected id refuses the whole policy.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files

import cedarpy

from licet.directives.directive import AllForeignPersons, Directive
from licet.directives.facts import (
    BarFacts,
    Facts,
    IntelligenceFacts,
    ListFacts,
    MilitaryFacts,
    Recipient,
    ReleaseFacts,
    SendingFacts,
    WeightsFacts,
    all_facts,
    cedar_schema,
    members,
)
from licet.errors import ConfigurationError
from licet.terms import Disclosure, Outcome


@dataclass(frozen=True, slots=True)
class Rule:
    """One prohibition: what it says when it fires."""

    id: str
    citation: str
    outcome: Outcome
    disclosure: Disclosure
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """Rules over one record: their text, what each says, and which fire on which facts.

    `name` is what a license names when it covers this requirement. Two are equal
    only if they are one: a set is compiled once, and what was judged by it is
    remembered under it.
    """

    id: str
    name: str
    cedar: str
    rules: Mapping[str, Rule]
    table: Mapping[Facts, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledDirective:
    """A directive and its two rule sets: releases to recipients, and acts of sending.

    `boundaries` are the instants at which it, or leave that it gives, begins or ends;
    `gives_leave` says that it may exempt somebody.
    """

    directive: Directive
    release: RuleSet
    sending: RuleSet
    boundaries: tuple[datetime, ...] = field(init=False)
    gives_leave: bool = field(init=False)

    def __post_init__(self) -> None:
        """Read off the directive what every decision on its items asks."""
        one = self.directive
        starts = (exemption.starts for exemption in one.exemptions)
        object.__setattr__(self, "boundaries", (one.effective_at, one.ends, *starts))
        object.__setattr__(self, "gives_leave", bool(one.exemptions) or one.is_notice)

    @property
    def cedar(self) -> str:
        """The rules as counsel reads them."""
        return f"{self.release.cedar}\n{self.sending.cedar}"


STANDING_RULES: Mapping[str, type[Facts]] = {
    "bars": BarFacts,
    "entity_list": ListFacts,
    "744.21": MilitaryFacts,
    "744.22": IntelligenceFacts,
    "4e091": WeightsFacts,
}
"""The rules that always stand, by the name under which a license covers each; one file of Cedar each."""


@lru_cache(maxsize=256)  # a renewed or amended policy compiles only what changed
def compile_directive(directive: Directive) -> CompiledDirective:
    """Compile and tabulate one directive.

    Raises:
        ConfigurationError: the rules do not validate or fail to evaluate.
    """
    release = compile_rules(directive.id, "directive", _release_text(directive), ReleaseFacts, directive.items)
    sending = compile_rules(directive.id, "directive", _sending_text(directive), SendingFacts, directive.items)
    return CompiledDirective(directive, release, sending)


@lru_cache(maxsize=1)
def standing_rules() -> Mapping[str, RuleSet]:
    """The standing rules, compiled from the Cedar files that this version ships.

    Raises:
        ConfigurationError: a file does not hold.
    """
    compiled = {}
    for name, kind in STANDING_RULES.items():
        text = files("licet.directives").joinpath("rules", f"{name}.cedar").read_text(encoding="utf-8")
        compiled[name] = compile_rules(name, name, text, kind, ("any",))
    return compiled


def compile_rules(id_: str, name: str, cedar: str, kind: type[Facts], items: Sequence[str]) -> RuleSet:
    """Validate, read and tabulate rules.

    Raises:
        ConfigurationError: the text does not validate, an annotation is missing, a
            rule failed to evaluate, or the rules do not treat the items alike.
    """
    validation = cedarpy.validate_policies(cedar, cedar_schema(kind))
    if not validation.validation_passed:
        raise _invalid("rules do not validate: " + "; ".join(map(str, validation.errors)))
    rules = {rule.id: rule for rule in _read_rules(cedar)}
    return RuleSet(id_, name, cedar, rules, _tabulate(cedar, kind, frozenset(rules), items))


def _read_rules(cedar: str) -> list[Rule]:
    """What each prohibition says of itself in its annotations."""
    rules = []
    for policy in json.loads(cedarpy.policies_to_json_str(cedar))["staticPolicies"].values():
        if policy["effect"] == "permit":
            continue
        notes = policy.get("annotations", {})
        try:
            outcome, disclosure = Outcome(notes["outcome"]), Disclosure(notes["disclosure"])
            rules.append(Rule(notes["id"], notes["citation"], outcome, disclosure, notes["text"]))
        except (KeyError, ValueError) as err:
            raise _invalid(
                f"expected every prohibition to have id, citation, outcome, disclosure and text: {err}"
            ) from err
    if len({rule.id for rule in rules}) != len(rules):
        raise _invalid("expected every rule to have an id of its own")
    return rules


def _tabulate(
    cedar: str, kind: type[Facts], rule_ids: frozenset[str], items: Sequence[str]
) -> Mapping[Facts, tuple[str, ...]]:
    """Which rules fire on every combination of complete facts, as Cedar itself answers."""
    policies, schema = cedarpy.PolicySet.from_str(cedar), _schema(kind)
    combinations = list(all_facts(kind, complete=True))
    table: dict[Facts, tuple[str, ...]] = {}
    for item in items:
        requests = [_cedar_request(facts, item) for facts in combinations]
        results = cedarpy.is_authorized_batch(requests, policies, [], schema)
        for facts, result in zip(combinations, results, strict=True):
            fired = _fired(result, rule_ids)
            if table.setdefault(facts, fired) != fired:
                raise _invalid(f"expected the rules to treat their items alike, found a difference at `{item}`")
    return table


@cache
def _schema(kind: type[Facts]) -> cedarpy.Schema:
    return cedarpy.Schema.from_str(cedar_schema(kind))


def _fired(result: cedarpy.AuthzResult, rule_ids: frozenset[str]) -> tuple[str, ...]:
    diagnostics = result.diagnostics
    if diagnostics.errors or result.decision not in {cedarpy.Decision.Allow, cedarpy.Decision.Deny}:
        raise _invalid(f"a rule failed to evaluate: {diagnostics.errors}")
    if result.decision is cedarpy.Decision.Allow:
        return ()
    ids = tuple(sorted(diagnostics.id_annotations_by_reason.values()))
    if len(ids) != len(diagnostics.reasons) or not ids or not rule_ids.issuperset(ids):
        raise _invalid(f"expected the rules {sorted(rule_ids)} alone to refuse, found {ids}")
    return ids


def _invalid(message: str) -> ConfigurationError:
    return ConfigurationError(message, code="rules_invalid")


def _cedar_request(facts: Facts, item: str) -> dict[str, object]:
    context = {
        name: {"__entity": {"type": kind.__name__, "id": str(getattr(facts, name))}}
        for name, kind in members(type(facts)).items()
    }
    return {
        "principal": {"type": "Caller", "id": "caller"},
        "action": {"type": "Action", "id": "receive"},
        "resource": {"type": "Item", "id": item},
        "context": context,
    }


def _release_text(directive: Directive) -> str:
    parts = [_head(directive)]
    reach = "" if isinstance(directive.persons, AllForeignPersons) else " of the nationalities it names"
    for recipient in Recipient:
        whom = "a foreign person" if recipient is Recipient.PERSON else "an organization that is a foreign person"
        text = f"An order of {directive.issuer} requires a license before this model is released to {whom}{reach}."
        notes = _notes(directive, f"foreign-{recipient}", text)
        parts.append(
            f"{notes}\n"
            'forbid (principal, action == Action::"receive", resource)\n'
            "when {\n"
            f"  {_items(directive)}.contains(resource) &&\n"
            f'  context.recipient == Recipient::"{recipient}" &&\n'
            '  context.force == Force::"binds" &&\n'
            '  context.act == Naming::"named" &&\n'
            '  context.status == PersonStatus::"foreign" &&\n'
            '  context.scope == Scope::"in_scope" &&\n'
            '  context.cover == Coverage::"none"\n'
            "};\n"
        )
    return "\n".join(parts)


def _sending_text(directive: Directive) -> str:
    text = f"An order of {directive.issuer} requires a license before this model is sent abroad, whoever receives it."
    return (
        f"{_head(directive)}\n{_notes(directive, 'sending', text)}\n"
        'forbid (principal, action == Action::"receive", resource)\n'
        "when {\n"
        f"  {_items(directive)}.contains(resource) &&\n"
        '  context.force == Force::"binds" &&\n'
        '  context.act == Naming::"named" &&\n'
        '  context.reach == Scope::"in_scope" &&\n'
        '  context.cover == Coverage::"none"\n'
        "};\n"
    )


def _head(directive: Directive) -> str:
    return (
        f"// Directive {directive.id} of {_quoted(directive.issuer)}.\n"
        "// What no rule forbids is permitted; a rule that forbids names itself.\n"
        '@id("default")\npermit (principal, action, resource);\n'
    )


def _notes(directive: Directive, name: str, text: str) -> str:
    annotations = {
        "id": f"{directive.id}/{name}",
        "directive": directive.id,
        "citation": directive.citation,
        "outcome": Outcome.LICENSE_REQUIRED.value,
        "disclosure": directive.disclosure.value,
        "text": f"{text} {directive.public_text}" if directive.public_text else text,
    }
    return "\n".join(f"@{key}({_quoted(value)})" for key, value in annotations.items())


def _items(directive: Directive) -> str:
    return "[" + ", ".join(f"Item::{_quoted(item)}" for item in directive.items) + "]"


def _quoted(text: str) -> str:
    """A Cedar string literal; everything but plain ASCII is escaped."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{plain}"'
