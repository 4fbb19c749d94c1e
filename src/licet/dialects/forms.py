"""Read a form sent as `multipart/form-data`, in its plainest spelling only.

Readers of forms differ more than readers of JSON: in what ends a line, what a
repeated name means, which of two spellings of a file's name counts, what stands
before the first boundary and after the last. A form that two of them could read
as two is refused.

Source: RFC 2046, 5.1.1 (boundaries); RFC 7578, 4.2 to 4.8 (forms); RFC 2231 is what
RFC 7578, 4.2 forbids.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from licet.dialects.routes import MODEL_LENGTH, ModelIn, Route
from licet.dialects.scan import Asked, may_choose
from licet.errors import InputError

PART_LIMIT = 200
"""The most parts a form may have."""

_HEAD_LIMIT_BYTES = 4096
_VALUE_LIMIT_BYTES = 1 << 16
_BOUNDARY = r"[0-9A-Za-z'()+_,./:=?-]{1,70}"
_TYPE = re.compile(rf'multipart/form-data; ?boundary=(?:({_BOUNDARY})|"({_BOUNDARY})")', re.IGNORECASE)
# A quotation mark or a backslash in a name is where readers part.
_DISPOSITION = re.compile(r'form-data; ?name="([^"\\]{1,64})"(?:; ?filename="([^"\\]{0,1024})")?', re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_.-]+(?:\[[a-z_]*\])?")
_PART_TYPE = re.compile(r"(?!multipart/|message/)[a-z0-9.+-]+/[a-z0-9.+-]+(?:; ?charset=\"?utf-8\"?)?", re.IGNORECASE)
_HEADERS = frozenset({"content-disposition", "content-type"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part, and where in the form its content is; `filename` is None for a plain value."""

    name: str
    filename: str | None
    form: bytes
    start: int
    end: int

    @property
    def content(self) -> bytes:
        """A copy of the content."""
        return self.form[self.start : self.end]


def read_form(content_type: bytes, body: bytes) -> tuple[Part, ...]:
    """Read every part.

    Args:
        content_type: the header's value as it was sent.
        body: the whole form.

    Raises:
        InputError: with the code `malformed_form` or `duplicate_member`.
    """
    found = _TYPE.fullmatch(content_type.strip().decode("latin-1"))
    if not found:
        raise _malformed("`multipart/form-data` with a plain boundary and nothing else")
    parts = tuple(_parts(b"--" + (found[1] or found[2]).encode(), body))
    seen: set[str] = set()
    for part in parts:
        fold = part.name.lower()
        if fold in seen and not fold.endswith("[]"):
            raise InputError(f"expected each part once, found `{part.name}` again", code="duplicate_member")
        seen.add(fold)
    return parts


def read_form_model(route: Route, content_type: bytes, body: bytes, path_model: str | None) -> Asked:
    """Read which model a form asks for.

    Raises:
        InputError: with the code `malformed_form`, `duplicate_member`,
            `missing_model` or `unsupported_member`.
    """
    parts = read_form(content_type, body)
    for part in parts:
        if part.name not in {"model", "stream"} and may_choose(part.name.partition("[")[0], route.refused_members):
            raise InputError(f"expected no part `{part.name}` on this route", code="unsupported_member")
    model = value_of(parts, "model")
    if route.model_in is ModelIn.PATH:
        if path_model is None or model not in {None, path_model}:
            raise InputError("expected the form to name the model of the path", code="unsupported_member")
        model = path_model
    if model is None or not (0 < len(model) <= MODEL_LENGTH and model.isprintable() and model == model.strip()):
        raise InputError(f"expected one part `model` of 1 to {MODEL_LENGTH} characters", code="missing_model")
    return Asked(model, value_of(parts, "stream") == "true")


def value_of(parts: tuple[Part, ...], name: str) -> str | None:
    """The text of a part that is no file; None if there is none.

    Raises:
        InputError: it is a file, or long, or not UTF-8.
    """
    part = next((one for one in parts if one.name == name), None)
    if part is None:
        return None
    if part.filename is not None or part.end - part.start > _VALUE_LIMIT_BYTES:
        raise _malformed(f"`{name}` to be a short value and no file")
    try:
        return part.content.decode()
    except UnicodeDecodeError as err:
        raise _malformed(f"`{name}` in UTF-8") from err


def _parts(mark: bytes, body: bytes) -> Iterator[Part]:
    """Cut the form at its boundaries: the first opens it, and nothing follows the last.

    Invariant: wherever the text of a boundary stands, it is one, so that a reader who
    looks for less than a whole line finds the same parts.
    """
    if not body.startswith(mark + b"\r\n"):
        raise _malformed("nothing before the first boundary")
    line, count = b"\r\n" + mark, 1
    start = len(mark) + 2
    while True:
        end = body.find(line, start - 2)
        if end < 0 or count > PART_LIMIT:
            raise _malformed(f"a last boundary after at most `{PART_LIMIT}` parts")
        yield _part(body, start, end)
        count += 1
        after = end + len(line)
        if body[after : after + 2] == b"\r\n":
            start = after + 2
        elif body[after:] in {b"--", b"--\r\n"}:
            break
        else:
            raise _malformed("nothing on the line of a boundary, nor after the last")
    if body.count(mark) != count:
        raise _malformed("the boundary nowhere but at the beginning of its lines")


def _part(body: bytes, start: int, end: int) -> Part:
    stop = body.find(b"\r\n\r\n", start, min(end, start + _HEAD_LIMIT_BYTES))
    if stop < 0:
        raise _malformed(f"each part to have a head of at most `{_HEAD_LIMIT_BYTES}` bytes")
    headers = _headers(body[start:stop])
    found = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if not found or not _NAME.fullmatch(found[1]) or not (found[2] or "").isprintable():
        raise _malformed("each part to have a plain name, and at most a plain file name")
    if "content-type" in headers and not _PART_TYPE.fullmatch(headers["content-type"]):
        raise _malformed("each part to be of a plain type, in UTF-8 where it is text")
    return Part(found[1], found[2], body, stop + 4, end)


def _headers(head: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        key = name.decode("latin-1").lower()
        if not colon or key not in _HEADERS or key in headers or b"\r" in value or b"\n" in value:
            raise _malformed("in the head of a part no more than its disposition and its type, each once")
        try:
            headers[key] = value.decode().strip(" \t")
        except UnicodeDecodeError as err:
            raise _malformed("the head of a part in UTF-8") from err
    return headers


def _malformed(expected: str) -> InputError:
    return InputError(f"expected {expected}", code="malformed_form")
