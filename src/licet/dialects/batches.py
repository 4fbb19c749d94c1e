"""Read the requests of a batch: which models its lines name, each line as strictly as a request by itself.

A batch is decided on when it is begun, and its file has been sent before, so what
is kept of a file is what the decision will need: each pair of a route and a model,
and on which lines it stands.
"""

from collections.abc import Iterable, Iterator

import msgspec

from licet.dialects.forms import Part, read_form, value_of
from licet.dialects.routes import MODEL_LENGTH, ROUTES, ModelIn, Route, RouteKind
from licet.dialects.scan import may_choose, read_body, read_members, read_text
from licet.errors import InputError
from licet.terms import Surface, Value

LINE_LIMIT = 50_000
"""The most requests a batch may have."""

USE_LIMIT = 100
"""The most pairs of a route and a model that a batch may name."""

_SHOWN = 20
_ID_LENGTH = 512
_LINE = frozenset({"custom_id", "method", "url", "body"})
_URLS = {
    route.path: route
    for route in ROUTES
    if route.surface is Surface.OPENAI and route.kind is RouteKind.INFERENCE and route.model_in is ModelIn.BODY
}
_MESSAGES = next(route for route in ROUTES if route.path == "/v1/messages")
# Some readers of text end a line at these, inside of a JSON string too.
_ODD_ENDS = ("\u0085".encode(), "\u2028".encode(), "\u2029".encode())


class Use(Value, frozen=True):
    """A route and a model that a batch names; `lines` are the first of `count`, counted from 1."""

    url: str
    model: str
    lines: tuple[int, ...]
    count: int

    def told(self) -> str:
        """The lines, for whoever must mend them."""
        rest = f" and {self.count - len(self.lines)} more" if self.count > len(self.lines) else ""
        return f"{', '.join(map(str, self.lines))}{rest}"


class Upload(Value, frozen=True):
    """A file as it is sent: what for, and which models its lines name if it is for a batch."""

    purpose: str
    uses: tuple[Use, ...]


class Begun(Value, frozen=True):
    """A batch as it is begun: from which file, for which route."""

    input_file: str
    endpoint: str


def read_upload(content_type: bytes, body: bytes, refused: frozenset[str]) -> Upload:
    """Read what a file is for, and of a batch's file every line.

    Raises:
        InputError: it is no plain form, or a line is not as it must be.
    """
    parts = read_form(content_type, body)
    files = [part for part in parts if part.filename is not None]
    for part in parts:
        if may_choose(part.name.partition("[")[0], refused):
            raise InputError(f"expected no part `{part.name}` on this route", code="unsupported_member")
    purpose = value_of(parts, "purpose")
    if purpose is None or len(files) != 1 or files[0].name != "file":
        raise InputError("expected one `file` and one `purpose`", code="malformed_form")
    if not purpose.isascii() or purpose != purpose.strip().lower():
        raise InputError("expected a purpose in small letters", code="malformed_form")
    return Upload(purpose, read_lines(files[0]) if "batch" in purpose else ())


def read_lines(file: Part) -> tuple[Use, ...]:
    """Read the file of a batch.

    Raises:
        InputError: a line is not a request of a known kind; the message has its number.
    """
    return _uses(_line(line) for line in _lines(file))


def read_requests(body: bytes, refused: frozenset[str]) -> tuple[Use, ...]:
    """Read a batch of messages, whose requests are in its body.

    Raises:
        InputError: a request is not as it must be; the message has its number.
    """
    members = read_members(body)
    for name in members:
        if name != "requests" and may_choose(name, refused):
            raise InputError(f"expected no member `{ascii(name[:64])[1:-1]}` on this route", code="unsupported_member")
    try:
        requests = msgspec.json.decode(members.get("requests", b"null"), type=list[msgspec.Raw])
    except msgspec.DecodeError as err:
        raise InputError("expected a list of `requests`", code="malformed_json") from err
    return _uses(map(_message, requests))


def read_begun(body: bytes, refused: frozenset[str]) -> Begun:
    """Read which file a batch is begun from, and for which route.

    Raises:
        InputError: a member is missing, or one could name a model.
    """
    members = read_members(body)
    for name in members:
        if may_choose(name, refused):
            raise InputError(f"expected no member `{ascii(name[:64])[1:-1]}` on this route", code="unsupported_member")
    return Begun(
        read_text(members, "input_file_id", MODEL_LENGTH, code="missing_file"),
        read_text(members, "endpoint", MODEL_LENGTH, code="missing_file"),
    )


def _lines(file: Part) -> Iterator[bytes]:
    """Cut at line feeds alone; one line is copied at a time."""
    start = file.start
    while start < file.end:
        found = file.form.find(b"\n", start, file.end)
        stop = file.end if found < 0 else found
        yield file.form[start:stop].removesuffix(b"\r")
        start = stop + 1


def _uses(named: Iterable[tuple[str, str]]) -> tuple[Use, ...]:
    lines: dict[tuple[str, str], list[int]] = {}
    counts: dict[tuple[str, str], int] = {}
    number = 0
    iterator = iter(named)
    while True:
        number += 1
        try:
            pair = next(iterator)
        except StopIteration:
            break
        except InputError as err:
            raise InputError(f"line {number}: {err}", code=err.code) from err
        shown = lines.setdefault(pair, [])
        counts[pair] = counts.get(pair, 0) + 1
        if len(shown) < _SHOWN:
            shown.append(number)
        if number > LINE_LIMIT or len(lines) > USE_LIMIT:
            raise InputError(
                f"expected at most `{LINE_LIMIT}` requests, which name at most `{USE_LIMIT}` models",
                code="unsupported_member",
            )
    if not lines:
        raise InputError("expected at least one request", code="malformed_json")
    return tuple(Use(url, model, tuple(shown), counts[url, model]) for (url, model), shown in lines.items())


def _line(line: bytes) -> tuple[str, str]:
    if any(end in line for end in _ODD_ENDS):
        raise InputError("expected no line ends but line feeds; write them as escapes", code="malformed_json")
    members = read_members(line)
    if members.keys() != _LINE or read_text(members, "method", 8, code="malformed_json") != "POST":
        raise InputError(
            "expected `custom_id`, `method`, `url` and `body`, and the method POST", code="unsupported_member"
        )
    read_text(members, "custom_id", _ID_LENGTH, code="malformed_json")
    url = read_text(members, "url", MODEL_LENGTH, code="malformed_json")
    if url not in _URLS:
        raise InputError("expected the path of a route that names its model in the body", code="unsupported_member")
    return url, _model(_URLS[url], members["body"])


def _message(request: msgspec.Raw) -> tuple[str, str]:
    members = read_members(bytes(request))
    if members.keys() != {"custom_id", "params"}:
        raise InputError("expected `custom_id` and `params`", code="unsupported_member")
    read_text(members, "custom_id", _ID_LENGTH, code="malformed_json")
    return _MESSAGES.path, _model(_MESSAGES, members["params"])


def _model(route: Route, body: msgspec.Raw) -> str:
    return read_body(route, bytes(body), None).model
