"""What a large prompt and a long stream take of the gate's memory.

One `licet serve` in front of the stand-in. After a warm-up its resident memory is read
again at the end and at its highest, in turn for: prompts of 1 MB one after the other
and eight at a time, a stream of 10,000 events read at once, and one read so slowly that
it backs up. All answers are checked to be whole.

    make bench-memory
"""

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from directives_for_tests import directive
from faults_for_tests import pid_of
from instance_for_tests import Instance, fresh_instance
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import stand_in

MB = 1_000_000
EVENTS, AT_ONCE, TIMES = 10_000, 8, 50
SLOW_BYTES_A_READ, SLOW_PAUSE_S, SLOW_READS = 2_000, 0.02, 60
ITEM = "fable-5"


def main() -> int:
    """Print the table, or with `--json` one object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as instance:
        instance.items(ITEM)
        instance.act("/directives", {"text": directive()})
        key = Office(instance).employs("citizen", "not_foreign_person")
        for _ in range(200):
            _prompt(instance, key, 1_000)
        pid = pid_of(instance, "worker-0")
        results = {"at_rest_mb": _resident(pid) / MB}
        for name, act in _acts(instance, key):
            results[name] = _measured(pid, act)
    if arguments.json:
        print(json.dumps(results, indent=2))  # noqa: T201  # what a script prints is its result
    else:
        _show(results)
    return 0


def _acts(instance: Instance, key: str) -> Iterator[tuple[str, Callable[[], None]]]:
    yield f"{TIMES} prompts of 1 MB in turn", lambda: [_prompt(instance, key, MB) for _ in range(TIMES)] and None
    yield f"{AT_ONCE} prompts of 1 MB at once, {TIMES} times", lambda: _at_once(instance, key)
    yield f"a stream of {EVENTS:,} events", lambda: _stream(instance, key, slowly=False)
    yield f"a stream of {EVENTS:,} events, read slowly", lambda: _stream(instance, key, slowly=True)


def _prompt(instance: Instance, key: str, size: int) -> None:
    answer = instance.chat(key, ITEM, "x" * size)
    if answer.status != 200:  # noqa: PLR2004  # the answer that is measured
        sys.exit(f"expected an answer, found {answer.status}: {answer.body[:200]!r}")


def _at_once(instance: Instance, key: str) -> None:
    def run() -> None:
        for _ in range(TIMES):
            _prompt(instance, key, MB)

    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _stream(instance: Instance, key: str, *, slowly: bool) -> None:
    """Read a stream from a socket whose own buffer is small."""
    host, _, port = instance.gateway.removeprefix("http://").partition(":")
    prompt = f"[[chunks={EVENTS} every=0ms]]"
    asked = {"model": ITEM, "stream": True, "messages": [{"role": "user", "content": prompt}]}
    body = json.dumps(asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reader.connect((host, int(port)))
        reader.sendall(head.encode() + body)
        events, reads, tail = 0, 0, b""
        while piece := reader.recv(SLOW_BYTES_A_READ if slowly else 1 << 16):
            events += (tail + piece).count(b"data: {") - tail.count(b"data: {")
            tail = piece[-6:]
            reads += 1
            if slowly and reads < SLOW_READS:
                time.sleep(SLOW_PAUSE_S)
    if events < EVENTS:
        sys.exit(f"expected {EVENTS} events, found {events}")


def _measured(pid: int, act: Callable[[], None]) -> dict[str, float]:
    before = _resident(pid)
    with _watched(pid) as peak:
        act()
    return {"highest_mb": round((peak[0] - before) / MB, 1), "after_mb": round((_resident(pid) - before) / MB, 1)}


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """The highest resident memory while inside, looked at every millisecond."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            peak[0] = max(peak[0], _resident(pid))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def _show(results: dict[str, Any]) -> None:
    table = Table("", "highest above rest", "afterwards")
    for name, row in results.items():
        if isinstance(row, dict):
            table.add_row(name, f"{row['highest_mb']} MB", f"{row['after_mb']} MB")
    console = Console()
    console.print(f"at rest: {results['at_rest_mb']:.0f} MB")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
