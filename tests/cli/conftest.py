import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from instance_for_tests import fresh_instance
from licet.cli import run
from licet.demo.standin import StandIn
from servers_for_tests import running


@dataclass(frozen=True)
class Ran:
    """What a command line gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must hold one line of JSON and nothing else."""
        assert self.out.count("\n") == 1, self.out + self.err
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error channel, likewise."""
        assert self.err.count("\n") == 1, self.err
        return json.loads(self.err)["error"]


@pytest.fixture
def licet(capsys, monkeypatch) -> Callable[..., Ran]:
    """The command, in this process, in an environment that names no instance."""
    for name in ("LICET_DIR", "LICET_CONTROL", "LICET_TOKEN", "LICET_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def instance(tmp_path_factory):
    """One instance that is served for all tests that only add to it."""
    directory: Path = tmp_path_factory.mktemp("served") / "instance"
    with running(StandIn()) as upstream, fresh_instance(directory, upstream) as served:
        served.items("fable-5", "mythos-5")
        yield served
