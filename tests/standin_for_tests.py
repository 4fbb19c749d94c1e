"""The stand-in model server as a process of its own, with its memory at hand."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from instance_for_tests import call


@dataclass
class StandIn:
    url: str

    def log(self) -> list[dict[str, Any]]:
        return call(self.url + "/__log").json

    def body(self, number: int) -> bytes:
        return call(f"{self.url}/__bodies/{number}").body

    def forget(self) -> None:
        call(self.url + "/__log", method="DELETE")

    def asked_for(self, model: str) -> list[dict[str, Any]]:
        return [seen for seen in self.log() if seen["model"] == model]


@contextmanager
def stand_in() -> Iterator[StandIn]:
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.demo.standin", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield StandIn(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def eventually(claim: Callable[[], Any], patience_s: float = 5.0) -> Any:
    """Wait until something is true, and give it back."""
    deadline = time.monotonic() + patience_s
    while not (found := claim()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
    return found
