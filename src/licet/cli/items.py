"""`licet item`: the models that the gate knows."""

from typing import Annotated

import typer

from licet.app.config import read_config
from licet.cli.instance import find_directory, find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say, say_done
from licet.cli.provider import models_of
from licet.cli.tables import show_rows
from licet.errors import InputError
from licet.items import Kinship


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="The models that the gate knows.")
    group.command("add")(add)
    group.command("import")(import_all)
    group.command("list")(list_all)
    app.add_typer(group, name="item")


def add(
    item: Annotated[str, typer.Argument(metavar="ID", help="The name by which callers ask for the model.")],
    upstream: Annotated[str, typer.Option(help="Who serves it: an upstream of licet.toml.")],
    alias: Annotated[list[str] | None, typer.Option(help="Another name that means exactly it.")] = None,
    concealed: Annotated[
        bool, typer.Option("--concealed", help="It does not exist to whom it is refused: they get a 404.")
    ] = False,
    router: Annotated[bool, typer.Option("--router", help="It chooses among its candidates.")] = False,
    candidate: Annotated[
        list[str] | None, typer.Option(help="An item that a router may choose; each must be permitted.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="The item it was made from.")] = None,
    kinship: Annotated[
        Kinship | None, typer.Option(help="How it was made from its base; fine_tune if nothing is said.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Put a model into the catalogue."""
    made = Kinship.ROUTER if router else (Kinship.FINE_TUNE if base else Kinship.SAME)
    body = {"id": item, "aliases": alias or [], "upstream": upstream, "concealed": concealed}
    body |= {"kinship": (kinship or made).value, "base": base, "candidates": candidate or []}
    answer = find_instance(directory).post("/items", body)
    say_done(answer, f"added {item}, served by {upstream}", as_json=as_json)


def import_all(
    upstream: Annotated[str, typer.Argument(metavar="UPSTREAM", help="An upstream of licet.toml.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be added, and add nothing.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Put every model that an upstream lists into the catalogue, each under the name it lists.

    Names that the catalogue knows already, as an id or an alias, are left as they are.
    """
    configured = read_config(find_directory(directory) / "licet.toml").upstreams
    found = next((one for one in configured if one.name == upstream), None)
    if found is None:
        known = ", ".join(sorted(one.name for one in configured)) or "none"
        raise InputError(f"expected an upstream of licet.toml ({known}), found `{upstream}`", code="unknown_upstream")
    instance = find_instance(directory)
    held = {name for row in instance.get("/items") for name in (row["id"], *row["aliases"])}
    listed = models_of(found)
    fresh = [name for name in listed if name not in held]
    # One act, so that a second person agrees to all of them or to none.
    answer = instance.post("/items/import", {"ids": fresh, "upstream": upstream}) if fresh and not dry_run else {}
    added = answer.get("result", [])
    word = "would add" if dry_run else "added"
    told = f"{upstream} lists {len(listed)} models; {word} {len(fresh)}: {', '.join(fresh) or 'none'}"
    value = {"added": added, "new": fresh, "known": sorted(held & set(listed)), **answer}
    if answer:
        say_done(value, told, as_json=as_json)
    else:
        say(value, told, as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the catalogue."""
    rows = find_instance(directory).get("/items")
    show_rows(rows, ("id", "aliases", "upstream", "added_at"), as_json=as_json, none="the catalogue is empty")
