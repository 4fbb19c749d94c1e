"""A real instance, served by a real process, and the few calls that tests make of it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from licet.app import create_instance
from licet.stores import ACTING

_SERVE = "import sys; from licet.cli import main; main()"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Instance:
    directory: Path
    gateway: str
    control: str
    process: subprocess.Popen[str]
    token: str
    keys: dict[str, str] = field(default_factory=dict)

    def act(self, path: str, body: Mapping[str, Any] | None = None, expect: int = 200) -> Any:
        """A call of the control API."""
        data = None if body is None else json.dumps(body).encode()
        answer = call(
            self.control + path, data, {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        )
        assert answer.status == expect, answer.body
        return answer.json

    def items(self, *names: str, upstream: str = "main") -> None:
        for name in names:
            self.act("/items", {"id": name, "upstream": upstream})

    def party_key(self, party: str, organization: str | None = None) -> str:
        self.act("/parties", {"id": party, "organization": organization})
        self.keys[party] = self.act("/keys", {"party": party})["result"]["key"]
        return self.keys[party]

    def chat(self, key: str, model: str, prompt: str = "hi", **members: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], **members}
        return call(
            self.gateway + "/v1/chat/completions", json.dumps(body).encode(), {"authorization": f"Bearer {key}"}
        )

    def records(self, **wanted: Any) -> list[dict[str, Any]]:
        """Records from the log's file, oldest first."""
        from licet.logwriter import open_reader, read_record_key

        with open_reader(self.directory / "log.db", read_record_key(self.directory)) as reader:
            every = [json.loads(reader.open(row).to_bytes()) for row in reader.entries()]
        return [x for x in every if all(x.get(k, x["body"].get(k)) == v for k, v in wanted.items())]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def call(
    url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None, method: str | None = None
) -> Answer:
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as response:
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
    except urllib.error.HTTPError as err:
        with err:
            return Answer(err.code, {k.lower(): v for k, v in err.headers.items()}, err.read())


def configure(directory: Path, upstream: str, extra: str = "") -> None:
    """Port 0 everywhere, the upstream given, and more lines of TOML."""
    path = directory / "licet.toml"
    text = path.read_text().replace(":8080", ":0").replace(":8081", ":0").replace("http://127.0.0.1:9000", upstream)
    path.write_text(text + extra)


@contextmanager
def serving(directory: Path, *, script: str = _SERVE, workers: int = 1, **environment: str) -> Iterator[Instance]:
    """Serve a directory that `create_instance` has made."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, "serve", "--dir", str(directory), "--workers", str(workers), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        line = process.stdout.readline()
        assert line, f"licet serve ended with {process.wait(10)}"
        urls = json.loads(line)
        alone = directory / "admin.token"
        token = alone.read_text().strip() if alone.exists() else ""
        instance = Instance(directory, urls["gateway"], urls["control"], process, token)
        yield instance
        assert instance.stop() == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        process.stdout.close()


def single_person(directory: Path, name: str = "officer") -> Path:
    """Make an instance of one person; the file with their token."""
    return create_instance(directory, {name: ACTING}, single_person=True).tokens[name]


@contextmanager
def fresh_instance(
    directory: Path, upstream: str, extra: str = "", *, script: str = _SERVE, workers: int = 1, **environment: str
) -> Iterator[Instance]:
    """Make an instance for one person, who may do everything that is no audit, and serve it."""
    single_person(directory)
    configure(directory, upstream, extra)
    with serving(directory, script=script, workers=workers, **environment) as instance:
        yield instance


@contextmanager
def staffed_instance(directory: Path, upstream: str, staff: Mapping[str, Any], extra: str = "") -> Iterator[Instance]:
    """Make an instance in which two must loosen, and serve it; its token is that of the first named."""
    create_instance(directory, staff)
    configure(directory, upstream, extra)
    with serving(directory) as instance:
        instance.token = token_of(instance, next(iter(staff)))
        yield instance


def token_of(instance: Instance, name: str) -> str:
    return (instance.directory / "tokens" / f"{name}.token").read_text().strip()


def as_person(instance: Instance, name: str) -> Instance:
    """The same instance with another's token."""
    return replace(instance, token=token_of(instance, name))
