"""Compile a directive to Cedar text, and its text to a judged table.

The Cedar text is what counsel reads and what is enforced: the table is filled by
running the text through the Cedar engine, validated against the schema, for
every combination of complete facts. Cedar skips a rule that fails to evaluate,
and a skipped prohibition would permit; so any error, missing decision or
unexpected id refuses the whole policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cedarpy

from licet.directives.directive import AllForeignPersons, Directive
from licet.directives.facts import MEMBERS, DirectiveFacts, Recipient, all_facts, cedar_schema
from licet.errors import ConfigurationError
from licet.terms import Disclosure, Outcome

Table: TypeAlias = Mapping[DirectiveFacts, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled prohibition: what it says when it fires."""

    id: str
    citation: str
    outcome: Outcome
    disclosure: Disclosure
    text: str


@dataclass(frozen=True, slots=True)
class CompiledDirective:
    """A directive, its Cedar text, its rules by id, and which of them fire on which facts."""

    directive: Directive
    cedar: str
    rules: Mapping[str, Rule]
    table: Table


@lru_cache(maxsize=256)  # a renewed or amended policy compiles only what changed
def compile_directive(directive: Directive) -> CompiledDirective:
    """Compile and tabulate one directive.

    Raises:
        ConfigurationError: the rules do not validate or fail to evaluate.
    """
    rules = {rule.id: rule for rule in (_rule(directive, recipient) for recipient in Recipient)}
    cedar = _cedar_text(directive, rules)
    return CompiledDirective(directive, cedar, rules, tabulate(cedar, tuple(rules), directive.items))


def rule_id(directive: Directive, recipient: Recipient) -> str:
    """The id of the rule for one kind of recipient."""
    return f"{directive.id}/foreign-{recipient.value}"


def tabulate(cedar: str, rule_ids: Sequence[str], items: Sequence[str]) -> Table:
    """Which rules fire on every combination of complete facts, as Cedar itself answers.

    Raises:
        ConfigurationError: the text does not validate, a rule failed to evaluate,
            or the rules do not treat the items they name alike.
    """
    schema = cedar_schema()
    validation = cedarpy.validate_policies(cedar, schema)
    if not validation.validation_passed:
        raise ConfigurationError(
            "compiled rules do not validate: " + "; ".join(map(str, validation.errors)), code="rules_invalid"
        )
    policies, typed = cedarpy.PolicySet.from_str(cedar), cedarpy.Schema.from_str(schema)
    combinations = list(all_facts(complete=True))
    table: dict[DirectiveFacts, tuple[str, ...]] = {}
    for item in items:
        requests = [_cedar_request(facts, item) for facts in combinations]
        results = cedarpy.is_authorized_batch(requests, policies, [], typed)
        for facts, result in zip(combinations, results, strict=True):
            fired = _fired(result, rule_ids)
            if table.setdefault(facts, fired) != fired:
                raise ConfigurationError(
                    f"expected the rules to treat their items alike, found a difference at `{item}`",
                    code="rules_invalid",
                )
    return table


def _fired(result: cedarpy.AuthzResult, rule_ids: Sequence[str]) -> tuple[str, ...]:
    diagnostics = result.diagnostics
    if diagnostics.errors or result.decision not in {cedarpy.Decision.Allow, cedarpy.Decision.Deny}:
        raise ConfigurationError(f"a rule failed to evaluate: {diagnostics.errors}", code="rules_invalid")
    if result.decision is cedarpy.Decision.Allow:
        return ()
    ids = tuple(sorted(diagnostics.id_annotations_by_reason.values()))
    if len(ids) != len(diagnostics.reasons) or not ids or not set(ids) <= set(rule_ids):
        raise ConfigurationError(f"expected the rules {rule_ids} alone to refuse, found {ids}", code="rules_invalid")
    return ids


def _cedar_request(facts: DirectiveFacts, item: str) -> dict[str, object]:
    context = {
        name: {"__entity": {"type": kind.__name__, "id": str(getattr(facts, name))}} for name, kind in MEMBERS.items()
    }
    return {
        "principal": {"type": "Caller", "id": "caller"},
        "action": {"type": "Action", "id": "receive"},
        "resource": {"type": "Item", "id": item},
        "context": context,
    }


def _rule(directive: Directive, recipient: Recipient) -> Rule:
    whom = "a foreign person" if recipient is Recipient.PERSON else "an organization that is a foreign person"
    reach = "" if isinstance(directive.persons, AllForeignPersons) else " of the nationalities it names"
    return Rule(
        rule_id(directive, recipient),
        directive.citation,
        Outcome.LICENSE_REQUIRED,
        directive.disclosure,
        f"An order of {directive.issuer} requires a license before this model is released to {whom}{reach}."
        + (f" {directive.public_text}" if directive.public_text else ""),
    )


def _cedar_text(directive: Directive, rules: Mapping[str, Rule]) -> str:
    items = ", ".join(f"Item::{_quoted(item)}" for item in directive.items)
    head = (
        f"// Directive {directive.id} of {_quoted(directive.issuer)}.\n"
        "// What no rule forbids is permitted; a rule that forbids names itself.\n"
        '@id("default")\npermit (principal, action, resource);\n'
    )
    parts = [head]
    for recipient in Recipient:
        rule = rules[rule_id(directive, recipient)]
        annotations = {
            "id": rule.id,
            "directive": directive.id,
            "citation": rule.citation,
            "outcome": rule.outcome.value,
            "disclosure": rule.disclosure.value,
        }
        notes = "\n".join(f"@{name}({_quoted(value)})" for name, value in annotations.items())
        parts.append(
            f"{notes}\n"
            'forbid (principal, action == Action::"receive", resource)\n'
            "when {\n"
            f"  [{items}].contains(resource) &&\n"
            f'  context.recipient == Recipient::"{recipient}" &&\n'
            '  context.force == Force::"binds" &&\n'
            '  context.act == Naming::"named" &&\n'
            '  context.status == PersonStatus::"foreign" &&\n'
            '  context.scope == Scope::"in_scope" &&\n'
            '  context.cover == Coverage::"none"\n'
            "};\n"
        )
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """A Cedar string literal; everything but plain ASCII is escaped."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{plain}"'
