"""The supervisor keeps one process alive, and leaves none behind."""

import asyncio
import os
import sys
import time

import pytest

from licet.errors import ConflictError, UnavailableError
from licet.logwriter import write_log_keys, writer_program
from licet.processes import Program, Supervisor
from log_samples import until

READY = "print('ready', flush=True)"
IDLE = f"{READY}; import sys; sys.stdin.read()"
DEAF = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}; time.sleep(60)"


def python(code):
    return Program("the child", (sys.executable, "-S", "-c", code))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_is_started_again_when_it_dies_and_stopped_at_the_end():
    async with Supervisor(python(IDLE)) as supervisor:
        first = supervisor.pid
        assert supervisor.restarts == 0
        os.kill(first, 9)
        await until(lambda: supervisor.restarts == 1)
        second = supervisor.pid
        assert second != first
        assert is_alive(second)
    assert supervisor.pid is None
    assert not is_alive(second)


async def test_a_process_that_does_not_end_is_killed():
    supervisor = Supervisor(python(DEAF), stop_s=0.1)
    await supervisor.start()
    pid = supervisor.pid
    began = time.monotonic()
    await supervisor.close()
    assert not is_alive(pid)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(python("raise SystemExit(3)"), id="ends before it is ready"),
        pytest.param(python("print('something else', flush=True); input()"), id="says something else"),
        pytest.param(python("import time; time.sleep(60)"), id="never gets ready"),
        pytest.param(Program("the child", ("/nonexistent",)), id="cannot be run"),
    ],
)
async def test_a_process_that_does_not_get_ready_is_unavailable(program):
    supervisor = Supervisor(program, ready_s=0.5)
    with pytest.raises(UnavailableError):
        await supervisor.start()
    assert supervisor.pid is None
    await supervisor.close()


async def test_it_goes_on_trying_while_starts_fail(tmp_path):
    """The first start succeeds, the next two fail, the fourth succeeds."""
    count = tmp_path / "count"
    code = f"""
import pathlib, sys
count = pathlib.Path({str(count)!r})
n = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (n + 1))
if n in (1, 2):
    sys.exit(1)
{READY}
sys.stdin.read()
"""
    async with Supervisor(python(code)) as supervisor:
        os.kill(supervisor.pid, 9)
        await until(lambda: supervisor.restarts == 1)
        assert count.read_text() == "xxxx"


async def test_closing_during_a_start_leaves_no_process(tmp_path):
    mark = tmp_path / "pid"
    code = f"""
import os, pathlib, sys, time
mark = pathlib.Path({str(mark)!r})
if mark.exists():
    mark.write_text(str(os.getpid()))
    time.sleep(60)
mark.write_text("first")
{READY}
sys.stdin.read()
"""
    supervisor = Supervisor(python(code))
    await supervisor.start()
    os.kill(supervisor.pid, 9)
    await until(lambda: mark.read_text().isdigit())
    await supervisor.close()
    assert not is_alive(int(mark.read_text()))
    assert supervisor.restarts == 0


async def test_two_supervisors_of_one_log_do_not_both_start(directory):
    write_log_keys(directory)
    async with Supervisor(writer_program(directory)) as first:
        with pytest.raises(ConflictError, match="only writer"):  # what the child said
            await Supervisor(writer_program(directory)).start()
        assert is_alive(first.pid)


async def test_closing_what_was_never_started_is_fine():
    await asyncio.wait_for(Supervisor(python(IDLE)).close(), 1)
