"""The log writer as a program that is supervised."""

import sys
from pathlib import Path

from licet.processes import Program


def writer_program(directory: Path, *, max_bytes: int | None = None) -> Program:
    """The program that serves the log of `directory` and ends with its parent."""
    command = (sys.executable, "-m", "licet.logwriter", "--dir", str(directory), "--stdin-lifeline")
    bound = () if max_bytes is None else ("--max-bytes", str(max_bytes))
    return Program("the log writer", command + bound, unavailable="log_unavailable")
