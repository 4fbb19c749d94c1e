"""`licet license`: what an agency has granted."""

from typing import Annotated

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done
from licet.cli.tables import show_rows
from licet.cli.wire import segment

_Id = Annotated[str, typer.Argument(metavar="ID", help="The number the agency gave it.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Licenses that an agency has granted.")
    group.command("grant")(grant)
    group.command("revoke")(revoke)
    group.command("list")(list_all)
    app.add_typer(group, name="license")


def grant(
    license_: _Id,
    item: Annotated[list[str], typer.Option(help="An item it names.")],
    starts: Annotated[str, typer.Option("--from", help="The first instant, such as 2026-06-20T00:00:00Z.")],
    ends: Annotated[str, typer.Option("--until", help="The first instant at which it no longer covers.")],
    organization: Annotated[list[str] | None, typer.Option(help="An organization it names.")] = None,
    party: Annotated[list[str] | None, typer.Option(help="A person it names, by pseudonym.")] = None,
    employees: Annotated[
        bool, typer.Option("--employees", help="It reaches the foreign employees of those organizations.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Enter a license that an agency has granted."""
    body = {
        "id": license_,
        "items": item,
        "organizations": organization or [],
        "parties": party or [],
        "employees": employees,
        "valid_from": starts,
        "valid_until": ends,
    }
    answer = find_instance(directory).post("/licenses", body)
    say_done(answer, f"entered license {license_}, until {ends}", as_json=as_json)


def revoke(license_: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """End a license now (15 CFR 750.8); answers that rest on it are cut."""
    answer = find_instance(directory).post(f"/licenses/{segment(license_)}/revoke", {})
    say_done(answer, f"revoked license {license_}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the licenses, also those that have ended."""
    rows = find_instance(directory).get("/licenses")
    columns = ("id", "items", "holders", "employees", "valid_from", "valid_until", "revoked_at")
    show_rows(rows, columns, as_json=as_json, none="no license was entered")
