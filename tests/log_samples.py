"""Records and processes that the tests of the log share."""

import asyncio
import contextlib
import subprocess
import sys
from datetime import UTC, datetime

from licet.logwriter import (
    LogStore,
    database_path,
    keys_path,
    now_s,
    read_log_keys,
    ready_record_key,
    verify_log,
    write_log_keys,
)
from licet.processes import READY
from licet.records import Record, RecordKind

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)


def record(name, body=None, *, at=NOON, kind=RecordKind.DECISION):
    return Record(str(name), at, kind, {"item": "fable"} if body is None else body)


def keys_of(directory):
    """The keys of a log in a directory, made when first asked for."""
    return read_log_keys(directory) if keys_path(directory).exists() else write_log_keys(directory)


def open_store(path, **options):
    """Open the log at a path, with the keys beside it."""
    return LogStore(path, keys_of(path.parent), options.pop("now_s", now_s), **options)


def record_key_of(directory):
    """The key that wraps a log's sealing keys, made when first asked for."""
    return ready_record_key(directory, database_path(directory))


def open_sealing(path, **options):
    """Open the log at a path as the log writer does: records are sealed."""
    return open_store(path, record_key=record_key_of(path.parent), **options)


def verified(path, kept=None):
    """Verify the log at a path under the keys beside it."""
    return verify_log(path, keys_of(path.parent).policy, kept)


def written_log(directory, count=9, make=record):
    """Write a log of `count` records, closed and whole, and give its path."""
    path = database_path(directory)
    with open_store(path) as store:
        store.append_batch([make(f"R{n}").to_bytes() for n in range(1, count + 1)])
    return path


@contextlib.contextmanager
def running_writer(directory, *arguments, **options):
    """Run the shipped log writer until the block ends."""
    keys_of(directory)
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.logwriter", "--dir", str(directory), *arguments],
        stdout=subprocess.PIPE,
        **options,
    )
    try:
        assert process.stdout.readline() == READY
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


async def until(condition, timeout_s=5.0):
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
