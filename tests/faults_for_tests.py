"""Faults of a running instance: no log writer, no store."""

import fcntl
import functools
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from standin_for_tests import eventually


def pid_of(instance, name):
    """A process of an instance: `log`, `control`, `worker-0`."""
    return json.loads((instance.directory / "run" / "processes.json").read_text())[name]["pid"]


def writer_pid(instance):
    """The child of `licet serve` that holds the log."""
    return pid_of(instance, "log")


def among_tests():
    """An environment in which a process finds the helpers of the tests."""
    return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}


def serve_without_websockets():
    """`licet` where the extra `realtime` is not installed."""
    import licet.app.service as serving
    from licet.cli import main

    lost = "import sys; sys.modules['websockets'] = None; "
    program = (sys.executable, "-c", f"{lost}from licet.app.worker import main; sys.exit(main())")
    serving.serve = functools.partial(serving.serve, worker=program)
    main()


def serve_by_another_clock():
    """`licet`, whose workers' wall clock is behind by as many seconds as a file says."""
    import licet.app.service as serving
    from licet.cli import main

    program = (sys.executable, "-c", "import faults_for_tests; faults_for_tests.work_by_another_clock()")
    serving.serve = functools.partial(serving.serve, worker=program)
    main()


def work_by_another_clock():
    """One worker of it."""
    from licet.app import worker
    from licet.fleet import Clock

    class Behind(Clock):
        def now(self):
            at = super().now() - timedelta(seconds=float(Path(os.environ["BEHIND"]).read_text() or 0))
            self._shown = max(getattr(self, "_shown", at), at)
            self._last = self._shown  # the real clock has told it more than this one knows
            return at

    worker.Clock = Behind
    sys.exit(worker.main())


@contextmanager
def writer_gone(instance):
    """Kill the log writer, and hold its lock so that no other can start."""
    os.kill(writer_pid(instance), signal.SIGKILL)
    with (instance.directory / "log.db.lock").open("r+") as lock:

        def taken():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        eventually(taken)
        yield


@contextmanager
def broken_store(instance, table="settings"):
    """A store that lacks a table: without `settings` no bundle can be made, without `rows` no act be done."""

    def rename(old, new):
        with closing(sqlite3.connect(instance.directory / "licet.db", timeout=5)) as database:
            database.execute(f"ALTER TABLE {old} RENAME TO {new}")
            database.commit()

    rename(table, f"{table}_elsewhere")
    try:
        yield
    finally:
        rename(f"{table}_elsewhere", table)
