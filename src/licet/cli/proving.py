"""`licet prove`: what holds of a policy, whoever asks."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from licet.cli.files import read_text
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say
from licet.cli.policies import (
    bundle_of_files,
    bundle_of_instance,
    instant,
    readings_typed,
    with_readings,
)
from licet.cli.tables import print_table, rows_table
from licet.directives import compile_policy
from licet.proofs import Finding, Invariant, ProofReport, Result, prove, read_invariants, shipped_invariants, together

_BROKEN = 1
_WHOLE = 100.0
_SAID = {
    Result.HOLDS: "holds",
    Result.FAILS: "FAILS",
    Result.NOT_SAID: "not said here",
    Result.NOT_TRIED: "not tried",
}


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("prove")(prove_policy)


def prove_policy(
    invariants: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file of invariants beside those that are shipped; may be repeated."),
    ] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A directive file, instead of an instance's policy; may be repeated."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A reading instead of the policy's; may be repeated."),
    ] = None,
    at: Annotated[str | None, typer.Option(help="As of an instant; now if not given.", show_default=False)] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Check every invariant over every combination of facts it speaks of; exit with 1 if one fails."""
    when = instant(at)
    bundle = bundle_of_files(policy, when) if policy else bundle_of_instance(directory)
    bundle = with_readings(bundle, readings_typed(parameter or ()), when)
    wanted = _wanted(invariants or [])
    started = time.monotonic()
    with progress("proving") as watch:
        report = prove(compile_policy(bundle), wanted, when, watch=watch)
    seconds = time.monotonic() - started
    if as_json:
        print_json(
            {**report.as_value(), "digest": report.digest, "holds": report.holds, "milliseconds": int(seconds * 1000)}
        )
    else:
        _show(report, seconds)
    if not report.holds:
        raise typer.Exit(_BROKEN)


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on the error channel, where somebody may be waiting."""
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=_WHOLE)
        yield lambda share: bar.update(task, completed=share * _WHOLE)


def _wanted(paths: list[Path]) -> tuple[Invariant, ...]:
    return together([shipped_invariants(), *(read_invariants(read_text(path), str(path)) for path in paths)])


def _show(report: ProofReport, seconds: float) -> None:
    print_table(rows_table(map(_row, report.findings), ("invariant", "result", "combinations", "sentence")))
    for finding in report.findings:
        if finding.standing is not Result.HOLDS:
            say(None, *_explained(finding), as_json=False)
    for note in report.dead:
        say(None, f"the rule `{note.rule}` never fires", as_json=False)
    for note in report.shadowed:
        others = ", ".join(f"`{each}`" for each in note.shadowed_by)
        say(None, f"the rule `{note.rule}` fires only where {others} says as much", as_json=False)
    failed = len(report.failures)
    what = "every one holds" if report.holds else f"{failed} fail{'s' if failed == 1 else ''}"
    say(
        None,
        f"{len(report.findings)} invariants over {report.combinations:,} rows of {report.requirements} tables "
        f"and {report.circumstances:,} canonical requests in {seconds:.2f} s: {what}",
        f"digest: {report.digest}",
        as_json=False,
    )


def _row(finding: Finding) -> dict[str, object]:
    return {
        "invariant": finding.invariant.name,
        "result": _SAID[finding.standing]
        if finding.combinations or finding.standing is not Result.HOLDS
        else "nothing to try",
        "combinations": finding.combinations,
        "sentence": finding.invariant.sentence,
    }


def _explained(finding: Finding) -> Iterator[str]:
    yield f"{finding.invariant.name} [{finding.invariant.citation}]: {_SAID[finding.standing]}"
    if finding.counterexample is not None:
        yield f"  {finding.counterexample.words}"
    if finding.reason:
        yield f"  {finding.reason}"
