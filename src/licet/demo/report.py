"""What happened at each step, for people and for machines."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH_WITHOUT_TERMINAL = 160


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was done, what was expected of it, and what happened."""

    did: str
    expected: str
    happened: str
    held: bool


def expect(did: str, expected: object, happened: object) -> Check:
    """A check that two values are equal."""
    return Check(did, spell(expected), spell(happened), expected == happened)


@dataclass(frozen=True, slots=True)
class Row:
    """A check in its step, and how long it took."""

    step: int
    title: str
    check: Check
    took_s: float


@dataclass(slots=True)
class Report:
    """Rows as they come; a table after each step, or one JSON object at the end."""

    as_json: bool
    rows: list[Row] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def held(self) -> bool:
        """Whether something was checked and every expectation held."""
        return bool(self.rows) and all(row.check.held for row in self.rows)

    @contextmanager
    def doing(self, step: int, title: str) -> Iterator[None]:
        """Say which step is under way, where somebody may be watching; show its rows afterwards."""
        before = len(self.rows)
        console = Console(stderr=True)
        try:
            with console.status(f"step {step}: {title}"):
                yield
        finally:
            if not self.as_json:
                _show(step, title, self.rows[before:])

    def finish(self, extra: Mapping[str, Any]) -> None:
        """Say how it ended."""
        if self.as_json:
            value = {"held": self.held, "took_s": round(self.took_s, 2), "steps": self._steps(), **extra}
            sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        elif self.held:
            sys.stdout.write(f"Every step came out as expected: {len(self.rows)} checks in {self.took_s:.1f} s.\n")
        else:
            failed = next((row for row in self.rows if not row.check.held), None)
            sys.stdout.write(
                "Nothing was checked.\n"
                if failed is None
                else f"Step {failed.step} did not come out as expected.\n"
                f"  done:     {failed.check.did}\n"
                f"  expected: {failed.check.expected}\n"
                f"  happened: {failed.check.happened}\n"
            )
        sys.stdout.flush()

    def _steps(self) -> list[dict[str, Any]]:
        steps: dict[int, dict[str, Any]] = {}
        for row in self.rows:
            step = steps.setdefault(row.step, {"step": row.step, "title": row.title, "checks": []})
            check = {name: getattr(row.check, name) for name in ("did", "expected", "happened", "held")}
            step["checks"].append({**check, "took_s": round(row.took_s, 3)})
        return list(steps.values())


def _show(step: int, title: str, rows: list[Row]) -> None:
    table = Table(title=f"{step}. {title}", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for heading, ratio in (("what was done", 5), ("expected", 4), ("happened", 4)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    table.add_column("")
    table.add_column("s", justify="right")
    for row in rows:
        mark = Text("held", "green") if row.check.held else Text("FAILED", "bold red")
        texts = [Text(text) for text in (row.check.did, row.check.expected, row.check.happened)]
        table.add_row(*texts, mark, f"{row.took_s:.1f}")
    Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL).print(table)


def spell(value: object) -> str:
    """A value as a person reads it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return "; ".join(f"{name}: {spell(member)}" for name, member in value.items())
        case list() | tuple() | set() | frozenset():
            return ", ".join(spell(member) for member in value) or "none"
        case _:
            return str(value)
