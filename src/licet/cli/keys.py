"""`licet key`: the API keys of parties and organizations."""

from typing import Annotated

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir, UsageError
from licet.cli.output import say_done, show_rows
from licet.cli.wire import segment

_SERVES = ("people", "machine")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="API keys.")
    group.command("issue")(issue)
    group.command("revoke")(revoke)
    group.command("list")(list_all)
    app.add_typer(group, name="key")


def issue(
    party: Annotated[str | None, typer.Option(help="The one person it is for.")] = None,
    organization: Annotated[
        str | None, typer.Option(help="The organization it is for; say also whom it serves.")
    ] = None,
    serves: Annotated[str | None, typer.Option(help="people or machine: who stands behind the calls.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Issue a key. Its text is shown now and never again."""
    if (party is None) == (organization is None):
        raise UsageError("expected either --party or --organization")
    if (organization is None) != (serves is None) or serves not in {None, *_SERVES}:
        raise UsageError("expected --serves people or --serves machine with --organization, and only there")
    body = {"party": party, "organization": organization, "serves": serves}
    answer = find_instance(directory).post("/keys", body)
    say_done(
        answer,
        f"key {answer['result']['id']}:",
        answer["result"]["key"],
        "this is the only time it is shown; it is not kept",
        as_json=as_json,
    )


def revoke(
    key: Annotated[str, typer.Argument(metavar="KEYID", help="The key's id: the part between the underscores.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """End a key at once; answers that run under it are cut."""
    answer = find_instance(directory).post(f"/keys/{segment(key)}/revoke", {})
    say_done(answer, f"revoked {key}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the keys, without their secrets."""
    rows = find_instance(directory).get("/keys")
    show_rows(rows, ("id", "party", "organization", "serves"), as_json=as_json, none="no key was issued")
