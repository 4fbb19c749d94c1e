"""Find the command, run it, and turn whatever it raises into a sentence and an exit code.

Exit codes: 0 done, 1 refused or failed, 2 not understood, 130 interrupted. Each
module of this room adds its own commands; only the one that is needed is
imported, so that a stop does not wait for libraries it does not use.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from licet import __version__
from licet.cli.output import complain
from licet.errors import LicetError

_MODULES = {
    "init": "licet.cli.making",
    "serve": "licet.cli.service",
    "backup": "licet.cli.backups",
    "rotate": "licet.cli.rotating",
    "doctor": "licet.cli.examining",
    "restore": "licet.cli.backups",
    "restart": "licet.cli.restarting",
    "stop": "licet.cli.stopping",
    "resume": "licet.cli.stopping",
    "status": "licet.cli.stopping",
    "explain": "licet.cli.explaining",
    "administrator": "licet.cli.administrators",
    "pending": "licet.cli.pendings",
    "item": "licet.cli.items",
    "organization": "licet.cli.organizations",
    "party": "licet.cli.parties",
    "standing": "licet.cli.standings",
    "workforce": "licet.cli.workforces",
    "review": "licet.cli.reviews",
    "issuer": "licet.cli.issuers",
    "evidence-issuer": "licet.cli.vouchers",
    "vendor": "licet.cli.vouchers",
    "key": "licet.cli.keys",
    "directive": "licet.cli.directives",
    "license": "licet.cli.licenses",
    "law": "licet.cli.law",
    "parameter": "licet.cli.parameters",
    "attest": "licet.cli.attest",
    "evidence": "licet.cli.evidence",
    "record": "licet.cli.records",
    "receipt": "licet.cli.records",
    "log": "licet.cli.records",
    "witness": "licet.cli.witnesses",
    "test": "licet.cli.testing",
    "prove": "licet.cli.proving",
    "impact": "licet.cli.impact",
    "readiness": "licet.cli.readiness",
    "drill": "licet.cli.drilling",
    "demo": "licet.cli.walkthrough",
}
_FAILED, _NOT_UNDERSTOOD, _INTERRUPTED = 1, 2, 130


def main() -> None:
    """The command `licet`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    as_json = "--json" in arguments
    try:
        brake = _brake(arguments)
        if brake is not None:
            return _braked(brake)
        app = _build(arguments)
        # Raised by the commands themselves as `typer.Exit`, and then given back.
        code = app(list(arguments) or ["--help"], prog_name="licet", standalone_mode=False)
        if not arguments:
            return _NOT_UNDERSTOOD
        return code if isinstance(code, int) else 0
    except LicetError as err:
        complain(err, as_json=as_json)
        return _FAILED
    except typer.TyperException as err:
        complain(LicetError(err.format_message(), code="usage"), as_json=as_json)
        return _NOT_UNDERSTOOD
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED


@dataclass(frozen=True, slots=True)
class _Brake:
    """A stop, as it is typed."""

    items: list[str]
    everything: bool
    directory: Path | None
    as_json: bool


def _brake(arguments: Sequence[str]) -> _Brake | None:
    """Read a plain stop without the library that reads commands; None for whatever else it may be.

    That library takes longer to make ready than it takes to stop a thousand streams.
    """
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
    return _Brake(items, "--all" in options, directory, "--json" in options)


def _braked(brake: _Brake) -> int:
    stop = import_module("licet.cli.stopping").stop
    try:
        stop(brake.items, everything=brake.everything, directory=brake.directory, as_json=brake.as_json)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _build(arguments: Sequence[str]) -> typer.Typer:
    app = typer.Typer(
        name="licet",
        help="An export-control gate for AI-model APIs. It gives no legal advice.",
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_whole)
    first = next((word for word in arguments if not word.startswith("-")), None)
    wanted = [_MODULES[first]] if first in _MODULES else dict.fromkeys(_MODULES.values())
    for name in wanted:
        import_module(name).add_to(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"licet {__version__}")
        raise typer.Exit


def _whole(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An export-control gate for AI-model APIs. It gives no legal advice."""
