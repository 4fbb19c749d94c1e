"""`licet key`: the API keys of parties and organizations."""

from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.files import write_new
from licet.cli.instance import Instance, find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done
from licet.cli.tables import show_rows
from licet.cli.usage import UsageError
from licet.cli.wire import segment
from licet.errors import LicetError

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
    out: Annotated[Path | None, typer.Option(help="A new file for its text, instead of showing it.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Issue a key. Its text is shown now and never again."""
    if (party is None) == (organization is None):
        raise UsageError("expected either --party or --organization")
    if (organization is None) != (serves is None) or serves not in {None, *_SERVES}:
        raise UsageError("expected --serves people or --serves machine with --organization, and only there")
    body = {"party": party, "organization": organization, "serves": serves}
    instance = find_instance(directory)
    if out is None:
        answer = instance.post("/keys", body)
        shown: tuple[str, ...] = (answer["result"]["key"], "this is the only time it is shown; it is not kept")
    else:
        answer = _issue_into(out, instance, body)
        shown = (f"its text is in {out} and kept nowhere else",)
    say_done(answer, f"key {answer['result']['id']}:", *shown, as_json=as_json)


def _issue_into(path: Path, instance: Instance, body: object) -> Any:
    """Issue a key into a file, which is made first: a key that could not be kept would be lost."""
    write_new(path, "")
    try:
        answer = instance.post("/keys", body)
    except LicetError:
        path.unlink()
        raise
    path.write_text(answer["result"].pop("key") + "\n", encoding="ascii")
    return {**answer, "result": {**answer["result"], "file": str(path)}}


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
