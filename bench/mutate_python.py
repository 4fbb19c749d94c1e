"""Alter the Python of the decision core in every small way, and see that its tests notice.

Runs mutmut, as `pyproject.toml` configures it, in a temporary copy, because mutmut
writes beside what it alters. Exits 1 where fewer than 95 % of the mutants are
killed. The copy is kept and named: there, `mutmut show NAME` prints one of them.

    .venv/bin/python bench/mutate_python.py
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

LEAST = 0.95
ROOT = Path(__file__).resolve().parent.parent
MUTMUT = Path(sys.executable).with_name("mutmut")


def main() -> int:
    """Print what became of the mutants and which survived; 0 if enough were killed."""
    copy = _copy()
    if _mutmut(copy, "run").returncode != 0:
        return 1
    survivors = _mutmut(copy, "results", capture=True).stdout.splitlines()
    _mutmut(copy, "export-cicd-stats")
    stats = json.loads((copy / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    killed = stats["killed"] + stats["timeout"]
    score = killed / stats["total"]
    console, table = Console(), Table("mutants", "killed", "survived or not reached")
    table.add_row(str(stats["total"]), str(killed), str(stats["total"] - killed))
    console.print(table)
    for line in survivors:
        console.print(line.strip(), highlight=False, soft_wrap=True)
    console.print(f"{score:.1%} killed; at least {LEAST:.0%} expected; the copy is {copy}", soft_wrap=True)
    return 0 if score >= LEAST else 1


def _copy() -> Path:
    copy = Path(tempfile.mkdtemp(prefix="licet-mutation-"))
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def _mutmut(copy: Path, *arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MUTMUT, *arguments], cwd=copy, text=True, check=False, capture_output=capture)  # noqa: S603  # our own command


if __name__ == "__main__":
    sys.exit(main())
