"""The official JavaScript client libraries, in one Node process of their own."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standin_for_tests import eventually

FOLDER = Path(__file__).parent / "javascript"


@dataclass
class Call:
    """One call of a library: its texts as they come, and what it threw at the end."""

    texts: list[str] = field(default_factory=list)
    thrown: dict[str, Any] | None = None
    ended_at: float | None = None

    def has(self, count: int) -> "Call":
        eventually(lambda: len(self.texts) >= count or self.ended_at is not None)
        assert self.ended_at is None, self.thrown
        return self

    def end(self, patience_s: float = 10.0) -> dict[str, Any] | None:
        eventually(lambda: self.ended_at is not None, patience_s)
        return self.thrown


class Node:
    """Calls by number, answered in any order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._calls: list[Call] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            call = self._calls[told["id"]]
            if "text" in told:
                call.texts.append(told["text"])
            else:
                call.thrown = told["end"]
                call.ended_at = time.monotonic()

    def call(self, library: str, url: str, model: str, key: str, prompt: str, *, stream: bool) -> Call:
        call = Call()
        self._calls.append(call)
        asked = {"id": len(self._calls) - 1, "library": library, "stream": stream}
        asked |= {"url": url, "model": model, "key": key, "prompt": prompt}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return call


@contextmanager
def node() -> Iterator[Node]:
    """Start Node; `make setup` has installed the libraries."""
    process = subprocess.Popen(
        ["node", str(FOLDER / "client.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=FOLDER
    )
    try:
        yield Node(process)
    finally:
        process.stdin.close()
        assert process.wait(10) == 0
        process.stdout.close()
