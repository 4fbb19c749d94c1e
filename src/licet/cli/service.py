"""`licet init` and `licet serve`: make an instance, and run it."""

from pathlib import Path
from typing import Annotated

import typer

from licet.app import Running, create_instance, serve
from licet.cli.instance import find_directory
from licet.cli.options import AsJson, Dir
from licet.cli.output import say


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init")(init)
    app.command("serve")(run_service)


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that is new or empty.")],
    administrator: Annotated[str, typer.Option(help="The name of the first administrator.")] = "administrator",
    as_json: AsJson = False,
) -> None:
    """Make an instance: configuration, store, signing keys, and a first administrator."""
    made = create_instance(directory, administrator)
    token_file = made.directory / "admin.token"
    say(
        {"directory": str(made.directory), "administrator": administrator, "token_file": str(token_file)},
        f"made an instance in {made.directory}",
        f"the token of `{administrator}` is in {token_file}; keep it secret",
        f"next: name your inference servers in {made.directory / 'licet.toml'}, "
        f"then `licet serve --dir {made.directory}`",
        as_json=as_json,
    )


def run_service(directory: Dir = None, as_json: AsJson = False) -> None:
    """Run an instance until it is told to stop (SIGTERM, Ctrl-C)."""

    def announce(running: Running) -> None:
        say(
            {"gateway": running.gateway, "control": running.control, "pid": running.pid},
            f"gateway: {running.gateway}",
            f"control: {running.control} (description at /docs)",
            as_json=as_json,
        )

    serve(find_directory(directory), announce)
