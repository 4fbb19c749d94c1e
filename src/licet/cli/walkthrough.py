"""`licet demo`: the main job from end to end, on this machine."""

from typing import Annotated

import typer

from licet.cli.options import AsJson
from licet.demo import run_demo


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running afterwards, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Walk through the main job: a stop, a directive, evidence, a license, a lift, and the record of it."""
    raise typer.Exit(0 if run_demo(keep=keep, as_json=as_json) else 1)
