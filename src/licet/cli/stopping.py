"""`licet stop`, `licet resume`, `licet status`: the emergency brake, and what is running."""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from licet.cli.instance import find_directory, find_instance, is_remote
from licet.cli.options import AsJson, Dir, UsageError
from licet.cli.output import members_table, print_json, print_table, rows_table, say, say_done
from licet.errors import UnavailableError

_PATIENCE_S = 0.5
"""How long a stop waits for the control plane before it does without."""

_Items = Annotated[list[str] | None, typer.Argument(metavar="[ITEM]...", help="Items, by id.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("stop")(stop)
    app.command("resume")(resume)
    app.command("status")(status)


def stop(
    items: _Items = None,
    everything: Annotated[bool, typer.Option("--all", help="Every item there is.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Take items offline for everybody, at once; without names, whatever a directive ever named."""
    if items and everything:
        raise UsageError("expected items or --all, found both")
    try:
        answer = find_instance(directory).post("/stop", {"items": items or [], "everything": everything}, _PATIENCE_S)
    except UnavailableError as err:
        if is_remote(directory):
            raise
        ordering = import_module("licet.cli.ordering")
        answer = ordering.order(find_directory(directory), items or [], everything=everything, why=err)
    if "record" in answer:
        say_done(answer, f"stopped for everybody: {', '.join(answer['result'])}", as_json=as_json)
    else:
        say(answer, *answer["notes"], as_json=as_json)


def resume(items: _Items = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Bring stopped items back; without names, all of them. Who may use them is decided as ever."""
    answer = find_instance(directory).post("/resume", {"items": items or []})
    say_done(answer, f"brought back: {', '.join(answer.get('result') or ()) or 'nothing was stopped'}", as_json=as_json)


def status(directory: Dir = None, as_json: AsJson = False) -> None:
    """Show items, stops, policy, and the answers that are being given."""
    answer: Mapping[str, Any] = find_instance(directory).get("/status")
    if as_json:
        print_json(answer)
        return
    tables = {name: value for name, value in answer.items() if _is_table(value)}
    print_table(members_table({name: value for name, value in answer.items() if name not in tables}))
    for name, rows in tables.items():
        say(None, "", name.replace("_", " "), as_json=False)
        print_table(rows_table(rows, dict.fromkeys(member for row in rows for member in row)))


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)
