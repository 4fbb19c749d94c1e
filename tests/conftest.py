"""House rules for every test: in CI nothing is skipped unlisted, and nothing is left running."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from licet.decisions import binding, gather, judge
from licet.decisions.explain import explained

_ALLOWED = Path(__file__).parent / "allowed_skips.txt"
_skipped: list[str] = []
# No test is about how quick this machine is at the moment.
settings.register_profile("licet", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("licet")


@pytest.fixture(scope="session", autouse=True)
def verdicts_are_worked_out_here():
    """Mutation testing alters code in a process that has already run: nothing remembered there may answer."""
    for remembered in (judge, explained, binding._binding, binding._boundaries, gather._usable):
        remembered.cache_clear()


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report):
    if report.skipped:
        _skipped.append(report.nodeid)


def _allowed() -> set[str]:
    lines = (line.partition("#") for line in _ALLOWED.read_text().splitlines())
    return {name.strip() for name, _, reason in lines if name.strip() and reason.strip()}


def _children() -> list[str]:
    """Commands of processes that this one started and that still run."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc/self/stat").exists() else ():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
                if int(parent) == os.getpid() and state != "Z":
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue  # it ended while we looked
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    complaints = []
    if os.environ.get("CI"):
        complaints += [
            f"skipped without being listed in {_ALLOWED.name}: {name}" for name in _skipped if name not in _allowed()
        ]
    complaints += [f"left running: {command}" for command in _children()]
    if complaints:
        session.config.get_terminal_writer().line("\n" + "\n".join(complaints), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
