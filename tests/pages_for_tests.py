"""An instance whose refusals have links, and a browser without scripts made of a few calls."""

import html
import http.client
import itertools
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from decisions_for_tests import AT, asks, snapshot
from directives_for_tests import directive
from instance_for_tests import Instance, configure, serving, single_person
from licet.app.keys import read_pepper
from licet.decisions import Caller, Refusal, Request, RequestedAct, decide
from licet.enrollment import Tickets
from licet.terms import ItemId, KeyId, PartyId, RecordId

HUMAN = "export@provider.example"
_BOUNDARY = "----licetFormBoundary7MA4YWxkTrZu0gW"


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def linking_instance(
    directory: Path, upstream: str, extra: str = "", *, prefix: str = "", workers: int = 1
) -> Iterator[Instance]:
    """An instance that was told its own address; `prefix` is a path that a proxy takes away."""
    single_person(directory)
    configure(directory, upstream)
    port = free_port()
    path = directory / "licet.toml"
    text = path.read_text().replace('gateway = "127.0.0.1:0"', f'gateway = "127.0.0.1:{port}"')
    assert str(port) in text
    settings = f'[gateway]\npublic_url = "http://127.0.0.1:{port}{prefix}"\n[enrollment]\nhuman_contact = "{HUMAN}"\n'
    path.write_text(text + "\n" + settings + extra)
    with serving(directory, workers=workers) as instance:
        yield instance


def link_of(refused: Any) -> str:
    """The one link that a refusal's remedies lead to."""
    links = {remedy["url"] for remedy in refused.json["remedies"]} - {None}
    assert len(links) == 1, refused.json
    return links.pop()


@dataclass
class Seen:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def words(self) -> str:
        """The text as read, without markup."""
        main = re.sub(r"<style>.*?</style>", "", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.text)
        assert found, self.text
        return found[1]

    @property
    def title(self) -> str:
        return html.unescape(re.search(r"<title>(.*?)</title>", self.text)[1])


@dataclass
class Surfer:
    """Keeps cookies as a browser does, and follows no redirect by itself."""

    cookies: dict[str, str] = field(default_factory=dict)
    language: str = ""

    def ask(self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Seen:
        parts = urlsplit(url)
        sent = dict(headers or {})
        if self.cookies:
            sent.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.language:
            sent.setdefault("accept-language", self.language)
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)) as connection:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, sent)
            answer = connection.getresponse()
            seen = Seen(answer.status, answer.getheaders(), answer.read())
        for name, value in seen.headers:
            if name.lower() == "set-cookie":
                key, _, held = value.partition(";")[0].partition("=")
                self.cookies[key] = held
                if not held:
                    del self.cookies[key]
        return seen

    def get(self, url: str, **headers: str) -> Seen:
        return self.ask("GET", url, None, headers)

    def send(self, url: str, fields: Mapping[str, str], **headers: str) -> Seen:
        """As a plain form."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.ask("POST", url, urlencode(fields).encode(), kind | headers)

    def upload(self, url: str, fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> Seen:
        """As a form with files."""
        parts = [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
            for name, text in fields.items()
        ]
        for name, (filename, content) in files.items():
            head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
            parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n")
        body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
        return self.ask("POST", url, body, {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"})

    def follow(self, url: str, seen: Seen) -> Seen:
        assert seen.status == 303, (seen.status, seen.words)
        return self.get(urljoin(url, seen.header("location") or ""))

    def prove(self, link: str, key: str) -> Seen:
        """Open the link and prove a key; the page that follows."""
        first = self.get(link)
        return self.follow(link, self.send(link, {"token": first.token, "key": key}))


_NUMBERS = itertools.count(1)


def next_person(kind: str = "person") -> str:
    """A name that nobody has."""
    return f"{kind}-{next(_NUMBERS)}"


def party_of(instance: Instance) -> str:
    """Who got a key last."""
    return next(reversed(instance.keys))


def way(link: str) -> str:
    return link + "/organization"


def hand_in(surfer: Surfer, link: str, statement: str) -> Seen:
    page = surfer.get(way(link))
    return surfer.send(way(link), {"token": page.token, "step": "hand_in", "attestation": statement})


def option(page: Seen, name: str) -> str:
    """An option of the command that a page shows."""
    found = re.search(rf"--{name}[ =](\S+)", page.words)
    assert found, page.words
    return found[1]


def made_link(
    instance: Instance,
    key: str,
    at: datetime,
    model: str = "fable-5",
    base: str | None = None,
    *,
    secret: bytes | None = None,
) -> str:
    """A link as the gateway would have made it at an instant, or another gateway with its own secret."""
    tickets = Tickets(secret or read_pepper(instance.directory / "secrets" / "pepper"), instance.gateway)
    refusal = decide(asks(), snapshot(directive()), AT)
    assert isinstance(refusal, Refusal)
    caller = Caller(KeyId(key.split("_")[1]), party=PartyId("p"))
    asked = Request(model, RequestedAct.INFERENCE, caller, None if base is None else ItemId(base))
    link = tickets.link(asked, refusal, RecordId("01RECORD"), at)
    assert link
    return link
