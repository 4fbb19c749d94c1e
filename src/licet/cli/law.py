"""`licet law`: the dated data of the law that decisions read."""

import json
from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_text
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Despite, Dir
from licet.cli.output import print_json, say_done
from licet.cli.tables import show_rows
from licet.cli.wire import segment
from licet.errors import NotFoundError

_Name = Annotated[str, typer.Argument(metavar="NAME", help="country_groups, holidays or listing_rules.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Dated data of the law: country groups, listing rules, legal holidays.")
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("update")(update)
    app.add_typer(group, name="law")


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the documents, with the day as of which each stands."""
    show_rows(find_instance(directory).get("/law"), ("name", "as_of", "shipped"), as_json=as_json)


def show(name: _Name, directory: Dir = None, as_json: AsJson = False) -> None:
    """Print one document as JSON: what an update must look like."""
    for row in find_instance(directory).get("/law"):
        if row["name"] == name:
            if as_json:
                print_json(row["document"])
            else:
                typer.echo(_pretty(row["document"]))
            return
    raise NotFoundError(f"expected a document of `licet law list`, found `{name}`", code="unknown_law")


def update(
    name: _Name,
    file: Annotated[Path, typer.Argument(help="The newer document, JSON.")],
    despite: Despite = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Put a newer document in place. Directives in force are compiled against it first."""
    body = {"text": read_text(file), "despite_proof": despite}
    answer = find_instance(directory).post(f"/law/{segment(name)}", body)
    say_done(answer, f"updated {name}", as_json=as_json)


def _pretty(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)
