"""Where a request came from: the peer, or what a proxy that is trusted by its address says.

Whoever is not trusted may write what they like into a header, and it is not read.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import TypeAlias

from licet.errors import InputError
from licet.gateway.asgi import Scope

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressRange: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_CERTIFICATE, _CHAIN = b"client-cert", b"client-cert-chain"
OF_CERTIFICATES = frozenset({_CERTIFICATE, _CHAIN})
"""The headers of a client certificate (RFC 9440)."""
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_MOST_HOPS = 32


@dataclass(frozen=True, slots=True)
class Network:
    """What is between callers and the gateway.

    Attributes:
        trusted: The proxies whose word counts.
        address_header: The header in which they list addresses, in lower case; each adds
            the one that it saw at the end. None: where a request came from through a
            proxy is unknown.
        public_url: The gateway's address as callers know it, without a path at the
            end; None where no proof of possession can be checked.
    """

    trusted: tuple[AddressRange, ...] = ()
    address_header: bytes | None = None
    public_url: str | None = None

    def is_trusted(self, scope: Scope) -> bool:
        """Whether the peer is a proxy whose word counts."""
        peer = _peer(scope)
        return peer is not None and self._is_ours(peer)

    def client(self, scope: Scope) -> Address | None:
        """The address that is furthest from here and vouched for; None if it cannot be told."""
        peer = _peer(scope)
        if peer is None or not self._is_ours(peer):
            return peer
        if self.address_header is None:
            return None
        lines = [value for name, value in scope["headers"] if name == self.address_header]
        hops = b",".join(lines).decode("latin-1").split(",")[-_MOST_HOPS:]
        # From the right: each trusted proxy vouches for the one address that it has added.
        for hop in reversed(hops):
            address = _address(hop.strip())
            if address is None or not self._is_ours(address):
                return address
        return None

    def certificate(self, scope: Scope) -> bytes | None:
        """The client certificate that a trusted proxy hands over (RFC 9440); None if there is none.

        Raises:
            InputError: it comes from anybody else, or twice.
        """
        found = [(name, value) for name, value in scope["headers"] if name in OF_CERTIFICATES]
        if not found:
            return None
        if not self.is_trusted(scope):
            raise InputError("expected no `client-cert` from here", code="untrusted_header")
        certificates: list[bytes] = [value for name, value in found if name == _CERTIFICATE]
        if len(certificates) != 1:
            raise InputError("expected one `client-cert`", code="untrusted_header")
        return certificates[0]

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return None if client is None else _address(str(client[0]))


def _address(text: str) -> Address | None:
    ported = _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address((ported[1] or ported[2]) if ported else text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        return found.ipv4_mapped or found
    return found
