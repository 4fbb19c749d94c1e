"""`licet standing`: what evidence has established, and the end of it."""

from typing import Annotated

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done
from licet.cli.tables import show_rows
from licet.cli.wire import segment

_Party = Annotated[str, typer.Argument(metavar="PARTY", help="The person's pseudonym.")]
_Standing = Annotated[str, typer.Argument(metavar="STANDING", help="The standing's id; see `licet standing list`.")]
_Reason = Annotated[str, typer.Option(help="Why, in one sentence; it is on record.")]
_COLUMNS = ("id", "kind", "issuer", "facts", "verified_at", "not_after", "recheck_at", "withdrawn_at", "withdrawal")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="What evidence has established about a person.")
    group.command("list")(list_all)
    group.command("withdraw")(withdraw)
    group.command("clear")(clear)
    app.add_typer(group, name="standing")


def list_all(party: _Party, directory: Dir = None, as_json: AsJson = False) -> None:
    """List what evidence has established about a person, also what counts no longer."""
    rows = find_instance(directory).get(f"/parties/{segment(party)}")["standings"]
    shown = [{name: row.get(name) for name in _COLUMNS} for row in rows]
    show_rows(rows if as_json else shown, _COLUMNS, as_json=as_json, none=f"nothing is established about {party}")


def withdraw(
    party: _Party, standing: _Standing, reason: _Reason, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Believe a standing no longer. A nationality that it showed still counts against the person."""
    path = f"/parties/{segment(party)}/standings/{segment(standing)}/withdraw"
    answer = find_instance(directory).post(path, {"reason": reason})
    say_done(answer, f"believed no longer: {standing}", as_json=as_json)


def clear(party: _Party, standing: _Standing, reason: _Reason, directory: Dir = None, as_json: AsJson = False) -> None:
    """Find that a standing was an error: nothing of it stays, also not what it showed against the person."""
    path = f"/parties/{segment(party)}/standings/{segment(standing)}/clear"
    answer = find_instance(directory).post(path, {"reason": reason})
    say_done(answer, f"cleared: {standing}", as_json=as_json)
