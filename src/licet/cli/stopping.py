"""`licet stop`, `licet resume`, `licet status`: the emergency brake, and what is running."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.braking import Brake, pull
from licet.cli.instance import find_directory, find_instance, is_remote
from licet.cli.options import AsJson, Dir
from licet.cli.output import complain, print_json, say, say_done
from licet.cli.tables import members_table, print_table, rows_table
from licet.errors import UnavailableError

_STATUS_PATIENCE_S = 4.0

_Items = Annotated[list[str] | None, typer.Argument(metavar="[ITEM]...", help="Items, by id.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("stop")(stop)
    app.command("resume")(resume)
    app.command("status")(status)


def stop(
    items: _Items = None,
    everything: Annotated[bool, typer.Option("--all", help="Every item there is.")] = False,
    drain: Annotated[
        int,
        typer.Option(
            min=0,
            max=600,
            metavar="SECONDS",
            help="Let answers that are being given go on for as long; nothing new is.",
        ),
    ] = 0,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Take items offline for everybody, at once; without names, whatever a directive ever named."""
    pull(Brake(items or [], everything, directory, as_json, drain))


def resume(items: _Items = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Bring stopped items back; without names, all of them. Who may use them is decided as ever."""
    answer = find_instance(directory).post("/resume", {"items": items or []})
    say_done(answer, f"brought back: {', '.join(answer.get('result') or ()) or 'nothing was stopped'}", as_json=as_json)


def status(directory: Dir = None, as_json: AsJson = False) -> None:
    """Show items, stops, policy, workers, and the answers that are being given.

    It exits with 1 where the control process does not answer; what the files tell is shown all the same.
    """
    why: UnavailableError | None = None
    try:
        answer: Mapping[str, Any] = find_instance(directory).get("/status", _STATUS_PATIENCE_S)
    except UnavailableError as err:
        if is_remote(directory) or not (find_directory(directory) / "run" / "processes.json").exists():
            raise
        why, answer = err, _told_by_files(find_directory(directory))
    _show(answer, as_json=as_json)
    if why is not None:
        complain(why, as_json=as_json)
        raise typer.Exit(1)


def _told_by_files(directory: Path) -> Mapping[str, Any]:
    offline, places = import_module("licet.app.offline"), import_module("licet.app.places")
    shown: Mapping[str, Any] = offline.offline_status(
        places.Places(directory), import_module("licet.fleet").Clock().now()
    )
    return shown


def _show(answer: Mapping[str, Any], *, as_json: bool) -> None:
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
