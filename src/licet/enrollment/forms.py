"""Read a form of the page's own: bounded, in one spelling, each field once."""

from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import Request

from licet.dialects import read_form
from licet.errors import InputError

MOST_BYTES = 65_536
_MOST_FIELDS = 16
_URLENCODED = "application/x-www-form-urlencoded"
Form: TypeAlias = Mapping[str, str]
"""Each field by its name; a file's content stands as its text."""


class TooLargeError(InputError):
    """The body is over the limit."""

    code = "body_too_large"


async def read_body(request: Request, most_bytes: int = MOST_BYTES) -> bytes:
    """The whole body.

    Raises:
        TooLargeError: it is too long.
        ClientDisconnect: whoever sent it went away.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise TooLargeError(f"expected at most {most_bytes} bytes")
    return bytes(body)


async def read_fields(request: Request, most_bytes: int = MOST_BYTES, files: frozenset[str] = frozenset()) -> Form:
    """The fields of a form, sent in either way in which a browser sends one.

    Args:
        request: What was sent.
        most_bytes: How long it may be.
        files: The fields that are no text: each byte stands as the letter of its number.

    Raises:
        TooLargeError: it is too long.
        InputError: it is no form, not UTF-8, or has a field twice.
        ClientDisconnect: whoever sent it went away.
    """
    body = await read_body(request, most_bytes)
    types = request.headers.getlist("content-type")
    kind = types[0] if len(types) == 1 else ""
    try:
        if kind.partition(";")[0].strip().lower() == _URLENCODED:
            return _urlencoded(body)
        parts = read_form(kind.encode("latin-1"), body)
        return {part.name: part.content.decode("latin-1" if part.name in files else "utf-8") for part in parts}
    except ValueError as err:  # a UnicodeDecodeError is one
        raise InputError("expected a form in UTF-8", code="malformed_form") from err


def _urlencoded(body: bytes) -> Form:
    pairs = parse_qsl(
        body.decode("ascii"),
        keep_blank_values=True,
        strict_parsing=bool(body),
        errors="strict",
        max_num_fields=_MOST_FIELDS,
    )
    if len(dict(pairs)) != len(pairs):
        raise InputError("expected each field once", code="duplicate_member")
    return dict(pairs)
