"""`licet party`: the persons behind keys, under pseudonyms."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import Progress, track

from licet.cli.files import read_bytes, write_new
from licet.cli.instance import Instance, find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say, say_done
from licet.cli.tables import members_table, print_table, rows_table, show_rows
from licet.cli.wire import segment
from licet.errors import InputError
from licet.parties import MOST_AT_ONCE

_PATIENCE_S = 120.0
_PAGE = 10_000
_MOST_BYTES = 256_000_000

_Id = Annotated[str, typer.Argument(metavar="ID", help="A pseudonym of letters, digits and hyphens; never a name.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Persons, under pseudonyms.")
    group.command("add")(add)
    group.command("import")(import_all)
    group.command("export")(export_all)
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
    """Enroll many persons under pseudonyms, in acts of 100,000; who is enrolled keeps their evidence.

    Where two must agree, each act waits for a second person. A file may be imported
    again, also after it broke off: whoever is enrolled as it says stays so.
    """
    parties = _table(file)
    instance = find_instance(directory)
    parts = [parties[start : start + MOST_AT_ONCE] for start in range(0, len(parties), MOST_AT_ONCE)]
    shown = track(parts, "enrolling", console=Console(file=sys.stderr), transient=True, disable=len(parts) == 1)
    acts = [instance.post("/parties/import", {"parties": part}, _PATIENCE_S) for part in shown]
    if len(acts) == 1:
        say_done(acts[0], f"enrolled {len(parties):,} persons", as_json=as_json)
        return
    waiting = [act["pending"]["id"] for act in acts if "pending" in act]
    done = sum(act["result"] for act in acts if "result" in act)
    said = [f"enrolled {done:,} persons in {len(acts) - len(waiting)} acts"] if done else []
    said += [f"waits for a second person: licet pending approve {name}" for name in waiting]
    say({"enrolled": done, "acts": acts}, *said, as_json=as_json)


def export_all(
    out: Annotated[Path, typer.Argument(metavar="CSV", help="A new file.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Write everybody who is enrolled, and their organizations, into a table that `import` takes."""
    text = io.StringIO()
    table, number = csv.writer(text, lineterminator="\n"), 0
    table.writerow(("id", "organization"))
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        for row in _everybody(find_instance(directory)):
            table.writerow((row["id"], row["organization"] or ""))
            number += 1
            if number % _PAGE == 0:
                progress.update(task, description=f"read {number:,} persons")
    write_new(out, text.getvalue())
    say({"persons": number, "file": str(out)}, f"wrote {number:,} persons to {out}", as_json=as_json)


def _table(file: Path) -> list[tuple[str, str | None]]:
    """The persons of a table, each once."""
    try:
        text = read_bytes(file, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise InputError(f"expected `{file}` to be a table in UTF-8", code="bad_parties") from err
    rows = csv.DictReader(text.splitlines())
    if rows.fieldnames is None or "id" not in rows.fieldnames or not set(rows.fieldnames) <= {"id", "organization"}:
        raise InputError(f"expected `{file}` to have the columns `id` and perhaps `organization`", code="bad_parties")
    parties = [(row["id"], row.get("organization") or None) for row in rows]
    if len({name for name, _ in parties}) != len(parties):
        raise InputError(f"expected `{file}` to have each person once", code="party_twice")
    return parties


def _everybody(instance: Instance) -> Iterator[dict[str, Any]]:
    """All parties, a page at a time."""
    after = ""
    while page := instance.get(f"/parties?limit={_PAGE}&after={quote(after)}", _PATIENCE_S):
        yield from page
        after = page[-1]["id"]


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
    rows = list(_everybody(find_instance(directory)))
    show_rows(rows, ("id", "organization"), as_json=as_json, none="nobody is enrolled")
