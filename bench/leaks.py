"""Try the leaks of `tests/leaks/` on gates, and look at what reaches their upstream.

licet is started, and the LiteLLM proxy where its command is found, each in front of
a stand-in of its own. The caller may use one model and not the other: at licet by a
directive and a want of evidence, at LiteLLM by a key whose list of models has only
the one.

    python bench/leaks.py                          # licet, and litellm if it is on the PATH
    python bench/leaks.py --litellm PATH --write   # writes docs/leaks.md
    python bench/leaks.py --gateway URL --upstream URL --key KEY --open NAME --restricted NAME
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from directives_for_tests import directive  # the tests' own helpers, found through the line above
from instance_for_tests import fresh_instance
from leaks_for_tests import Leak, held, read_leaks, send
from standin_for_tests import StandIn, stand_in

ROOT = Path(__file__).resolve().parent.parent
OPEN, RESTRICTED = "open-1", "restricted-1"
LITELLM_KEY = "sk-caller"
READY_S = 120.0
HELD, LEAKED, OTHER = "held", "leaked", "passed on"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate to be tried, with a key of the caller's and what its upstream saw."""

    name: str
    url: str
    key: str
    upstream: StandIn
    open: str = OPEN
    restricted: str = RESTRICTED


def main() -> int:
    """Print what became of each leak at each gate; 1 if licet let one through."""
    arguments = _arguments()
    leaks = list(read_leaks())
    with contextlib.ExitStack() as stack:
        if arguments.gateway:
            upstream = StandIn(arguments.upstream)
            gates = [Gate("gateway", arguments.gateway, arguments.key, upstream, arguments.open, arguments.restricted)]
        else:
            gates = [stack.enter_context(_licet())]
            command = arguments.litellm or shutil.which("litellm")
            if command:
                gates.append(stack.enter_context(_litellm(command)))
            else:
                Console(stderr=True).print("litellm is not installed: only licet is tried")
        found = {gate.name: [_try(gate, leak) for leak in leaks] for gate in gates}
    _print(leaks, found)
    if arguments.write:
        _write(leaks, found, _version(arguments.litellm or "litellm"))
    return 1 if any(result != HELD for result in found[gates[0].name]) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", help="the command of the LiteLLM proxy")
    parser.add_argument("--write", action="store_true", help="write docs/leaks.md")
    for name in ("gateway", "upstream", "key"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--open", default=OPEN)
    parser.add_argument("--restricted", default=RESTRICTED)
    return parser.parse_args()


def _try(gate: Gate, leak: Leak) -> str:
    """What came of one leak: nothing reached the upstream, the restricted model did, or something else did."""
    gate.upstream.forget()
    with contextlib.suppress(OSError):  # a gate that drops the connection lets nothing through
        send(leak, gate.url, gate.key, gate.open, gate.restricted)
    log = gate.upstream.log()
    if held(leak, log):
        return HELD
    bodies = b"".join(gate.upstream.body(number) for number in range(len(log)))
    seen = json.dumps(log).encode() + bodies
    return LEAKED if gate.restricted.encode() in seen else OTHER


@contextlib.contextmanager
def _licet() -> Iterator[Gate]:
    with (
        stand_in() as upstream,
        tempfile.TemporaryDirectory(prefix="licet-leaks-") as folder,
        fresh_instance(Path(folder) / "i", upstream.url, "\n[gateway]\ngemini_live = true\n") as instance,
    ):
        instance.items(OPEN)
        instance.act("/items", {"id": RESTRICTED, "aliases": [f"{RESTRICTED}-latest"], "upstream": "main"})
        key = instance.party_key("P1")
        text = directive(items=[{"id": RESTRICTED, "basis": "named"}], acts=["release"])
        instance.act("/directives", {"text": text})
        yield Gate("licet", instance.gateway, key, upstream)


@contextlib.contextmanager
def _litellm(command: str) -> Iterator[Gate]:
    with stand_in() as upstream, tempfile.TemporaryDirectory(prefix="licet-leaks-") as folder:
        port = _free_port()
        _configure(Path(folder), upstream.url)
        environment = {
            **os.environ,
            "OPENAI_API_KEY": "upstream",
            "ANTHROPIC_API_KEY": "upstream",
            "GEMINI_API_KEY": "upstream",
            "OPENAI_API_BASE": f"{upstream.url}/v1",
            "ANTHROPIC_API_BASE": upstream.url,
            "GEMINI_API_BASE": upstream.url,
            "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(32)}",
            "NO_PROXY": "*",
        }
        arguments = [command, "--config", "config.yaml", "--port", str(port), "--host", "127.0.0.1"]
        process = subprocess.Popen(  # noqa: S603  # the command that was asked for
            arguments, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _await(f"{url}/health/liveliness", process)
            yield Gate("LiteLLM proxy", url, LITELLM_KEY, upstream)
        finally:
            process.terminate()
            process.wait(30)


def _configure(folder: Path, upstream: str) -> None:
    models = "".join(
        f"  - model_name: {name}\n"
        f"    litellm_params: {{model: openai/{name}, api_base: {upstream}/v1, api_key: upstream}}\n"
        for name in (OPEN, RESTRICTED)
    )
    # Both are needed for the list of models of a key to count under such a hook.
    settings = (
        "general_settings: {custom_auth: caller.authenticate, custom_auth_run_common_checks: true}\n"
        "litellm_settings: {enable_post_custom_auth_checks: true}\n"
    )
    # What fails upstream has a deployment left out for a while, and a leak would seem to be held.
    settings += "router_settings: {disable_cooldowns: true}\n"
    (folder / "config.yaml").write_text(f"model_list:\n{models}{settings}", encoding="utf-8")
    (folder / "caller.py").write_text(
        "from litellm.proxy._types import UserAPIKeyAuth\n\n\n"
        "async def authenticate(request, api_key):\n"
        f'    if api_key.removeprefix("Bearer ") != "{LITELLM_KEY}":\n'
        '        raise Exception("unknown key")\n'
        f'    return UserAPIKeyAuth(api_key=api_key, models=["{OPEN}"])\n',
        encoding="utf-8",
    )


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), opener.open(url, timeout=5):
            return
        time.sleep(0.5)
    raise SystemExit(f"the gate at {url} did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _version(command: str) -> str:
    found = shutil.which(command)
    if found is None:
        return "not installed"
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603  # the same
    return said.rpartition(" ")[2].strip() or "unknown"


def _print(leaks: list[Leak], found: dict[str, list[str]]) -> None:
    table = Table("leak", *found)
    for number, leak in enumerate(leaks):
        table.add_row(leak.name, *(results[number] for results in found.values()))
    table.add_section()
    table.add_row("held", *(f"{results.count(HELD)} of {len(leaks)}" for results in found.values()))
    Console().print(table)


def _write(leaks: list[Leak], found: dict[str, list[str]], version: str) -> None:
    lines = [
        "# Leaks, tried on gates",
        "",
        "Each line is a request of `tests/leaks/`, sent to a gate whose caller may use one",
        "model and not the other. *held*: nothing reached the upstream, or of a socket nothing",
        "beyond a plain opening. *leaked*: the",
        "restricted model's name reached it, as the model or in a member that an upstream",
        "may read as one. *passed on*: something else did, which is what a gate that decides",
        "on one name does with what it does not read.",
        "",
        "    make bench-leaks LITELLM=PATH",
        "",
        f"LiteLLM {version}, as its proxy is configured in `bench/leaks.py`: a key whose",
        "list of models has the one only, by its hook for authentication, without a database.",
        "Some of what it passes on is meant to pass on: routes for its operators' own use,",
        "which an operator may switch off.",
        "",
        f"| leak | {' | '.join(found)} |",
        f"| --- |{' --- |' * len(found)}",
        *(
            f"| {leak.name} | {' | '.join(results[number] for results in found.values())} |"
            for number, leak in enumerate(leaks)
        ),
        f"| **held** | {' | '.join(f'**{results.count(HELD)} of {len(leaks)}**' for results in found.values())} |",
        "",
    ]
    (ROOT / "docs" / "leaks.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
