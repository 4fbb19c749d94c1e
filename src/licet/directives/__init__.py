"""Directives: parse an agency's order, follow its life, compile it to rules."""

from licet.directives.compile import CompiledDirective, Rule, compile_directive, rule_id
from licet.directives.directive import (
    AllForeignPersons,
    Directive,
    DirectiveStatus,
    Exemption,
    Form,
    NationalsOfGroups,
    Reach,
    Supersession,
)
from licet.directives.facts import DirectiveFacts, Naming, Recipient, Scope, all_facts, cedar_schema
from licet.directives.lifecycle import Force, force_at, lift, supersede
from licet.directives.parameters import READINGS, Parameters, Reading, Setting, as_mapping, read_value, with_settings
from licet.directives.parse import directive_schema, from_document, parse_directive
from licet.directives.policy import Policy, PolicyBundle, compile_policy

__all__ = [
    "READINGS",
    "AllForeignPersons",
    "CompiledDirective",
    "Directive",
    "DirectiveFacts",
    "DirectiveStatus",
    "Exemption",
    "Force",
    "Form",
    "Naming",
    "NationalsOfGroups",
    "Parameters",
    "Policy",
    "PolicyBundle",
    "Reach",
    "Reading",
    "Recipient",
    "Rule",
    "Scope",
    "Setting",
    "Supersession",
    "all_facts",
    "as_mapping",
    "cedar_schema",
    "compile_directive",
    "compile_policy",
    "directive_schema",
    "force_at",
    "from_document",
    "lift",
    "parse_directive",
    "read_value",
    "rule_id",
    "supersede",
    "with_settings",
]
