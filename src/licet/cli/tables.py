"""The tables that a command prints; apart from the sentences, since the library of tables is long to import."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from licet.cli.output import print_json, say, spell

_WIDTH_WITHOUT_TERMINAL = 200


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, as_json: bool, none: str = "none") -> None:
    """Print a table with one line for each row, or the sentence `none`."""
    if as_json:
        print_json(rows)
    elif not rows:
        say(None, none, as_json=False)
    else:
        print_table(rows_table(rows, columns))


def rows_table(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> Table:
    """A table whose headings are the members' names."""
    names = list(columns)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(spell(row.get(name))) for name in names))
    return table


def members_table(members: Mapping[str, Any]) -> Table:
    """A table with one line for each member."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in members.items():
        table.add_row(name.replace("_", " "), Text(spell(value)))
    return table


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or wide enough to be searched where there is none."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL, file=sys.stdout)
    console.print(table)
