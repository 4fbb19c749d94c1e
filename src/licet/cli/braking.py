"""The emergency brake: a stop, by the control plane or without it.

It is pulled before anything is imported that it does not need: the libraries that read
commands and print tables take longer to make ready than it takes to stop a thousand streams.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from licet.cli.instance import find_directory, find_instance, is_remote
from licet.cli.output import say, say_done
from licet.cli.usage import UsageError
from licet.errors import UnavailableError

_PATIENCE_S = 0.5
"""How long a stop waits for the control plane before it does without."""


class Brake(NamedTuple):
    """A stop, as it is typed."""

    items: list[str]
    everything: bool = False
    directory: Path | None = None
    as_json: bool = False
    drain_s: int = 0


def read_brake(arguments: Sequence[str]) -> Brake | None:
    """Read a plain stop; None for whatever else it may be."""
    words = iter(arguments)
    if next(words, None) != "stop":
        return None
    items: list[str] = []
    options: set[str] = set()
    directory: Path | None = None
    for word in words:
        if word in {"--all", "--json"}:
            options.add(word)
        elif word == "--dir" and directory is None:
            named = next(words, "-")
            if named.startswith("-"):
                return None
            directory = Path(named)
        elif word.startswith("-") or not word:
            return None
        else:
            items.append(word)
    return Brake(items, "--all" in options, directory, "--json" in options)


def pull(brake: Brake) -> None:
    """Take items offline for everybody, at once.

    Raises:
        UsageError: it names items, and all of them.
        LicetError: it was refused, or could neither be sent nor be ordered.
    """
    items, everything, directory, as_json, drain_s = brake
    if items and everything:
        raise UsageError("expected items or --all, found both")
    body = {"items": items, "everything": everything, "drain_s": drain_s}
    try:
        answer = find_instance(directory).post("/stop", body, _PATIENCE_S)
    except UnavailableError as err:
        if is_remote(directory):
            raise
        ordering = import_module("licet.cli.ordering")
        answer = ordering.order(find_directory(directory), items, everything=everything, drain_s=drain_s, why=err)
    if "record" in answer:
        told = [f"stopped for everybody: {', '.join(answer['result'])}"]
        if drain_s:
            told.append(f"answers that are being given may go on for {drain_s} s; nothing new is served")
        say_done(answer, *told, as_json=as_json)
    else:
        say(answer, *answer["notes"], as_json=as_json)
