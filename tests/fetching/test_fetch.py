"""Documents that are fetched on somebody's word: bounded, from public addresses, with no detours."""

import asyncio

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from yarl import URL

from licet.errors import UnavailableError
from licet.fetching import Wanted, exchange_public, exchange_with, fetch_public, fetch_with
from licet.fetching import fetch as fetching
from servers_for_tests import running

ADDRESSES = [
    ("8.8.8.8", True),
    ("2606:4700::1111", True),
    ("::ffff:8.8.8.8", True),
    ("127.0.0.1", False),
    ("10.0.0.1", False),
    ("172.16.0.1", False),
    ("172.32.0.1", True),
    ("192.168.0.1", False),
    ("169.254.169.254", False),
    ("100.64.0.1", False),
    ("0.0.0.0", False),  # noqa: S104  # an address to refuse
    ("255.255.255.255", False),
    ("224.0.0.1", False),
    ("::1", False),
    ("::", False),
    ("fe80::1", False),
    ("fe80::1%eth0", False),
    ("fd00::1", False),
    ("ff02::1", False),
    ("::ffff:10.0.0.1", False),
    ("2002:0a00:0001::", False),  # 10.0.0.1 by 6to4
]


@pytest.mark.parametrize(("address", "public"), ADDRESSES)
def test_an_address_is_public_or_is_not_asked(address, public):
    assert fetching.is_public(address) is public


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await receive()
    path, headers = scope["path"], [(b"content-type", b"application/json")]
    if path == "/slow":
        await asyncio.sleep(5)
    status = {"/moved": 302, "/missing": 404}.get(path, 200)
    if status == 302:
        headers.append((b"location", b"/keys"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    size = {"/large": fetching.MAX_DOCUMENT_BYTES, "/larger": fetching.MAX_DOCUMENT_BYTES + 1}.get(path, 2)
    await send({"type": "http.response.body", "body": b"x" * size})


@pytest.fixture(scope="module")
def server():
    with running(application) as url:
        yield url


async def fetched(url):
    return await fetch_with(aiohttp.TCPConnector(), URL(url))


async def test_what_is_within_bounds_is_fetched(server):
    assert await fetched(server + "/keys") == b"xx"
    assert len(await fetched(server + "/large")) == fetching.MAX_DOCUMENT_BYTES


@pytest.mark.parametrize("path", ["/moved", "/missing", "/larger"])
async def test_what_is_not_is_unavailable(server, path):
    with pytest.raises(UnavailableError):
        await fetched(server + path)


async def test_what_takes_too_long_is_unavailable(server, monkeypatch):
    monkeypatch.setattr(fetching, "FETCH_S", 0.1)
    with pytest.raises(UnavailableError):
        await fetched(server + "/slow")


async def test_a_server_that_is_gone_is_unavailable():
    with pytest.raises(UnavailableError):
        await fetched("http://127.0.0.1:9/keys")


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/keys",
        "https://127.0.0.1/keys",
        "https://[::1]/keys",
        "https://10.0.0.1/keys",
        "https://localhost/keys",
        "file:///etc/passwd",
    ],
)
async def test_addresses_of_our_own_and_other_schemes_are_never_asked(url):
    with pytest.raises(UnavailableError):
        await fetch_public(url)


class Resolves(AbstractResolver):
    """A name server that says whatever an attacker wants."""

    said = ("10.0.0.1",)

    async def resolve(self, host, port=0, family=0):
        return [
            {"hostname": host, "host": one, "port": port, "family": family, "proto": 0, "flags": 0} for one in self.said
        ]

    async def close(self):
        pass


@pytest.mark.parametrize("said", [("10.0.0.1",), ("8.8.8.8", "127.0.0.1"), ()])
async def test_a_public_name_that_means_a_private_address_is_not_asked(monkeypatch, said):
    monkeypatch.setattr(Resolves, "said", said)
    monkeypatch.setattr(aiohttp, "ThreadedResolver", Resolves)
    with pytest.raises(UnavailableError, match="could not be fetched"):
        await fetch_public("https://issuer.example/keys")


SENT = {}


async def echo(scope, receive, send):
    if scope["type"] != "http":
        return
    SENT.update(method=scope["method"], headers=dict(scope["headers"]), body=(await receive())["body"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"Application/JWT; x=y")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def test_a_form_and_a_token_go_to_the_address_and_into_no_message():
    wanted = Wanted("unused", {"authorization": "Bearer planted"}, {"code": "a b&c"})
    with running(echo) as url:
        document = await exchange_with(aiohttp.TCPConnector(), URL(url + "/token"), wanted)
    assert (document.body, document.media_type) == (b"{}", "application/jwt")
    assert (SENT["method"], SENT["body"]) == ("POST", b"code=a+b%26c")
    assert SENT["headers"][b"authorization"] == b"Bearer planted"
    assert "planted" not in repr(wanted)
    assert "code" not in repr(wanted)


async def test_what_is_posted_goes_to_public_hosts_only():
    with pytest.raises(UnavailableError):
        await exchange_public(Wanted("https://127.0.0.1/token", {}, {"code": "x"}))
