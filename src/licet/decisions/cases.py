"""Read case files, and put each case to the decision under given readings.

A case holds the facts of one request, the directives, and the answer that was
worked out by hand; its rows hold the answers under other readings. Nothing here
decides: a case becomes the same scene that the gateway would have set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from licet.decisions.case_facts import model_of, scene_of
from licet.decisions.case_format import WireCase, WireDirective, WireExemption, WireFacts, WireFile
from licet.decisions.case_terms import ParameterValue, instant, listed, parameters_of
from licet.decisions.decide import answer
from licet.decisions.decision import Ground, Refusal
from licet.decisions.scene import Scene
from licet.directives import (
    AllForeignPersons,
    Directive,
    Exemption,
    NationalsOfGroups,
    Parameters,
    Policy,
    Supersession,
    policy_of,
)
from licet.errors import InputError, LicetError
from licet.law import CountryGroups, LawData, read_law
from licet.terms import FOREVER, DirectiveId, Disclosure, ItemId, OrganizationId, Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """The answer that is expected where these readings replace the file's."""

    readings: Mapping[str, ParameterValue]
    expected: Outcome


@dataclass(frozen=True, slots=True)
class Case:
    """One case; the first row is the case itself, under the file's own readings."""

    id: str
    rows: tuple[Row, ...]
    facts: WireFacts
    directives: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case file as read, with the dated data by which it is judged."""

    parameters: Mapping[str, ParameterValue]
    cases: tuple[Case, ...]
    law: LawData


@dataclass(frozen=True, slots=True)
class Asked:
    """A case as the decision is asked it."""

    scene: Scene
    policy: Policy
    at: datetime
    stale: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What was expected under a row, and what came out."""

    row: Row
    actual: Outcome
    grounds: tuple[Ground, ...]

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.actual is self.row.expected


def read_cases(text: str, name: str) -> CaseFile:
    """Read a file of the format `licet-cases/1`.

    Args:
        text: The file, JSON.
        name: What to call it in an error.

    Raises:
        InputError: it is no such file; the message names the case and the member.
    """
    try:
        file = msgspec.json.decode(text, type=WireFile)
        parameters_of(file.parameters)
        law = read_law({})
        cases = tuple(_read_case(raw, file.parameters, law) for raw in file.cases)
    except (LicetError, msgspec.MsgspecError) as err:
        raise InputError(f"`{name}` is not a case file: {_said(err)}", code="bad_case_file") from err
    twice = next((case.id for number, case in enumerate(cases) if case.id in {x.id for x in cases[:number]}), None)
    if twice is not None:
        raise InputError(f"`{name}` is not a case file: expected each case once, found `{twice}` twice")
    return CaseFile(file.parameters, cases, law)


def ask(case: Case, parameters: Parameters, law: LawData) -> Asked:
    """A case under given readings, as the decision is asked it.

    Raises:
        LicetError: the directives do not compile together.
    """
    at = instant(case.facts.at, "at")
    age, limit = case.facts.policy_bundle_age_s, case.facts.policy_bundle_max_age_s
    stale = age is not None and age > (parameters.policy_max_age_s if limit is None else limit)
    # Fresh for ever: whether the policy is too old is a fact of the case, not of a clock.
    policy = policy_of(case.directives, parameters, law, FOREVER)
    return Asked(scene_of(case.facts, parameters, _names(case.directives), law.holidays), policy, at, stale)


def examine(file: CaseFile, case: Case, readings: Mapping[str, ParameterValue]) -> tuple[Finding, ...]:
    """Put a case to the decision, once for each of its rows.

    Args:
        file: The file it is from.
        case: The case.
        readings: Replace the file's own parameters; a row's replace both.

    Raises:
        InputError: a reading is none of its parameter's values.
        LicetError: the directives do not compile together.
    """
    findings = []
    for row in case.rows:
        parameters = parameters_of({**file.parameters, **readings, **row.readings})
        asked = ask(case, parameters, file.law)
        decision = answer(asked.scene, asked.policy, asked.at, stale=asked.stale)
        grounds = decision.grounds if isinstance(decision, Refusal) else ()
        findings.append(Finding(row, decision.outcome, grounds))
    return tuple(findings)


