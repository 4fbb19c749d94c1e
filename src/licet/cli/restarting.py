"""`licet restart`: new workers in the place of those that run, one after the other."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from licet.cli.files import read_json
from licet.cli.instance import find_directory, running_in
from licet.cli.options import AsJson, Dir
from licet.cli.output import say
from licet.errors import InputError, UnavailableError

_LOOK_S, _A_WORKER_S = 0.05, 60.0
_WORKER = "worker-"


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("restart")(restart)


def restart(directory: Dir = None, as_json: AsJson = False) -> None:
    """Replace the workers one by one: no connection is refused, and running answers may go on for `gateway.drain_s`."""
    found = find_directory(directory)
    pid, before = running_in(found)["pid"], _workers(found)
    try:
        os.kill(pid, signal.SIGUSR1)
    except (ProcessLookupError, PermissionError) as err:
        raise UnavailableError(f"the service, process {pid}, cannot be told: {err}", code="not_running") from err
    deadline = time.monotonic() + _A_WORKER_S * len(before)
    while left := [name for name, old in before.items() if _workers(found).get(name) in {None, old}]:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"{', '.join(left)} were not replaced and go on as they are; the service has logged why",
                code="not_replaced",
            )
        time.sleep(_LOOK_S)
    after = _workers(found)
    notes = [f"{name}: process {before[name]} made way for {after[name]}" for name in before]
    say({"before": before, "after": after}, *notes, as_json=as_json)


def _workers(directory: Path) -> dict[str, int | None]:
    value: dict[str, Any] = {}
    with suppress(InputError):  # it is being replaced
        value = read_json(directory / "run" / "processes.json")
    return {name: one["pid"] for name, one in value.items() if name.startswith(_WORKER)}
