"""`licet parameter`: counsel's readings."""

from typing import Annotated

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Despite, Dir
from licet.cli.output import say_done, spell
from licet.cli.tables import show_rows
from licet.cli.wire import segment


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Counsel's readings of what the law leaves open.")
    group.command("set")(set_value)
    group.command("list")(list_all)
    app.add_typer(group, name="parameter")


def set_value(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    value: Annotated[str, typer.Argument(metavar="VALUE")],
    reason: Annotated[str, typer.Option(help="One sentence that may be produced to an agency or a court.")],
    despite: Despite = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Set a reading; it takes effect at once, for answers that are running too."""
    body = {"value": value, "reason": reason, "despite_proof": despite}
    answer = find_instance(directory).post(f"/parameters/{segment(name)}", body)
    say_done(answer, f"{name} is now {spell(answer.get('result', {}).get('value'))}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List every reading, its question, and who set it and why."""
    rows = find_instance(directory).get("/parameters")
    show_rows(rows, ("name", "value", "question", "set_by", "set_at", "reason"), as_json=as_json)
