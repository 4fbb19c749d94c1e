"""Clients that cost little, so that what is measured is the log writer.

Each is a process with one connection, as a gateway's worker has one, on which many
writers wait, each for its own record: an answer lets its writer submit the next one.
What the answers of one read set free leaves in one frame, which is what `LogClient`
does with the appends of one turn of its loop. Records are written beforehand: that is
the gateway's work.
"""

import resource
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from licet.logwriter.wire import Answer, Committed, Submitted, decode_answers, encode_frame, take_frames

_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Load:
    """What one client process saw: how long each append waited, for how long it went on, and its CPU time."""

    waits: list[float]
    took_s: float
    cpu_s: float


def write(path: str, entries: Iterator[bytes], writers: int, seconds: float) -> Load:
    """Append from so many writers for so long; every append that was begun is waited for."""
    asked: dict[int, float] = {}
    waits: list[float] = []
    buffer = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        before, began = _cpu_s(), time.perf_counter()
        number, free, now = 0, writers, began
        while True:
            if now - began < seconds:
                batch = [Submitted(number + offset, next(entries)) for offset in range(1, free + 1)]
                asked.update((each.correlation, now) for each in batch)
                number += free
                connection.sendall(encode_frame(batch))
            if not asked:
                return Load(waits, now - began, _cpu_s() - before)
            answers: list[Answer] = []
            while not answers:
                buffer += connection.recv(_READ_BYTES)
                answers = [each for payload in take_frames(buffer) for each in decode_answers(payload)]
            now, free = time.perf_counter(), len(answers)
            for each in answers:
                if not isinstance(each, Committed):
                    raise SystemExit(f"the log refused: {each}")
                waits.append(now - asked.pop(each.correlation))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
