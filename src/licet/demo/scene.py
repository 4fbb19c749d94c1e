"""The processes and files of a walk-through, and how it acts on them.

It acts as its readers do: by the command `licet`, by HTTP, and (in `callers`) by
the official client libraries. Whatever happens, nothing of it stays: the scene
ends with its block, and with it every process and file.
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from licet.demo.serving import VOUCHERS
from licet.demo.vouchers import Vouchers, vouching
from licet.errors import InputError, LicetError, UnavailableError
from licet.fleet import Clock
from licet.terms import format_instant, parse_instant

PROPOSER, APPROVER = "ada", "ben"
"""Two administrators: one may tighten, and it takes both to loosen."""

_PATIENCE_S = 20.0
_EFFECTIVE = re.compile(r"^effective_at: (\S+)$", re.MULTILINE)
_INSTANT = re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command gave back."""

    code: int
    value: Any
    error: Mapping[str, Any] | None


class Scene:
    """A stand-in model server and an instance of licet, served as the shipped command serves it.

    Attributes:
        directory: Where the instance and the files of the walk-through are.
        gateway: Where callers ask.
        control: Where commands act.
        upstream: The stand-in.
        witness: Where somebody else cosigns the log's checkpoints.
        vouchers: The stand-ins of those who vouch for people.
    """

    vouchers: Vouchers

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.instance = directory / "instance"
        self.gateway = ""
        self.control = ""
        self.upstream = ""
        self.witness = ""
        self._clock = Clock()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LICET_")}
        self._environment = {**kept, "LICET_DIR": str(self.instance), "LICET_ADMINISTRATOR": PROPOSER}

    def now(self) -> datetime:
        """The instant."""
        return self._clock.now()

    def licet(self, *arguments: object, **environment: str) -> Any:
        """Run a command that must succeed, and give the JSON it printed.

        Raises:
            LicetError: it failed.
        """
        ran = self.try_licet(*arguments, **environment)
        if ran.code != 0:
            told = ran.error or {}
            words = " ".join(map(str, arguments))
            raise LicetError(f"`licet {words}` failed: {told.get('message')}", code=str(told.get("code", "failed")))
        return ran.value

    def agreed(self, *arguments: object) -> Any:
        """Run a command that takes two persons: one proposes, and the other approves.

        Raises:
            LicetError: it failed, or one alone could do it.
        """
        proposed = self.licet(*arguments)
        if "pending" not in proposed:
            raise LicetError(f"`licet {arguments[0]}` took one person only", code="alone")
        return self.licet("pending", "approve", proposed["pending"]["id"], LICET_ADMINISTRATOR=APPROVER)

    def try_licet(self, *arguments: object, **environment: str) -> Ran:
        """Run a command that may fail.

        Raises:
            UnavailableError: it did not end.
        """
        command = [sys.executable, "-m", "licet", *map(str, arguments), "--json"]
        settings = {**self._environment, **environment}
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE_S, env=settings)  # noqa: S603  # our own command
        except subprocess.TimeoutExpired as err:
            raise UnavailableError(f"`licet {arguments[0]}` did not end within {_PATIENCE_S} s") from err
        return Ran(done.returncode, _json(done.stdout), (_json(done.stderr) or {}).get("error"))

    def post(self, path: str, key: str, body: object) -> Any:
        """Call a public door of the gateway, as curl would, with JSON or with a file's bytes.

        Raises:
            LicetError: it refused.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if data is body else "application/json"
        headers = {"authorization": f"Bearer {key}", "content-type": kind}
        request = urllib.request.Request(self.gateway + path, data, headers)  # noqa: S310  # http on loopback
        try:
            with _OPENER.open(request, timeout=_PATIENCE_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as err:
            with err:
                problem = _json(err.read()) or {}
            raise LicetError(str(problem.get("detail")), code=str(problem.get("code", err.code))) from err

    def send(self, url: str, body: bytes) -> int:
        """Bring bytes to a server of the scene, and give the status it answers with."""
        try:
            with _OPENER.open(urllib.request.Request(url, body), timeout=_PATIENCE_S) as answer:  # noqa: S310  # http on loopback
                return int(answer.status)
        except urllib.error.HTTPError as err:
            with err:
                return err.code

    def directive_of_today(self, name: str) -> Path:
        """A copy of an example directive with its instants moved, so that it takes effect now."""
        text = files("licet.demo").joinpath("directives", name).read_text(encoding="utf-8")
        found = _EFFECTIVE.search(text)
        if found is None:
            raise InputError(f"expected `effective_at` in the example directive `{name}`")
        shift = self.now() - parse_instant(found[1])
        text = _INSTANT.sub(lambda x: format_instant(parse_instant(x[0]) + shift), text)
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path


@contextmanager
def open_scene() -> Iterator[Scene]:
    """Set a scene, and clear it away however the block ends, SIGTERM included.

    Raises:
        LicetError: a process did not come up.
    """
    with ExitStack() as stack:
        stack.enter_context(_ended_by_sigterm())
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="licet-demo-", ignore_cleanup_errors=True))
        )
        scene = Scene(directory)
        scene.vouchers = stack.enter_context(vouching())
        scene.upstream = stack.enter_context(process(["-m", "licet.demo.standin", "--json"], directory, {}))["url"]
        scene.licet("init", scene.instance, "--administrator", PROPOSER, "--administrator", APPROVER)
        scene.witness = stack.enter_context(_witness(scene))
        _configure(scene.instance / "licet.toml", scene.upstream)
        _offer_more(scene)
        command = ["-m", "licet.demo.serving", str(scene.instance)]
        running = stack.enter_context(process(command, directory, {VOUCHERS: scene.vouchers.url}))
        scene.gateway, scene.control = running["gateway"], running["control"]
        yield scene


@contextmanager
def _witness(scene: Scene) -> Iterator[str]:
    """A witness of the log, in a process and a directory of its own; the trust file asks for its cosignature."""
    home, policy = scene.directory / "witness", scene.instance / "log.policy"
    key = scene.licet("witness", "init", home, "--name", "witness.example/demo")["key"]
    scene.licet("witness", "add-log", home, "--policy", policy)
    trusted = policy.read_text(encoding="utf-8")
    policy.write_text(trusted.replace("quorum none\n", f"witness demo {key}\nquorum demo\n"), encoding="utf-8")
    command = ["-m", "licet", "witness", "serve", str(home), "--listen", "127.0.0.1:0", "--json"]
    with process(command, scene.directory, {}) as running:
        settings = scene.instance / "licet.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(f'{text}\n[log]\nwitnesses = ["{key} {running["url"]}"]\n', encoding="utf-8")
        yield str(running["url"])


def _offer_more(scene: Scene) -> None:
    """What the vendor signs with is known to the instance, by a file; and a person may be asked."""
    secret, settings = scene.instance / "persona.secret", scene.instance / "licet.toml"
    secret.touch(0o600)
    secret.write_text(scene.vouchers.secret, encoding="ascii")
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        f'{text}\n[evidence.persona]\nsecrets = ["file:persona.secret"]\n[review]\noffered = true\n', encoding="utf-8"
    )


def _configure(path: Path, upstream: str) -> None:
    """Free ports, and the stand-in as the inference server."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'^(gateway|control) = "127\.0\.0\.1:\d+"', r'\1 = "127.0.0.1:0"', text, flags=re.MULTILINE)
    path.write_text(re.sub(r'^base_url = ".*"', f'base_url = "{upstream}"', text, flags=re.MULTILINE), encoding="utf-8")


@contextmanager
def process(arguments: list[str], directory: Path, environment: Mapping[str, str]) -> Iterator[Any]:
    """Start a Python process that says in one line of JSON that it is there; end it with the block."""
    complaints = directory / f"{arguments[1]}.log"
    with complaints.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own modules
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for the walk-through; it ends its processes in order
        )
    try:
        yield _first_line(process, complaints)
    finally:
        _end(process)


def _first_line(process: "subprocess.Popen[bytes]", complaints: Path) -> Any:
    stream = process.stdout
    ready = stream is not None and select.select([stream], [], [], _PATIENCE_S)[0]
    line = stream.readline() if stream is not None and ready else b""
    value = _json(line)
    if value is None:
        said = complaints.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise UnavailableError(f"a process of the demo did not start: {said}", code="not_started")
    return value


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
