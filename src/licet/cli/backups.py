"""`licet backup`, `licet restore`: a copy of an instance, and an instance of a copy."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from licet.app.backup import back_up
from licet.app.backup import restore as restore_instance
from licet.cli.instance import find_directory
from licet.cli.options import AsJson, Dir
from licet.cli.output import say
from licet.fleet import Clock

_Keys = Annotated[Path, typer.Option(metavar="FILE", help="The archive of keys and tokens; keep it elsewhere.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for store, log and configuration.")],
    keys: _Keys,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Copy an instance, also while it serves; keys and tokens into a file of their own."""
    with Console(stderr=True).status("copying", spinner="line"):
        made = back_up(find_directory(directory), archive, keys, Clock().now())
    say(
        {"at": made.at, "archive": str(archive), "keys": str(keys), "records": made.records, "files": dict(made.files)},
        f"copied {len(made.files)} files with {made.records} records into {archive}",
        f"keys and tokens are in {keys}: whoever has both files has the instance, so keep them apart",
        as_json=as_json,
    )


def restore(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="What `licet backup` made.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that is new or empty.")],
    keys: _Keys,
    as_json: AsJson = False,
) -> None:
    """Make an instance of a copy. Everything is stopped in it until two persons have looked."""
    with Console(stderr=True).status("restoring", spinner="line"):
        made = restore_instance(archive, keys, directory)
    say(
        {"at": made.at, "directory": str(directory), "records": made.records, "stopped": "everything"},
        f"made an instance in {directory} as it was at {made.at}, with {made.records} records; its log verifies",
        "everything is stopped in it: what was stopped, lifted or revoked since then is not in the copy",
        f"next: `licet serve --dir {directory}`, see what is missing, and `licet resume`, which takes two persons",
        as_json=as_json,
    )
