"""Ask for a small document at an address that an administrator has named, and nowhere else.

No redirect is followed, no proxy of the environment is used, no answer is larger or
slower than it may be, and no address is asked that is not public: a name could be
made to mean one of our own machines. A token or a form that is sent along goes to that
address and into no message.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from licet.errors import UnavailableError

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Gives the document at a URL, or raises UnavailableError."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document that is asked for.

    Attributes:
        headers: More headers, such as an access token's.
        form: What is posted; None asks with GET.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """What came, and of which media type it said it was, in lower case and without parameters."""

    body: bytes = field(repr=False)
    media_type: str


Exchange: TypeAlias = Callable[[Wanted], Awaitable[Document]]
"""Gives the document that is wanted, or raises UnavailableError."""

MAX_DOCUMENT_BYTES = 256 * 1024
FETCH_S = 5.0
_OK = 200


async def fetch_public(url: str) -> bytes:
    """The document at an https URL of a public host.

    Raises:
        UnavailableError: there is none, or it came not as it must.
    """
    return (await exchange_public(Wanted(url))).body


async def exchange_public(wanted: Wanted) -> Document:
    """The document that is wanted of an https URL of a public host.

    Raises:
        UnavailableError: there is none, or it came not as it must.
    """
    target = URL(wanted.url)
    if target.scheme != "https" or not target.host:
        raise _unavailable("expected an https URL")
    if _is_address(target.host) and not is_public(target.host):
        raise _unavailable("the host is not public")
    return await exchange_with(aiohttp.TCPConnector(resolver=_PublicResolver(), use_dns_cache=False), target, wanted)


async def fetch_with(connector: aiohttp.TCPConnector, target: URL) -> bytes:
    """The document at a URL, bounded in size and time, over a connector.

    Raises:
        UnavailableError: there is none, or it came not as it must.
    """
    return (await exchange_with(connector, target, Wanted(str(target)))).body


async def exchange_with(connector: aiohttp.TCPConnector, target: URL, wanted: Wanted) -> Document:
    """The document that is wanted, from a URL, bounded in size and time, over a connector.

    Raises:
        UnavailableError: there is none, or it came not as it must.
    """
    timeout = aiohttp.ClientTimeout(total=FETCH_S)
    method = "GET" if wanted.form is None else "POST"
    headers = {"accept-encoding": "identity", **wanted.headers}
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
            session.request(method, target, allow_redirects=False, headers=headers, data=wanted.form) as response,
        ):
            if response.status != _OK:
                raise _unavailable(f"expected status 200, found {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > MAX_DOCUMENT_BYTES:
                    raise _unavailable(f"expected at most {MAX_DOCUMENT_BYTES} bytes")
            return Document(bytes(body), response.content_type.lower())
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as err:
        raise _unavailable(f"{type(err).__name__}") from err


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet's, also when it is written as another kind's."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


class _PublicResolver(AbstractResolver):
    """Names, unless any of their addresses is not public; what was checked is what is connected to."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not found or not all(is_public(one["host"]) for one in found):
            raise OSError("the host is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unavailable(why: str) -> UnavailableError:
    return UnavailableError(f"the document could not be fetched: {why}", code="fetch_failed")
