"""`licet test`: put case files to the decision and compare. It needs no instance and no network."""

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from licet.cli.files import read_text
from licet.cli.options import AsJson
from licet.cli.output import print_json, say, spell
from licet.cli.usage import UsageError
from licet.decisions import Case, CaseFile, Finding, Ground, ParameterValue, examine, read_cases
from licet.directives import read_value

_LONG = 200
_MISMATCHED = 1


class Format(StrEnum):
    """How the result is printed."""

    TEXT = "text"
    JSON = "json"


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("test")(run_cases)


def run_cases(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Case files of the format licet-cases/1.")],
    format_: Annotated[Format, typer.Option("--format", help="Sentences, or one JSON object.")] = Format.TEXT,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A reading instead of the file's; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide every case and every row of it; exit with 1 if an answer is another than expected."""
    readings = dict(map(_reading, parameter or ()))
    files = [read_cases(read_text(path), str(path)) for path in paths]
    results = list(_run(files, readings))
    failed = sum(not all(finding.holds for finding in findings) for _, findings in results)
    if as_json or format_ is Format.JSON:
        cases = [_as_value(case, findings) for case, findings in results]
        print_json({"passed": len(results) - failed, "failed": failed, "cases": cases})
    else:
        for case, findings in results:
            say(None, *_mismatches(case, findings), as_json=False)
        rows = sum(len(findings) - 1 for _, findings in results)
        say(None, f"{len(results) - failed} passed, {failed} failed, with {rows} rows of other readings", as_json=False)
    if failed:
        raise typer.Exit(_MISMATCHED)


def _reading(text: str) -> tuple[str, ParameterValue]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"expected --parameter NAME=VALUE, found `{text}`")
    read_value(name, value)
    return name, value


def _run(files: Iterable[CaseFile], readings: dict[str, ParameterValue]) -> Iterator[tuple[Case, tuple[Finding, ...]]]:
    """Decide every case, with a bar on the error channel where somebody may be waiting."""
    pairs = [(file, case) for file in files for case in file.cases]
    console = Console(file=sys.stderr)
    quiet = not (sys.stderr.isatty() and len(pairs) >= _LONG)
    for file, case in track(pairs, "cases", console=console, disable=quiet, transient=True):
        yield case, examine(file, case, readings)


def _mismatches(case: Case, findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.holds:
            continue
        under = f" under {spell(finding.row.readings)}" if finding.row.readings else ""
        yield f"{case.id}{under}: expected {finding.row.expected}, found {finding.actual}"
        for ground in finding.grounds:
            yield f"  {ground.rule} [{ground.citation}]: {ground.text}"


def _as_value(case: Case, findings: tuple[Finding, ...]) -> dict[str, Any]:
    first, *rows = findings
    value = {"id": case.id, **_answer(first)}
    return {**value, "rows": [{"policy": row.row.readings, **_answer(row)} for row in rows]} if rows else value


def _answer(finding: Finding) -> dict[str, Any]:
    return {
        "expected": finding.row.expected,
        "actual": finding.actual,
        "grounds": [_ground(ground) for ground in finding.grounds],
    }


def _ground(ground: Ground) -> dict[str, str]:
    """Whoever runs a case has its facts and may read every ground."""
    return {"rule": ground.rule, "citation": ground.citation, "text": ground.text}
