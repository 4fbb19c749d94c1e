"""`licet party`: the persons behind keys, under pseudonyms."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_text
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import members_table, print_json, print_table, rows_table, say_done, show_rows
from licet.cli.wire import segment
from licet.errors import InputError

_PATIENCE_S = 60.0

_Id = Annotated[str, typer.Argument(metavar="ID", help="A pseudonym of letters, digits and hyphens; never a name.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Persons, under pseudonyms.")
    group.command("add")(add)
    group.command("import")(import_all)
    group.command("link")(link)
    group.command("unlink")(unlink)
    group.command("show")(show)
    group.command("list")(list_all)
    app.add_typer(group, name="party")


def add(
    party: _Id,
    organization: Annotated[str | None, typer.Option(help="The organization they belong to.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Enroll a person under a pseudonym."""
    answer = find_instance(directory).post("/parties", {"id": party, "organization": organization})
    say_done(answer, f"enrolled {party}" + (f" of {organization}" if organization else ""), as_json=as_json)


def import_all(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="`id` and, where they belong to one, `organization`.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Enroll many persons under pseudonyms, at most 20,000 in one act; who is enrolled keeps their evidence."""
    rows = csv.DictReader(read_text(file).splitlines())
    if rows.fieldnames is None or "id" not in rows.fieldnames or not set(rows.fieldnames) <= {"id", "organization"}:
        raise InputError(f"expected `{file}` to have the columns `id` and perhaps `organization`", code="bad_parties")
    parties = [(row["id"], row.get("organization") or None) for row in rows]
    answer = find_instance(directory).post("/parties/import", {"parties": parties}, _PATIENCE_S)
    say_done(answer, f"enrolled {len(parties):,} persons", as_json=as_json)


def link(
    party: _Id,
    issuer: Annotated[str, typer.Option(help="The issuer, as `licet issuer add` named it.")],
    subject: Annotated[str, typer.Option(help="The `sub` of the person's access tokens.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Say that a subject of an issuer's access tokens is this person."""
    body = {"issuer": issuer, "subject": subject}
    answer = find_instance(directory).post(f"/parties/{segment(party)}/link", body)
    say_done(answer, f"linked {party} to a subject of {issuer}", as_json=as_json)


def unlink(
    party: _Id,
    issuer: Annotated[str, typer.Option(help="The issuer.")],
    subject: Annotated[str, typer.Option(help="The `sub` that is no longer this person's.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """End a link at once; answers that run under it are cut."""
    body = {"issuer": issuer, "subject": subject}
    answer = find_instance(directory).post(f"/parties/{segment(party)}/unlink", body)
    say_done(answer, f"unlinked {party} from a subject of {issuer}", as_json=as_json)


def show(party: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show a person, and what evidence has established about them."""
    answer = find_instance(directory).get(f"/parties/{segment(party)}")
    if as_json:
        print_json(answer)
        return
    print_table(members_table(answer["party"]))
    columns = ("id", "facts", "issuer", "assurance", "verified_at", "not_after", "withdrawn_at")
    print_table(rows_table(answer["standings"], columns))
    if answer["links"]:
        print_table(rows_table(answer["links"], ("id", "issuer")))


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the persons."""
    rows = find_instance(directory).get("/parties")
    show_rows(rows, ("id", "organization"), as_json=as_json, none="nobody is enrolled")
