"""Every command but a plain stop: the words it has, read and run by the library for it.

Each module of this room adds its own commands; only the one that is needed is imported.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from licet import __version__
from licet.cli.usage import UsageError

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
_NOT_UNDERSTOOD = 2


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code.

    Raises:
        UsageError: it is none.
        KeyboardInterrupt: the person who typed it ended it.
        LicetError: what was asked was refused or failed.
    """
    app = build(arguments)
    try:
        # Raised by the commands themselves as `typer.Exit`, and then given back.
        code = app(list(arguments) or ["--help"], prog_name="licet", standalone_mode=False)
    except typer.TyperException as err:
        raise UsageError(err.format_message()) from err
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not arguments:
        return _NOT_UNDERSTOOD
    return code if isinstance(code, int) else 0


def build(arguments: Sequence[str]) -> typer.Typer:
    """The commands that a command line may mean: one module's, or all of them."""
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
