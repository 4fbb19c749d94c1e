"""`licet directive`: check an agency's order as a file, bring it into force, follow its life."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.files import read_text
from licet.cli.instance import Instance, find_instance
from licet.cli.options import AsJson, Despite, Dir
from licet.cli.output import print_json, say, say_done
from licet.cli.tables import members_table, print_table, show_rows
from licet.cli.wire import segment
from licet.errors import DocumentError

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A directive file, YAML; see `licet directive schema`.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The directive's id.")]
_Cedar = Annotated[bool, typer.Option("--cedar", help="Print the compiled rules instead.")]
_COLUMNS = ("id", "issuer", "status", "items", "effective_at", "superseded_by", "lifted_at", "reconstruction")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Directives: an agency's orders as data.")
    group.command("check")(check)
    group.command("activate")(activate)
    group.command("lift")(lift)
    group.command("diff")(diff)
    group.command("observe")(observe)
    group.command("unobserve")(unobserve)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("schema")(schema)
    app.add_typer(group, name="directive")


def check(file: _File, cedar: _Cedar = False, directory: Dir = None, as_json: AsJson = False) -> None:
    """Check a file and compile it; nothing changes. With an instance, its items are checked too."""
    # Imported here, as below: bringing an order into force must not wait for what only other commands need.
    import_module("licet.cli.checking").check_file(file, cedar=cedar, directory=directory, as_json=as_json)


def activate(file: _File, despite: Despite = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Bring a directive into force; answers that it no longer permits are cut at once."""
    more = {} if despite is None else {"despite_proof": despite}
    answer = send_file(find_instance(directory), "/directives", file, read_text(file), **more)
    say_done(answer, f"in force from its `effective_at` on: {answer.get('result')}", as_json=as_json)


def lift(
    directive: _Id,
    at: Annotated[str | None, typer.Option(help="An instant to come; now if not given.", show_default=False)] = None,
    despite: Despite = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Lift a directive, now or at an instant."""
    body = {"at": at, "despite_proof": despite}
    answer = find_instance(directory).post(f"/directives/{segment(directive)}/lift", body)
    say_done(answer, f"lifted {directive}" + (f" at {at}" if at else ""), as_json=as_json)


def diff(
    before: Annotated[
        str, typer.Argument(metavar="A", help="A directive file, an active directive's id, or readings.")
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="The same kind of thing.")],
    policy: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="For readings: a directive file, instead of an instance's policy."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="An instant; if not given, one at which both are in force.", show_default=False)
    ] = None,
    log: Annotated[Path | None, typer.Option(help="A log's file, instead of the instance's.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Compare two directives, or two sets of readings: who is newly permitted, refused, or asked for evidence."""
    differing = import_module("licet.cli.differing")
    differing.compare(before, after, policy=policy or (), at=at, log=log, directory=directory, as_json=as_json)


def observe(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A directive file: the draft.", show_default=False)
    ] = None,
    parameter: Annotated[
        str | None, typer.Option(metavar="NAME=VALUE", help="A reading as the draft, instead of a file.")
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Show what was counted so far, of every draft.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Watch a draft beside every live decision; it enforces nothing and is not recorded."""
    observing = import_module("licet.cli.observing")
    observing.observe(file, parameter, report=report, directory=directory, as_json=as_json)


def unobserve(
    draft: Annotated[str, typer.Argument(metavar="ID", help="The draft's id, or the parameter's name.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Watch a draft no longer, and show what was counted."""
    import_module("licet.cli.observing").unobserve(draft, directory=directory, as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List every directive that was ever activated."""
    rows = find_instance(directory).get("/directives")
    show_rows(rows, _COLUMNS, as_json=as_json, none="no directive was ever activated")


def show(directive: _Id, cedar: _Cedar = False, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show a directive as it stands."""
    answer = find_instance(directory).get(f"/directives/{segment(directive)}")
    if as_json:
        print_json(answer)
    elif cedar:
        say(None, answer["cedar"].rstrip(), as_json=False)
    else:
        life = {name: answer[name] for name in ("sha256", "activated_at", "activated_by")}
        print_table(members_table({**summary(answer["document"]), **life}))


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of a directive file."""
    # It is JSON either way; the option is there because every command has it.
    _ = as_json
    print_json(import_module("licet.directives").directive_schema())


def send_file(instance: Instance, path: str, file: Path, text: str, **more: str) -> Any:
    """Post a directive file; faults that come back name the file as it was typed.

    Raises:
        LicetError: the instance refused or did not answer.
    """
    try:
        return instance.post(path, {"text": text, "name": file.name, **more})
    except DocumentError as err:
        raise DocumentError(str(file), err.faults) from err


def summary(document: Mapping[str, Any]) -> dict[str, Any]:
    """What one asks of a directive first; a reconstruction says so."""
    supersedes = [x["directive"] for x in document.get("relations") or () if x["kind"] == "supersedes"]
    return {
        "id": document["id"],
        "reconstruction": bool(document.get("reconstruction")),
        **{name: document[name] for name in ("issuer", "authority", "form", "status", "acts")},
        "items": [item["id"] for item in document["items"]],
        "persons": document["persons"],
        "exemptions": list(document.get("exemptions") or ()),
        **{name: document.get(name) for name in ("received_at", "comply_by", "effective_at", "appeal_by", "lifted_at")},
        "supersedes": supersedes,
        "superseded_by": document.get("superseded_by"),
        "sources": [f"{source['title']} ({source['date']})" for source in document["sources"]],
    }
