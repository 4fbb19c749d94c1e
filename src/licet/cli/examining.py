"""`licet doctor`: what would keep an instance from serving, or from being believed."""

import typer
from rich.markup import escape
from rich.table import Table

from licet.app.doctor import State, examine
from licet.cli.instance import find_directory
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json
from licet.cli.tables import print_table
from licet.fleet import Clock

_SHOWN = {State.GOOD: "good", State.WARNING: "[yellow]warning[/]", State.WRONG: "[red]wrong[/]"}


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("doctor")(doctor)


def doctor(directory: Dir = None, as_json: AsJson = False) -> None:
    """Look an instance over, and change nothing: permissions, keys, clock, disk, store, log, whom it reaches."""
    findings = examine(find_directory(directory), Clock().now())
    is_well = all(finding.state is not State.WRONG for finding in findings)
    if as_json:
        rows = [{"about": x.about, "state": x.state.value, "said": x.said} for x in findings]
        print_json({"well": is_well, "findings": rows})
    else:
        table = Table("about", "", "")
        for finding in findings:
            table.add_row(finding.about, _SHOWN[finding.state], escape(finding.said))
        print_table(table)
    if not is_well:
        raise typer.Exit(1)
