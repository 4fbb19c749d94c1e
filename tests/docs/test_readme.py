"""The README's commands, run in order as they stand; only ports are changed, to free ones."""

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

import pytest
import typer

from licet.cli.root import _build

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```bash licet\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

# What the commands must have said, in this order.
SAID = [
    *['"object":"chat.completion"'] * 3,
    "stopped for everybody: fable-5",
    '"code":"item_stopped"',
    "brought back: fable-5",
    "BIS-2026-06-12",
    "forbid (principal",
    "in force from its `effective_at` on: BIS-2026-06-12",
    '"code":"verification_required"',
    "remote_inference",
    '"outcome":"needs_evidence"',
    '"data":[{"id":"sonata-3"',
    '"standing":',
    '"object":"chat.completion"',
    '"standing":',
    '"outcome":"license_required"',
    '"alternatives":["sonata-3"]',
    '"standing":',
    "entered license D-2026-001",
    '"object":"chat.completion"',
    "revoked license D-2026-001",
    "in force from its `effective_at` on: BIS-2026-06-26",
    '"object":"chat.completion"',
    '"outcome":"license_required"',
    "lifted BIS-2026-06-26",
    '"object":"chat.completion"',
    "license_required",
    '"kind":"stream_cut"',
    "the log is whole",
    "1 fault(s) found",
    "an alteration, and where it is",
]


@pytest.fixture
def place():
    """A directory of our own, with a path short enough for a socket in it."""
    path = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def free_ports(number):
    """Ports that nobody used just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_the_commands_run_as_they_are_printed(place):
    assert len(BLOCKS) >= 8
    ports = dict(zip(("8080", "8081", "9000"), free_ports(3), strict=True))
    script = "set -euo pipefail\n" + "\n".join(BLOCKS)
    for port, free in ports.items():
        script = re.sub(rf"(127\.0\.0\.1:|--port ){port}\b", rf"\g<1>{free}", script)
    swap = "; ".join(f"s/:{port}/:{free}/" for port, free in ports.items())
    script = re.sub(
        r"^(licet init gate.*)$", rf"\1\nsed -i.before '{swap}' gate/licet.toml", script, flags=re.MULTILINE
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LICET_")}
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment, "PATH": path, "TMPDIR": str(place), "no_proxy": "127.0.0.1"},
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=240)
        left = is_there(process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, out
    position = 0
    for words in SAID:
        found = out.find(words, position)
        assert found >= 0, f"{words} is not in what follows:\n{out[position:]}"
        position = found + len(words)
    assert not left, "a process of the README was left running"


def is_there(group):
    """Whether a process of the group runs, after some patience."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def leaves(command, path):
    """Every command that does something."""
    members = getattr(command, "commands", None)
    if not members:
        return [" ".join(path)]
    return [leaf for name, member in members.items() for leaf in leaves(member, [*path, name])]


def test_every_command_has_its_place_in_the_table():
    rows = "".join(re.findall(r"^\| (`licet .*?) \|", README, re.MULTILINE))
    assert set(re.findall(r"`([^`]+)`", rows)) == set(leaves(typer.main.get_command(_build([])), ["licet"]))


def test_no_advice_is_promised():
    assert "licet gives no legal advice" in README
