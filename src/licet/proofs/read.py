"""Read invariants from their files, strictly: what cannot be checked must not look as if it were."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from licet.directives import READINGS
from licet.directives.facts import members
from licet.errors import InputError
from licet.proofs.circumstances import LABELS
from licet.proofs.invariant import (
    CLAIMS_ABOUT,
    RECORD_NAMES,
    About,
    Built,
    Change,
    ChangeKind,
    Cited,
    Claim,
    CompletionsDecide,
    Condition,
    DisclosedTo,
    Invariant,
    Joined,
    JoinLaw,
    Never,
    OutcomeIs,
    StructureLaw,
    Turning,
)
from licet.terms import Disclosure, Outcome

FORMAT = "licet-invariants/1"
_EVERY = "every"


class _WireTurning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fact: str
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    never: Never = Never.HEAVIER


class _WireChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: ChangeKind
    never: Never


class _WireClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one member is given."""

    outcome: tuple[Outcome, ...] | None = None
    turning: _WireTurning | None = None
    completions: Literal["decide"] | None = None
    grounds: Literal["cited"] | None = None
    disclosure: tuple[Disclosure, ...] | None = None
    join: JoinLaw | None = None
    change: _WireChange | None = None
    built: StructureLaw | None = None


class _WireInvariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sentence: str
    citation: str
    about: About
    claim: _WireClaim
    records: tuple[str, ...] = ()
    parameters: dict[str, tuple[Any, ...]] = {}
    where: dict[str, tuple[str, ...]] = {}
    either: dict[str, tuple[str, ...]] = {}


class _WireFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["licet-invariants/1"]
    invariant: tuple[dict[str, Any], ...]


@cache
def shipped_invariants() -> tuple[Invariant, ...]:
    """The invariants that this version ships."""
    folder = files("licet.proofs").joinpath("invariants")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return together(read_invariants(folder.joinpath(name).read_text(encoding="utf-8"), name) for name in names)


