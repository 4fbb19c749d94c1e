"""What a child says to the process that started it, and how it learns that this one is gone.

Standard output carries one line: that it is ready, or why it will not be. Standard
input carries nothing and ends when the other end dies, however it dies.
"""

import asyncio
import json
import sys

from licet import errors
from licet.errors import LicetError

READY = b"ready\n"
"""The one line on standard output: from now on it does what it is for."""
_FAILED = b"failed "


def say_ready() -> None:
    """Say that it is ready."""
    _say(READY)


def say_failed(err: LicetError) -> None:
    """Say why it will not be: whoever started it raises the same."""
    said = {"kind": type(err).__name__, "code": err.code, "message": str(err)}
    _say(_FAILED + json.dumps(said).encode() + b"\n")


def failure_of(line: bytes) -> LicetError | None:
    """What a child that failed has said; None where it said something else."""
    if not line.startswith(_FAILED):
        return None
    try:
        said = json.loads(line.removeprefix(_FAILED))
        kind = getattr(errors, said["kind"], LicetError)
        return error_of(kind, str(said["message"]), str(said["code"]))
    except (ValueError, KeyError, TypeError):
        return None


def error_of(kind: object, message: str, code: str) -> LicetError:
    """An error of the family by its class, or of the base where that class is told in another way."""
    is_plain = isinstance(kind, type) and issubclass(kind, LicetError) and kind is not errors.DocumentError
    made = kind if is_plain and isinstance(kind, type) else LicetError
    found: LicetError = made(message, code=code)
    return found


async def watch_lifeline(stop: asyncio.Event) -> asyncio.ReadTransport:
    """Set `stop` when standard input ends."""

    class Lifeline(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 the name is asyncio's
            stop.set()

    transport, _ = await asyncio.get_running_loop().connect_read_pipe(Lifeline, sys.stdin)
    return transport


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
