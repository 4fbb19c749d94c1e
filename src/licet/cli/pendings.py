"""`licet pending`: acts that wait for a second person."""

from typing import Annotated, Any

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say, say_done
from licet.cli.tables import members_table, print_table, show_rows
from licet.cli.wire import segment

_Id = Annotated[str, typer.Argument(metavar="ID", help="The proposal's id.")]
_COLUMNS = ("id", "act", "meaning", "proposed_by", "expires_at", "state", "decided_by", "reason")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Acts that wait for a second person.")
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("approve")(approve)
    group.command("refuse")(refuse)
    group.command("withdraw")(withdraw)
    app.add_typer(group, name="pending")


def list_all(
    state: Annotated[
        str, typer.Option(help="pending, or what became of them: approved, refused, withdrawn, expired.")
    ] = "pending",
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List what was proposed and nobody has decided on, or what became of it."""
    rows = find_instance(directory).get(f"/pending?state={segment(state)}")
    show_rows(rows, _COLUMNS, as_json=as_json, none=f"nothing is {state}")


def show(pending: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show a proposed act whole: what it would do, and all that it was given."""
    answer = find_instance(directory).get(f"/pending/{segment(pending)}")
    if as_json:
        print_json(answer)
        return
    arguments: dict[str, Any] = answer.pop("arguments")
    text = arguments.pop("text", None)
    print_table(members_table({**answer, "arguments": arguments}))
    if text is not None:
        say(None, "", text.rstrip(), as_json=False)


def approve(pending: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """Do what somebody else has proposed, exactly as it was proposed."""
    instance = find_instance(directory)
    found = instance.get(f"/pending/{segment(pending)}")
    answer = instance.post(f"/pending/{segment(pending)}/approve", {"digest": found["digest"]})
    say_done(answer, f"done: {found['act']}, as {found['proposed_by']} proposed it", as_json=as_json)


def refuse(
    pending: _Id,
    reason: Annotated[str, typer.Option(help="Why, in one sentence that may be produced.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """End what somebody else has proposed; nothing of it is done."""
    answer = find_instance(directory).post(f"/pending/{segment(pending)}/refuse", {"reason": reason})
    say_done(answer, f"refused {pending}", as_json=as_json)


def withdraw(pending: _Id, directory: Dir = None, as_json: AsJson = False) -> None:
    """End what you have proposed yourself."""
    answer = find_instance(directory).post(f"/pending/{segment(pending)}/withdraw", {})
    say_done(answer, f"withdrew {pending}", as_json=as_json)
