"""Run the commands of a document in order as they stand; only ports are changed, to free ones."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_printed(blocks: list[str]) -> str:
    """What the commands said; nothing that they started may be left."""
    ports = dict(zip(("8080", "8081", "9000"), free_ports(3), strict=True))
    script = "set -euo pipefail\n" + "\n".join(blocks)
    for port, free in ports.items():
        script = re.sub(rf"(127\.0\.0\.1:|--port ){port}\b", rf"\g<1>{free}", script)
    swap = "; ".join(f"s/:{port}/:{free}/" for port, free in ports.items())
    script = re.sub(
        r"^(licet init gate.*)$", rf"\1\nsed -i.before '{swap}' gate/licet.toml", script, flags=re.MULTILINE
    )
    place = tempfile.mkdtemp(prefix="r-", dir="/tmp")  # short enough for a socket in it
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LICET_")}
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment, "PATH": path, "TMPDIR": place, "no_proxy": "127.0.0.1"},
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=240)
        left = is_there(process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(place)
    assert process.returncode == 0, out
    assert not left, "a process of the document was left running"
    return out


def assert_said(out: str, said: list[str]) -> None:
    """That these words came, in this order."""
    position = 0
    for words in said:
        found = out.find(words, position)
        assert found >= 0, f"{words} is not in what follows:\n{out[position:]}"
        position = found + len(words)


def free_ports(number: int) -> list[str]:
    """Ports that nobody used just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def is_there(group: int) -> bool:
    """Whether a process of the group runs, after some patience."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True