def _read_case(raw: msgspec.Raw, parameters: Mapping[str, ParameterValue], law: LawData) -> Case:
    """Read a case whole, so that what it cannot mean is told before any case is decided."""
    try:
        wire = msgspec.json.decode(raw, type=WireCase)
        directives = _directives(wire.directives, law.groups)
        rows = (Row({}, wire.expected.outcome), *(Row(row.policy, row.outcome) for row in wire.policy_sensitivity))
        for row in rows:
            scene_of(wire.facts, parameters_of({**parameters, **row.readings}), _names(directives), law.holidays)
        instant(wire.facts.at, "at")
        model_of(wire.facts.model)
        for license_ in wire.facts.licenses:
            law.groups.union(license_.excluded_nationals_of)
    except (LicetError, msgspec.MsgspecError) as err:
        raise InputError(f"case `{_id(raw)}`: {_said(err)}") from err
    return Case(wire.id, rows, wire.facts, directives)


def _names(directives: tuple[Directive, ...]) -> frozenset[str]:
    return frozenset(directive.id for directive in directives)


def _directives(wires: tuple[WireDirective, ...], groups: CountryGroups) -> tuple[Directive, ...]:
    issuers = {wire.id: wire.issuer for wire in wires}
    found = tuple(_directive(wire, groups) for wire in wires)
    return tuple(_without_strange_successor(directive, issuers) for directive in found)


def _without_strange_successor(directive: Directive, issuers: Mapping[str, str]) -> Directive:
    """One agency's order does not end another's, whatever a case says of it."""
    successor = directive.superseded_by
    if successor is None or issuers.get(successor.by, directive.issuer) == directive.issuer:
        return directive
    return replace(directive, superseded_by=None)


def _directive(wire: WireDirective, groups: CountryGroups) -> Directive:
    """A directive's values; ids and items as the case writes them, which no directive file could."""
    place = f"directive `{wire.id}`, "
    if not wire.id.isprintable():
        # The id stands in a comment of the rules, which ends with its line.
        raise InputError("directives.id: expected an id on one line")
    effective_at = instant(wire.effective_at, place + "effective_at")
    persons = wire.persons
    if not isinstance(persons, str):
        groups.union(persons.nationals_of_groups)
    return Directive(
        id=DirectiveId(wire.id),
        issuer=wire.issuer,
        authority=tuple(part.strip() for part in wire.authority.split(";")),
        form=wire.form,
        status=wire.status,
        acts=wire.acts,
        items=tuple(map(ItemId, listed(wire.models))),
        persons=AllForeignPersons() if isinstance(persons, str) else NationalsOfGroups(persons.nationals_of_groups),
        exemptions=tuple(_exemption(one, place) for one in wire.exemptions),
        received_at=effective_at,
        effective_at=effective_at,
        comply_by=None,
        appeal_by=None,
        lifted_at=None if wire.lifted_at is None else instant(wire.lifted_at, place + "lifted_at"),
        superseded_by=None
        if wire.superseded_by is None
        else Supersession(
            DirectiveId(wire.superseded_by.id), instant(wire.superseded_by.at, place + "superseded_by.at")
        ),
        relations=(),
        disclosure=Disclosure.PUBLIC,
        public_text=None,
    )


def _exemption(wire: WireExemption, place: str) -> Exemption:
    return Exemption(
        items=frozenset(map(ItemId, wire.models)),
        organizations=frozenset(map(OrganizationId, wire.orgs)),
        covers=wire.covers,
        starts=instant(wire.starts, place + "exemptions.from"),
    )


def _id(raw: msgspec.Raw) -> str:
    """The id of a case that may not be one."""
    value: Any = msgspec.json.decode(raw)
    return str(value.get("id", "without an id")) if isinstance(value, dict) else "that is no object"


def _said(err: Exception) -> str:
    """What an error says, beginning in the lower case."""
    message = str(err)
    return message[:1].lower() + message[1:]
