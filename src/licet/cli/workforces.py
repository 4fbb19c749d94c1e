"""`licet workforce`: take what an organization attests of all its people in one file."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from licet.cli.files import read_bytes
from licet.cli.instance import Instance, find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say, say_done
from licet.errors import InputError, LicetError
from licet.parties.evidence import MAX_WORKFORCE_BYTES

_PATIENCE_S = 120.0
_LOOK_S = 0.2
_File = Annotated[Path, typer.Argument(metavar="FILE", help="What `licet attest workforce` wrote.")]
_Enroll = Annotated[bool, typer.Option("--enroll", help="Enroll people whom the file names and nobody knows yet.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="A whole workforce, attested in one signed file.")
    group.command("check")(check)
    group.command("take")(take)
    app.add_typer(group, name="workforce")


def check(file: _File, directory: Dir = None, as_json: AsJson = False) -> None:
    """Check a file and count what it would change; nothing is changed."""
    found = _checked(find_instance(directory), file)
    say(found, *_sentences(found["counts"], "would be"), as_json=as_json)


def take(file: _File, enroll: _Enroll = False, directory: Dir = None, as_json: AsJson = False) -> None:
    """Take what a file attests: all of it, or nothing. It takes two persons."""
    instance = find_instance(directory)
    found = _checked(instance, file)
    answer = instance.post(f"/workforces/{found['workforce']}/take", {"enroll": enroll}, _PATIENCE_S)
    counts = answer.get("result")
    said = _sentences(counts, "were") if isinstance(counts, dict) else _sentences(found["counts"], "would be")
    say_done(answer, *said, as_json=as_json)


def _checked(instance: Instance, file: Path) -> dict[str, Any]:
    """Hand a file in and wait until it is checked.

    Raises:
        InputError: it is no text.
        LicetError: it is not believed, with the code of the check that failed.
    """
    try:
        text = read_bytes(file, MAX_WORKFORCE_BYTES).decode("ascii").strip()
    except UnicodeDecodeError as err:
        raise InputError(f"expected a signed file in `{file}`", code="unreadable_file") from err
    found: dict[str, Any] = instance.post("/workforces", {"file": text}, _PATIENCE_S)
    with _watching() as watch:
        while found["state"] == "checking":
            watch(found["lines"])
            time.sleep(_LOOK_S)
            found = instance.get(f"/workforces/{found['workforce']}")
    if found["state"] == "refused":
        raise LicetError(found["detail"], code=found["code"])
    return found


@contextmanager
def _watching() -> Iterator[Any]:
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("checking", total=None)
        yield lambda lines: progress.update(task, description=f"checked {lines:,} people")


def _sentences(counts: Mapping[str, int], verb: str) -> list[str]:
    told = {
        "new": f"{verb} attested for the first time",
        "renewed": f"{verb} attested again, with the same facts",
        "changed": f"{verb} attested with other facts than before",
        "left_alone": "have a later attestation, which stands",
        "withdrawn": f"{verb} vouched for no longer: the file names the whole workforce, and not them",
        "enrolled": "are not enrolled yet" if verb == "would be" else "were enrolled",
    }
    return [f"{counts[name]:>9,} people {words}" for name, words in told.items() if counts[name]]
