"""`licet item`: the models that the gate knows."""

from typing import Annotated

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done, show_rows


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The models that the gate knows.")
    group.command("add")(add)
    group.command("list")(list_all)
    app.add_typer(group, name="item")


def add(
    item: Annotated[str, typer.Argument(metavar="ID", help="The name by which callers ask for the model.")],
    upstream: Annotated[str, typer.Option(help="Who serves it: an upstream of licet.toml.")],
    alias: Annotated[list[str] | None, typer.Option(help="Another name that means exactly it.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Put a model into the catalogue."""
    body = {"id": item, "aliases": alias or [], "upstream": upstream}
    answer = find_instance(directory).post("/items", body)
    say_done(answer, f"added {item}, served by {upstream}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the catalogue."""
    rows = find_instance(directory).get("/items")
    show_rows(rows, ("id", "aliases", "upstream", "added_at"), as_json=as_json, none="the catalogue is empty")
