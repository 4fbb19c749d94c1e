"""`licet explain`: what a request would be answered now, and why."""

from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_json
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say
from licet.cli.tables import members_table, print_table, rows_table


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("explain")(explain)


def explain(
    file: Annotated[
        Path,
        typer.Argument(metavar="REQUEST.json", help="model, and party, or organization and serves; act if metadata."),
    ],
    binding: Annotated[
        str | None, typer.Option("--binding", help="as if the caller were bound so: bearer, dpop or mtls.")
    ] = None,
    place: Annotated[
        str | None, typer.Option("--place", help="as if the request came from there: an ISO country code.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Explain what a request would be answered now, to an officer. Nothing is recorded or released."""
    question = read_json(file)
    stated = {"binding": binding, "place": place}
    question |= {name: value for name, value in stated.items() if value is not None}
    answer = find_instance(directory).post("/explain", question)
    if as_json:
        print_json(answer)
        return
    lists = {name: answer.pop(name, []) for name in ("requirements", "grounds", "remedies")}
    print_table(members_table(answer))
    for name, rows in lists.items():
        if rows:
            say(None, "", name, as_json=False)
            print_table(rows_table(rows, dict.fromkeys(member for row in rows for member in row)))
