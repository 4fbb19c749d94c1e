"""`licet drill`: play what a letter would ask of everybody, on a copy, and time it."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from licet.cli.instance import find_directory
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say
from licet.cli.tables import print_table, rows_table
from licet.demo.drill import Wish, run_drill

_COLUMNS = ("step", "took_s", "since_letter_s", "what", "held")


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("drill")(drill)


def drill(
    item: Annotated[
        str | None, typer.Option(metavar="ITEM", help="What the letter is about; an item that is served if not given.")
    ] = None,
    letter: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A directive file, instead of one for all foreign persons.")
    ] = None,
    streams: Annotated[int, typer.Option(min=3, max=2000, help="Answers being given when the letter comes.")] = 60,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse a letter on a copy of the configuration: stop, prove, activate, return. Exit 1 if a step fails."""
    found = find_directory(directory)
    with Console(file=sys.stderr).status("a drill") as status:
        report = run_drill(found, Wish(item, letter, streams), lambda step: status.update(f"drill: {step}"))
    if as_json:
        print_json(report)
    else:
        print_table(rows_table(report["steps"], _COLUMNS))
        say(None, *_sentences(report), as_json=False)
    if not report["held"]:
        raise typer.Exit(1)


def _sentences(report: Mapping[str, Any]) -> Iterator[str]:
    if report["cut_p99_s"] is not None:
        median, p99 = report["cut_median_s"], report["cut_p99_s"]
        yield f"from typing `licet stop` to the error event: median {median:.3f} s, 99 in 100 within {p99:.3f} s"
    if report["lawful_back_s"] is not None:
        yield f"the first lawful caller was back {report['lawful_back_s']:.1f} s after the letter; the limit is 90 min"
    yield "every step held" if report["held"] else "a step DID NOT HOLD"
    yield "a drill on a copy: made-up callers, a stand-in for the models; people take longer than commands"
