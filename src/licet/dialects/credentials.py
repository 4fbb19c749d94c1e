"""Where a request carries its API key, and how the key is kept from the upstream.

The official client libraries send it in five places, and a page that opens a websocket,
which cannot set headers, among the subprotocols. A request with two
different keys is two callers, and is refused: licet would decide about one of
them while the upstream serves the other.
"""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from licet.errors import InputError
from licet.terms import Value

_KEY_HEADERS = frozenset({b"x-api-key", b"x-goog-api-key", b"api-key"})
_PROVED = b"dpop"
_SCHEMES = frozenset({b"bearer", _PROVED})
_SUBPROTOCOLS = b"sec-websocket-protocol"
_KEY_PROTOCOL = "openai-insecure-api-key."


class Credential(Value, frozen=True):
    """The one key or token of a request; `proved` says that it came under the scheme of RFC 9449."""

    text: str
    proved: bool = False


def find_credential(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> Credential | None:
    """Find the one API key or access token of a request; None when it carries none.

    Args:
        headers: every header line, repeated ones too, by lower-case name. A
            mapping would hide the second `authorization` from this check.
        query: the query as it was sent, without the question mark.

    Raises:
        InputError: the request carries two different keys.
    """
    keys = {found for found in _keys(headers, query) if found[0]}
    if len(keys) > 1:
        raise InputError("expected one API key, found several", code="ambiguous_credentials")
    if not keys:
        return None
    key, proved = keys.pop()
    # A key is compared with a stored hash; Latin-1 keeps every byte apart.
    return Credential(key.decode("latin-1"), proved)


def strip_key_from_query(query: bytes) -> bytes:
    """Remove every `key` member, however it is escaped, and leave each other byte as it is."""
    if not has_query_key(query):
        return query
    return b"&".join(member for member in query.split(b"&") if not is_query_key(member))


def has_query_key(query: bytes) -> bool:
    """Whether the query has a `key` member, however it is escaped."""
    return bool(query) and any(is_query_key(member) for member in query.split(b"&"))


def is_key_subprotocol(offered: str) -> bool:
    """Whether a subprotocol that a client offers is a key, which nobody else may see."""
    return offered.strip().lower().startswith(_KEY_PROTOCOL)


def _keys(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> list[tuple[bytes, bool]]:
    """Every key, each with whether it came under the scheme of RFC 9449."""
    found = []
    for name, value in headers:
        if name in _KEY_HEADERS:
            found.append((value.strip(), False))
        elif name == b"authorization":
            scheme, _, key = value.strip().partition(b" ")
            if (scheme := scheme.lower()) in _SCHEMES:  # RFC 9110, 11.1: schemes have no letter case
                found.append((key.strip(), scheme == _PROVED))
        elif name == _SUBPROTOCOLS:
            offered = [one.strip() for one in value.decode("latin-1").split(",") if is_key_subprotocol(one)]
            found += [(one[len(_KEY_PROTOCOL) :].encode("latin-1"), False) for one in offered]
    if query:
        found += [(_unquote(x.partition(b"=")[2]), False) for x in query.split(b"&") if is_query_key(x)]
    return found


def is_query_key(member: bytes) -> bool:
    """Whether a member of a query is the key, however its name is escaped."""
    return _unquote(member.partition(b"=")[0]) == b"key"


def _unquote(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
