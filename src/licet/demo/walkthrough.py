"""Play the steps one after the other, and stop at the first that does not come out as expected."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from licet.demo.report import Check, Report, Row
from licet.demo.scene import Scene, open_scene
from licet.errors import ConfigurationError, LicetError

if TYPE_CHECKING:
    from licet.demo.stage import Stage
    from licet.demo.steps import Act

_LIBRARIES = {"openai": "openai", "anthropic": "anthropic", "google.genai": "google-genai"}
_AT_A_TIME = 6
# A variable of these may turn a client library to another address, key or proxy.
_FOREIGN = ("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_")


def run_demo(*, keep: bool, as_json: bool) -> bool:
    """Walk through the main job and say whether every step came out as expected.

    Args:
        keep: Leave everything running afterwards, until Ctrl-C.
        as_json: Print one JSON object instead of tables.

    Raises:
        ConfigurationError: the client libraries are not installed.
        LicetError: a process did not start.
    """
    _require_libraries()
    report = Report(as_json)
    began = time.monotonic()
    with _quiet_environment(), _workers() as work:
        # The libraries take seconds to import, and so does the scene to be set.
        loading = work.submit(import_module, "licet.demo.steps")
        with open_scene() as scene:
            loading.result()
            from licet.demo.stage import Stage  # noqa: PLC0415  # loaded by now
            from licet.demo.steps import STEPS  # noqa: PLC0415  # loaded by now

            stage = Stage(scene, work)
            try:
                walk(stage, STEPS, report)
                report.took_s = time.monotonic() - began
                report.finish(_places(scene, stage.keys) if keep else {})
                if keep and report.held:
                    _keep(scene, stage.keys, as_json=as_json)
            finally:
                stage.close()
    return report.held


def walk(stage: "Stage", steps: "Sequence[Act]", report: Report) -> None:
    """Play the steps; the report holds what came of them."""
    for step in steps:
        with report.doing(step.number, step.title):
            began = time.monotonic()
            for check in _checks(step, stage):
                now = time.monotonic()
                report.rows.append(Row(step.number, step.title, check, now - began))
                began = now
                if not check.held:
                    return


def _checks(step: "Act", stage: "Stage") -> Iterator[Check]:
    """The checks of a step; a command that fails is one that did not hold."""
    try:
        yield from step.play(stage)
    except LicetError as err:
        yield Check("a command or a call", "done", f"{err} [{err.code}]", held=False)


def _require_libraries() -> None:
    missing = [package for module, package in _LIBRARIES.items() if not _is_there(module)]
    if missing:
        raise ConfigurationError(
            f"the demo needs the client libraries {', '.join(missing)}: pip install 'licet[demo]'",
            code="libraries_missing",
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package above it
        return False


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Threads that nobody waits for when the walk is broken off: they end when what they talk to does."""
    work = ThreadPoolExecutor(_AT_A_TIME)
    try:
        yield work
    finally:
        work.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _quiet_environment() -> Iterator[None]:
    """Keep the client libraries from reading what the environment says of the real services."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_FOREIGN) or name.lower().endswith("_proxy"):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


def _places(scene: Scene, keys: Mapping[str, str]) -> dict[str, Any]:
    return {"gateway": scene.gateway, "control": scene.control, "directory": str(scene.instance), "keys": dict(keys)}


def _keep(scene: Scene, keys: Mapping[str, str], *, as_json: bool) -> None:
    """Say how to go on by hand, and wait for Ctrl-C."""
    if not as_json:
        sys.stdout.write(_HOW_TO_GO_ON.format(gateway=scene.gateway, control=scene.control, directory=scene.instance))
        sys.stdout.write("".join(f"  {name:9} {key}\n" for name, key in keys.items()) + "\nCtrl-C ends it.\n")
        sys.stdout.flush()
    try:
        signal.pause()
    except KeyboardInterrupt:
        return


_HOW_TO_GO_ON = """
It is left running.
  gateway   {gateway}
  control   {control}/docs

  export LICET_DIR={directory}
  licet status
  export LICET_ADMINISTRATOR=ada          # or ben
  licet stop mythos-5; licet resume       # then, as ben: licet pending list; licet pending approve ID
  licet record list --limit 10
  curl {gateway}/v1/models -H "Authorization: Bearer $KEY"
  curl {gateway}/v1/chat/completions -H "Authorization: Bearer $KEY" \\
    -d '{{"model": "fable-5", "messages": [{{"role": "user", "content": "Is it permitted?"}}]}}'

KEY is one of these:
"""
