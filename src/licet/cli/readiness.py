"""`licet readiness`: what a letter would leave of last week's use, and what is back since one came."""

import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from licet.cli.instance import Instance, find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say
from licet.cli.tables import print_table, rows_table
from licet.cli.usage import UsageError

_MEASURES = ("requests", "callers", "tokens")
_FATES = ("kept", "to_show", "barred", "stopped")
_COLUMNS = ("measure", "all", *_FATES, "lawful_share")
_BY = ("requests", "kept", "to_show", "barred", "stopped", "lawful_share")
_WORDS = {
    "shown_not_foreign": "evidence: not a foreign person",
    "shown_foreign": "evidence: a foreign person",
    "shown_unsettled": "evidence that settles nothing",
    "lapsed": "evidence that has lapsed",
    "nothing_shown": "no evidence",
    "organization_checked": "a checked organization's machines",
    "organization_not_checked": "machines of an organization not checked",
}
# A week's use of a million callers is judged anew for an answer.
_PATIENCE_S = 600.0


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("readiness")(readiness)


def readiness(
    item: Annotated[
        list[str] | None, typer.Option(metavar="ITEM", help="What a letter would be about; all that was used if none.")
    ] = None,
    curve: Annotated[bool, typer.Option("--curve", help="What is back since each directive began, instead.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """If a letter came now: how much of last week's use could be kept. Estimates decide nothing."""
    if item and curve:
        raise UsageError("expected --item or --curve: a curve is of what its directive names")
    instance = find_instance(directory)
    path = "/returns" if curve else "/readiness?" + "&".join(f"item={quote(name, safe='')}" for name in item or [])
    found = _asked(instance, path)
    if as_json:
        print_json(found)
    elif curve:
        _show_curves(found)
    else:
        _show(found)


def _asked(instance: Instance, path: str) -> Any:
    with Console(file=sys.stderr).status("judging a week's use"):
        return instance.get(path, _PATIENCE_S)


def _show(found: Mapping[str, Any]) -> None:
    if not found["all"]["requests"]:
        say(None, f"nothing was used since {found['since']}", as_json=False)
        return
    say(None, "if a letter came now that reached every foreign person, of the last week's use:", as_json=False)
    print_table(rows_table(_measures(found), _COLUMNS))
    print_table(rows_table((_row("item", one["item"], one) for one in found["items"]), ("item", *_BY)))
    evidence = (_row("evidence", _WORDS[one["evidence"]], one) for one in found["evidence"])
    print_table(rows_table(evidence, ("evidence", *_BY)))
    say(None, *_notes(), as_json=False)


def _measures(found: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for name in _MEASURES:
        told = {fate: found[fate][name] for fate in ("all", *_FATES)}
        yield {"measure": name, **told, "lawful_share": _percent(found["lawful_share"][name])}


def _row(name: str, of: str, one: Mapping[str, Any]) -> dict[str, object]:
    fates = {fate: one[fate]["requests"] for fate in _FATES}
    share = _percent(one["lawful_share"]["requests"])
    return {name: of, "requests": one["all"]["requests"], **fates, "lawful_share": share}


def _notes() -> Iterator[str]:
    yield "kept: would be served as before; to show: would be asked who they are; barred: known not to be permitted"
    yield "lawful share: kept, of all that is not known to be barred: the least that it can be"


def _show_curves(curves: list[Mapping[str, Any]]) -> None:
    if not curves:
        say(None, "no directive has begun while use was counted", as_json=False)
    for found in curves:
        say(None, f"{found['directive']}, since {found['began']}: the least share of lawful use back", as_json=False)
        marks = [{"after": _span(mark["after_minutes"]), **_shares(mark["lawful_share"])} for mark in found["marks"]]
        now = {"after": "now", **_shares(found["now"]["lawful_share"])}
        print_table(rows_table([*marks, now], ("after", *_MEASURES)))


def _shares(share: Mapping[str, float | None] | None) -> dict[str, str | None]:
    return {name: None if share is None else _percent(share[name]) for name in _MEASURES}


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _span(minutes: int) -> str:
    return f"{minutes} min" if minutes % 60 else f"{minutes // 60} h"