def read_invariants(text: str, name: str) -> tuple[Invariant, ...]:
    """Read a file of invariants.

    Args:
        text: The file, TOML.
        name: What to call it in an error.

    Raises:
        InputError: it is no such file; the message names the file, the invariant and the field.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _WireFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as err:
        raise _wrong(f"`{name}`: {err}") from err
    return together([tuple(_read(value, f"`{name}`, invariant {n}") for n, value in enumerate(file.invariant, 1))])


def together(parts: Iterable[tuple[Invariant, ...]]) -> tuple[Invariant, ...]:
    """Several files as one.

    Raises:
        InputError: two invariants have one name.
    """
    found: dict[str, Invariant] = {}
    for invariant in (each for part in parts for each in part):
        if invariant.name in found:
            raise _wrong(f"expected each invariant once, found `{invariant.name}` twice")
        found[invariant.name] = invariant
    return tuple(found.values())


def _read(value: Mapping[str, Any], place: str) -> Invariant:
    if isinstance(value.get("name"), str):
        place = f"{place} (`{value['name']}`)"
    try:
        wire = msgspec.convert(value, _WireInvariant)
    except msgspec.ValidationError as err:
        raise _wrong(f"{place}: {err}") from err
    for field in ("name", "sentence", "citation"):
        if not getattr(wire, field).strip():
            raise _wrong(f"{place}: expected text in `{field}`, found none")
    records = tuple(RECORD_NAMES) if wire.records == (_EVERY,) else wire.records
    vocabularies = _vocabularies(wire.about, records, place)
    return Invariant(
        name=wire.name,
        sentence=wire.sentence,
        citation=wire.citation,
        about=wire.about,
        records=records,
        parameters=_parameters(wire, place),
        where=_condition(wire.where, vocabularies, f"{place}: where"),
        either=_condition(wire.either, vocabularies, f"{place}: either"),
        claim=_claim(wire, vocabularies, f"{place}: claim"),
    )


def _vocabularies(about: About, records: Sequence[str], place: str) -> list[Mapping[str, type[StrEnum]]]:
    """The facts that may be named, and their values: those of each record, of circumstances, or of verdicts."""
    if (about is About.REQUIREMENTS) != bool(records):
        raise _wrong(f"{place}: expected `records` where it is about `requirements`, and only there")
    for record in records:
        if record not in RECORD_NAMES:
            known = ", ".join((_EVERY, *RECORD_NAMES))
            raise _wrong(f"{place}: expected `records` from {known}, found `{record}`")
    match about:
        case About.REQUIREMENTS:
            return [members(RECORD_NAMES[record]) for record in records]
        case About.JOIN:
            return [{"verdict": Outcome}]
        case About.ANSWERS | About.CHANGES:
            return [LABELS]
        case About.POLICY:
            return [{}]


def _condition(
    wire: Mapping[str, tuple[str, ...]], vocabularies: Sequence[Mapping[str, type[StrEnum]]], place: str
) -> Condition:
    for fact, values in wire.items():
        if not values:
            raise _wrong(f"{place}: expected a value of `{fact}`, found none")
        for value in values:
            _require_value(fact, value, vocabularies, place)
    return tuple((fact, frozenset(values)) for fact, values in wire.items())


def _require_value(fact: str, value: str, vocabularies: Sequence[Mapping[str, type[StrEnum]]], place: str) -> None:
    for vocabulary in vocabularies:
        if fact not in vocabulary:
            known = ", ".join(vocabulary) or "none"
            raise _wrong(f"{place}: expected a fact that exists ({known}), found `{fact}`")
        if value not in set(vocabulary[fact]):
            known = ", ".join(vocabulary[fact])
            raise _wrong(f"{place}: expected `{fact}` to be one of {known}, found `{value}`")


def _parameters(wire: _WireInvariant, place: str) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    if wire.parameters and wire.about not in {About.ANSWERS, About.CHANGES}:
        raise _wrong(f"{place}: expected `parameters` only where it is about answers or changes")
    for name, values in wire.parameters.items():
        if name not in READINGS:
            raise _wrong(f"{place}: expected a parameter that exists, found `{name}`")
        for value in values:
            allowed = READINGS[name].values
            # `True == 1`, so a range would take a boolean for a number.
            if value not in allowed or isinstance(value, bool) != (isinstance(allowed, tuple) and True in allowed):
                raise _wrong(f"{place}: expected a value of the parameter `{name}`, found `{value}`")
    return tuple(wire.parameters.items())


def _claim(wire: _WireInvariant, vocabularies: Sequence[Mapping[str, type[StrEnum]]], place: str) -> Claim:
    claims = list(_claims(wire.claim))
    if len(claims) != 1:
        raise _wrong(f"{place}: expected exactly one claim, found {len(claims)}")
    claim: Claim = claims[0]
    if type(claim) not in CLAIMS_ABOUT[wire.about]:
        raise _wrong(f"{place}: expected a claim that can be made about `{wire.about}`, found another")
    if isinstance(claim, Turning):
        for value in (claim.start, claim.end):
            _require_value(claim.fact, value, vocabularies, f"{place}.turning")
    return claim


def _claims(wire: _WireClaim) -> Iterable[Claim]:
    if wire.outcome is not None:
        yield OutcomeIs(frozenset(wire.outcome))
    if wire.turning is not None:
        yield Turning(wire.turning.fact, wire.turning.start, wire.turning.end, wire.turning.never)
    if wire.completions is not None:
        yield CompletionsDecide()
    if wire.grounds is not None:
        yield Cited()
    if wire.disclosure is not None:
        yield DisclosedTo(frozenset(wire.disclosure))
    if wire.join is not None:
        yield Joined(wire.join)
    if wire.change is not None:
        yield Change(wire.change.kind, wire.change.never)
    if wire.built is not None:
        yield Built(wire.built)


def _wrong(message: str) -> InputError:
    return InputError(message, code="bad_invariant")
