"""`licet review`: people who asked that somebody look at documents. No command leaves a copy of one."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say, say_done
from licet.cli.tables import members_table, print_table, rows_table, show_rows
from licet.cli.wire import segment
from licet.errors import InputError

_Id = Annotated[str, typer.Argument(metavar="REVIEW", help="The request's id; see `licet review list`.")]
_Document = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The document's id; see `licet review show`.")]
_Status = Annotated[str, typer.Option(help="`not_foreign_person` or `foreign_person`.")]
_Nationality = Annotated[
    list[str] | None,
    typer.Option(metavar="COUNTRY", help="Of a foreign person, and only where an order in force reads it; repeat it."),
]
_Until = Annotated[str, typer.Option(help="Until when it is believed, such as 2027-01-31T00:00:00Z.")]
_Seen = Annotated[
    list[str],
    typer.Option(
        metavar="DOCUMENT=POINT,POINT",
        help="The points of the checklist that you have seen to, for a document or for `call`; repeat it.",
    ),
]
_COLUMNS = ("id", "party", "state", "due", "overdue", "holder")
_DOCUMENT_COLUMNS = ("document", "kind", "media", "bytes", "held", "destroyed_by", "opened_by")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="People who ask that somebody look at documents.")
    for command in (show, take, ask, accept, refuse, escalate):
        group.command(command.__name__)(command)
    group.command("list")(list_all)
    group.command("open")(open_document)
    app.add_typer(group, name="review")


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List open requests: whoever waits longest first, then those who have to answer themselves."""
    show_rows(find_instance(directory).get("/reviews"), _COLUMNS, as_json=as_json, none="nobody waits")


def show(review: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show a request, its documents by kind and size, and what has to be seen to. No document is shown."""
    found = find_instance(directory).get(f"/reviews/{segment(review)}")
    if as_json:
        print_json(found)
        return
    documents, lists = found.pop("documents"), found.pop("checklists")
    print_table(members_table(found))
    if documents:
        print_table(rows_table(documents, _DOCUMENT_COLUMNS))
    for kind in [*dict.fromkeys(one["kind"] for one in documents), "call"]:
        say(None, f"{kind}:", *(f"  {name}: {words}" for name, words in lists[kind].items()), as_json=False)


def take(review: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """Have a request, so that nobody else decides it."""
    _done(review, "take", {}, f"yours: {review}", directory, as_json=as_json)


def open_document(review: _Id, document: _Document, directory: Dir = None, as_json: AsJson = False) -> None:
    """Get an address at which a browser shows a document, once, within a minute. It is on record."""
    instance = find_instance(directory)
    answer = instance.post(f"/reviews/{segment(review)}/documents/{segment(document)}/open", {})
    answer["url"] = instance.control.rstrip("/") + answer.pop("path")
    say(answer, answer["url"], "good once, for a minute; do not save what it shows", as_json=as_json)


def ask(
    review: _Id,
    message: Annotated[str, typer.Option(help="What the person reads; never ask on which ground.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Ask the person for something."""
    _done(review, "ask", {"message": message}, f"asked: {review}", directory, as_json=as_json)


def accept(
    review: _Id,
    status: _Status,
    until: _Until,
    seen: _Seen,
    nationality: _Nationality = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Accept a status; where that lets somebody use more, a second reviewer must agree who has looked too."""
    body = {"status": status, "until": until, "nationalities": nationality or [], "checklist": _checklist(seen)}
    _done(review, "accept", body, f"accepted: {review}", directory, as_json=as_json)


def refuse(
    review: _Id,
    reason: Annotated[str, typer.Option(help="Why, in plain words that the person reads.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a request. The person may ask again."""
    _done(review, "refuse", {"message": reason}, f"refused: {review}", directory, as_json=as_json)


def escalate(review: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """Pass a request on to any other reviewer."""
    _done(review, "escalate", {}, f"passed on: {review}", directory, as_json=as_json)


def _done(review: str, act: str, body: Mapping[str, Any], said: str, directory: Dir, *, as_json: bool) -> None:
    answer = find_instance(directory).post(f"/reviews/{segment(review)}/{act}", body)
    say_done(answer, said, as_json=as_json)


def _checklist(seen: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in seen:
        name, equals, points = one.partition("=")
        if not equals or name in found:
            raise InputError(f"expected each document once, as DOCUMENT=POINT,POINT, found `{one}`")
        found[name] = [point.strip() for point in points.split(",") if point.strip()]
    return found
