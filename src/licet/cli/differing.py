"""What two directives, or two sets of readings, answer differently: the work of `licet directive diff`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from licet.cli.files import read_text
from licet.cli.instance import find_directory, is_named
from licet.cli.output import print_json, say
from licet.cli.policies import (
    bundle_of_files,
    bundle_of_instance,
    empty_bundle,
    instant,
    read_directive,
    with_documents,
    with_readings,
)
from licet.cli.proving import progress
from licet.cli.reading import read_noted
from licet.cli.tables import print_table, rows_table
from licet.cli.usage import UsageError
from licet.directives import PolicyBundle, compile_policy, from_document
from licet.directives.document import read_document
from licet.errors import ConfigurationError, InputError, NotFoundError, TrustError
from licet.logwriter import LogReader, StoredRow, database_path
from licet.proofs import DiffReport, Touched, diff, touched
from licet.records import RecordKind

_NAMES = {
    "newly_permitted": "newly permitted",
    "newly_refused": "newly refused",
    "newly_needs_evidence": "newly needing evidence",
    "refused_otherwise": "refused for another reason",
}


class _Format(StrEnum):
    """What may be compared, each with its own kind."""

    DIRECTIVE = "licet-directive/1"
    PARAMETERS = "licet-parameters/1"


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two things compared: a directive's document, or readings."""

    name: str
    format: _Format
    value: Mapping[str, Any]


def compare(
    before: str,
    after: str,
    *,
    policy: Sequence[Path],
    at: str | None,
    log: Path | None,
    directory: Path | None,
    as_json: bool,
) -> None:
    """Compare, and print what was found."""
    base = _base(policy, directory)
    first, second = _read_side(before, base), _read_side(after, base)
    if first.format is not second.format:
        raise InputError(
            f"expected two of one format, found `{first.format}` in `{before}` and `{second.format}` in `{after}`",
            code="different_formats",
        )
    when, bundles = _bundles(first, second, base, at)
    with progress("comparing") as watch:
        report = diff(compile_policy(bundles[0]), compile_policy(bundles[1]), when, watch)
    history = _history(report, log, directory)
    if as_json:
        print_json({**report.as_value(), "recorded_decisions": None if history is None else history.as_value()})
    else:
        _show(report, history)


def _base(policy: Sequence[Path], directory: Path | None) -> PolicyBundle | None:
    """The policy within which the two are compared; None where nothing names one."""
    if policy:
        return bundle_of_files(policy, instant(None))
    return bundle_of_instance(directory) if is_named(directory) else None


def _read_side(text: str, base: PolicyBundle | None) -> _Side:
    path = Path(text)
    if not path.is_file():
        return _Side(text, _Format.DIRECTIVE, _active(text, base))
    value = read_document(read_text(path), text).value
    named = value.get("format") if isinstance(value, dict) else None
    if named == _Format.DIRECTIVE:
        return _Side(text, _Format.DIRECTIVE, read_directive(path, base or empty_bundle(instant(None))))
    if named != _Format.PARAMETERS or not isinstance(value, dict):
        known = ", ".join(f"`{each}`" for each in _Format)
        raise InputError(
            f"expected `{text}` to be of one of the formats {known}, found `{named}`", code="unknown_format"
        )
    readings = value.get("parameters")
    if set(value) != {"format", "parameters"} or not isinstance(readings, dict):
        raise InputError(
            f"expected `{text}` to hold `format` and `parameters` with their values", code="bad_parameters"
        )
    return _Side(text, _Format.PARAMETERS, readings)


def _active(name: str, base: PolicyBundle | None) -> Mapping[str, Any]:
    if base is None:
        raise UsageError(f"expected a file, found none at `{name}`; for an active directive's id give --dir DIR")
    for document in base.documents:
        if document["id"] == name:
            return document
    raise NotFoundError(f"expected a file or an active directive, found `{name}`", code="unknown_directive")


def _bundles(
    first: _Side, second: _Side, base: PolicyBundle | None, at: str | None
) -> tuple[datetime, tuple[PolicyBundle, PolicyBundle]]:
    """When both are asked, and the two policies."""
    if first.format is _Format.PARAMETERS:
        if base is None:
            raise UsageError("readings are compared over a policy: give --dir DIR or --policy FILE")
        when = instant(at)
        return when, (with_readings(base, first.value, when), with_readings(base, second.value, when))
    one, other = (_as_if_in_force(first, second), _as_if_in_force(second, first))
    when = max(_starts(one), _starts(other)) if at is None else instant(at)
    terms = base or empty_bundle(when)
    return when, (with_documents(terms, (one,)), with_documents(terms, (other,)))


def _as_if_in_force(side: _Side, other: _Side) -> Mapping[str, Any]:
    """A draft as if confirmed, and a directive as if the other had not yet taken its place."""
    document = dict(side.value)
    if document["status"] == "draft":
        document["status"] = "confirmed"
    successor = document.get("superseded_by")
    if successor is not None and successor["id"] == other.value["id"]:
        document["superseded_by"] = None
    return document


def _starts(document: Mapping[str, Any]) -> datetime:
    """From when on the directive and each of its exemptions is in force."""
    directive = from_document(document)
    return max((directive.effective_at, *(exemption.starts for exemption in directive.exemptions)))


def _history(report: DiffReport, log: Path | None, directory: Path | None) -> Touched | None:
    """How many recorded decisions would be touched; None where there is no log at hand."""

    def find(reader: LogReader) -> Touched:
        decisions = (row for row in reader.entries() if row.kind == RecordKind.DECISION)
        return touched(report, (_body(reader, row) for row in decisions))

    if log is None:
        try:
            if not database_path(find_directory(directory)).is_file():
                return None
        except UsageError:
            return None
    return read_noted(log, directory, "record.read", {"of": "decisions that a draft would touch"}, find)


def _body(reader: LogReader, row: StoredRow) -> Mapping[str, Any] | None:
    """What a record says; None where it is damaged, erased or cannot be opened, which hides no other."""
    try:
        return reader.open(row).body
    except (InputError, NotFoundError, TrustError, ConfigurationError):
        return None


def _show(report: DiffReport, history: Touched | None) -> None:
    counts = None if history is None else history.as_value()
    rows = [
        {
            "difference": _NAMES[difference.kind],
            "canonical_requests": difference.requests,
            "items": list(difference.items),
            "recorded_decisions": "no log" if counts is None else counts[difference.kind.value],
        }
        for difference in report.differences
    ]
    print_table(rows_table(rows, ("difference", "canonical_requests", "items", "recorded_decisions")))
    say(None, *_sentences(report, history), as_json=False)


def _sentences(report: DiffReport, history: Touched | None) -> Iterator[str]:
    for difference in report.differences:
        if difference.examples:
            yield f"{_NAMES[difference.kind]}, for example:"
            yield from (f"  {example.words}" for example in difference.examples)
    yield "only narrows: " + ("yes" if report.only_narrows else "no")
    for rules in report.changed_rules:
        yield f"the table of {rules} is another"
    for note in report.dead:
        yield f"the rule `{note.rule}` never fires"
    for note in report.shadowed:
        yield f"the rule `{note.rule}` is shadowed by {', '.join(note.shadowed_by)}"
    if history is not None:
        yield f"recorded decisions: {history.same:,} would be the same; of {history.unknown:,} it is unknown"
    yield f"asked {report.requests:,} canonical requests about {report.items} items; docs/proof.md says which"
