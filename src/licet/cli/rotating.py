"""`licet rotate`: new secrets in the place of old ones, while nobody serves the instance."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from licet.app import rotate_log_keys, rotate_pepper, rotate_policy_key
from licet.cli.instance import administrator_of, find_directory
from licet.cli.options import AsJson, Dir
from licet.cli.output import say

_NEXT = "it takes effect when the instance is served again, and is on record from then on"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Put new secrets in the place of old ones; the instance must not be served meanwhile.")
    group.command("pepper")(pepper)
    group.command("policy-key")(policy_key)
    group.command("log-keys")(log_keys)
    app.add_typer(group, name="rotate")


def pepper(directory: Dir = None, as_json: AsJson = False) -> None:
    """Digest keys and evidence under one secret more; the keys that callers hold stay good."""
    found = find_directory(directory)
    with _progress() as watch:
        layers = rotate_pepper(found, administrator_of(found), watch)
    say({"layers": layers}, f"the pepper has {layers} layers now", _NEXT, as_json=as_json)


def policy_key(directory: Dir = None, as_json: AsJson = False) -> None:
    """Sign policies and stop orders with another key; orders in force are signed again."""
    found = find_directory(directory)
    thumbprint = rotate_policy_key(found, administrator_of(found))
    say({"thumbprint": thumbprint}, f"the policy key is {thumbprint} now", _NEXT, as_json=as_json)


def log_keys(
    finish: Annotated[bool, typer.Option("--finish", help="Sign no longer with the older pair.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Sign the log with a second pair of keys beside the first; later, with --finish, with the second alone."""
    found = find_directory(directory)
    count = rotate_log_keys(found, administrator_of(found), finish=finish)
    trust = found / "log.policy"
    told = f"give {trust} to whoever verifies the log, and to its witnesses"
    if not finish:
        told += "; when they have it: `licet rotate log-keys --finish`"
    say({"keys": count, "trust_file": str(trust)}, f"{count} keys sign the log now", told, _NEXT, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the error channel, where somebody may be waiting."""
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("digesting", total=None)
        yield lambda count, whole: bar.update(task, completed=count, total=whole)
