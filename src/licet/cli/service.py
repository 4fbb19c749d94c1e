"""`licet serve`: run an instance. It begins with few imports, since all its processes wait for it."""

from typing import Annotated

import typer

from licet.app import Running, serve
from licet.cli.instance import find_directory
from licet.cli.options import AsJson, Dir
from licet.cli.output import say


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("serve")(run_service)


def run_service(
    directory: Dir = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many gateway processes; by default as `licet.toml` says.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run an instance until it is told to stop (SIGTERM, Ctrl-C)."""

    def announce(running: Running) -> None:
        say(
            {
                "gateway": running.gateway,
                "control": running.control,
                "pid": running.pid,
                "workers": running.workers,
            },
            f"gateway: {running.gateway}",
            f"control: {running.control} (description at /docs)",
            as_json=as_json,
        )

    serve(find_directory(directory), announce, workers=workers)
