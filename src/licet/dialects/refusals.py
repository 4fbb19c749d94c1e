"""Say no in the caller's own dialect, before the stream or in the middle of it.

The official client libraries turn each of these bodies into the exception that
their users already catch. Problem-details members (RFC 9457) stand beside
`error`, because a bare problem body loses its message in the openai library.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import msgspec

from licet.dialects.routes import Form
from licet.errors import InputError
from licet.terms import Surface, format_instant, require_id

_Json = dict[str, object]

# Status: what OpenAI, Anthropic and Google call it. The client libraries
# repeat 408, 409, 429 and read 451 as no refusal of theirs: they are not here.
_NAMES = {
    400: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    401: ("authentication_error", "authentication_error", "UNAUTHENTICATED"),
    403: ("request_forbidden", "permission_error", "PERMISSION_DENIED"),
    404: ("invalid_request_error", "not_found_error", "NOT_FOUND"),
    405: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    413: ("invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
    415: ("invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    500: ("server_error", "api_error", "INTERNAL"),
    502: ("server_error", "api_error", "UNAVAILABLE"),
    503: ("server_error", "overloaded_error", "UNAVAILABLE"),
    504: ("server_error", "timeout_error", "DEADLINE_EXCEEDED"),
}
_UNAUTHENTICATED, _SERVER_ERRORS, _UNAVAILABLE = 401, 500, 503
_ABOUT_THE_MODEL = frozenset({403, 404})
_RETRY_AFTER_S = 5
_AGAINST_POLICY, _TRY_AGAIN, _REASON_BYTES = 1008, 1013, 123


@dataclass(frozen=True, slots=True)
class GroundText:
    """One obstacle: the rule, where it is written, and what it says."""

    rule: str
    citation: str
    text: str


@dataclass(frozen=True, slots=True)
class RemedyText:
    """One thing that would change the answer, and where to do it."""

    kind: str
    text: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refused caller is told.

    `decision_id` and `outcome` are set when a decision was made about the
    request, and not when it could not be read or its caller is unknown.
    `retry_after_s` is for an answer that may soon be another. `challenge` goes with
    401: what would tell who asks, or more of them; `nonce` is for their next proof.

    Raises:
        InputError: the status is not one that a refusal has.
    """

    code: str
    message: str
    status: int
    decision_id: str | None = None
    outcome: str | None = None
    grounds: tuple[GroundText, ...] = ()
    remedies: tuple[RemedyText, ...] = ()
    alternatives: tuple[str, ...] = ()
    retry_after_s: int | None = None
    challenge: str | None = None
    nonce: str | None = None

    def __post_init__(self) -> None:
        """Refuse a status that client libraries would repeat or misread."""
        if self.status not in _NAMES:
            raise InputError(f"expected the status of a refusal, found `{self.status}`")


@dataclass(frozen=True, slots=True)
class SocketEnd:
    """How a websocket is ended: perhaps an event, then a code and a reason."""

    event: str | None
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer ready to be sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def render_refusal(surface: Surface, refusal: Refusal) -> Rendered:
    """Write a refusal that comes instead of an answer."""
    body = msgspec.json.encode(_document(surface, refusal))
    return Rendered(refusal.status, _headers(refusal, len(body)), body)


def render_cut(surface: Surface, refusal: Refusal, form: Form = Form.PLAIN) -> bytes:
    r"""Write the event that ends a stream in progress, framed, with its empty line.

    A stream that just ends is taken as complete by all three client libraries;
    this event makes them raise. The first line is never a continuation: send
    it at an event boundary only (`EventFramer`). The Responses API has
    named events and a flat error; its libraries raise on a nested one, so both are
    there.
    """
    document = _document(surface, refusal)
    error = document["error"]
    if surface is Surface.OPENAI and isinstance(error, dict) and refusal.decision_id:
        # The openai library keeps nothing of a stream's error but this member.
        error["decision_id"] = refusal.decision_id
    if form is Form.RESPONSES and isinstance(error, dict):
        document |= {"type": "error", "code": error["code"], "message": error["message"], "param": error["param"]}
    name = b"event: error\n" if form is Form.RESPONSES or surface is Surface.ANTHROPIC else b""
    return name + b"data: " + msgspec.json.encode(document) + b"\n\n"


def render_socket_end(surface: Surface, refusal: Refusal) -> SocketEnd:
    """Say on an open socket why there is no more.

    OpenAI's events have one for errors. Gemini's have none, and its library would take
    any message for an answer, so all is in the reason.

    Source: RFC 6455, 7.4.1 (1008, what is received breaks a policy), 5.5 (a reason has at
    most 123 bytes); the IANA registry of close codes (1013, try again later).
    """
    code = _TRY_AGAIN if refusal.status >= _SERVER_ERRORS else _AGAINST_POLICY
    if surface is not Surface.OPENAI:
        told = f"{refusal.code}: {refusal.message}".encode()[:_REASON_BYTES]
        return SocketEnd(None, code, told.decode(errors="ignore"))
    document = _document(surface, refusal)
    document |= {"type": "error", "event_id": f"event_{refusal.decision_id or 'licet'}"}
    document["error"] = _openai_error(refusal) | {"event_id": None, "decision_id": refusal.decision_id}
    return SocketEnd(msgspec.json.encode(document).decode(), code, refusal.code)


def render_warning(surface: Surface, until: datetime) -> bytes:
    """Write a comment that tells readers of a stream until when it goes on; empty where none can be said.

    The libraries for the OpenAI and Anthropic APIs drop comments, as the standard asks of
    them; the one for Gemini takes every line for a part of the answer.

    Source: WHATWG HTML, 9.2.6: a line that begins with a colon is ignored.
    """
    if surface is Surface.GEMINI:
        return b""
    value = {"code": "item_stopping", "until": format_instant(until)}
    return b": licet-warning " + msgspec.json.encode(value) + b"\n\n"


def _document(surface: Surface, refusal: Refusal) -> _Json:
    return _own(surface, refusal) | _problem(surface, refusal) | _decision(refusal)


def _own(surface: Surface, refusal: Refusal) -> _Json:
    """The members that the dialect itself defines."""
    match surface:
        case Surface.OPENAI:
            return {"error": _openai_error(refusal)}
        case Surface.ANTHROPIC:
            return {"type": "error", "error": _anthropic_error(refusal)}
        case Surface.GEMINI:
            return {"error": _gemini_error(refusal)}


def _openai_error(refusal: Refusal) -> _Json:
    return {
        "message": refusal.message,
        "type": _NAMES[refusal.status][0],
        "param": "model" if refusal.status in _ABOUT_THE_MODEL else None,
        "code": refusal.code,
    }


def _anthropic_error(refusal: Refusal) -> _Json:
    return {
        "type": _NAMES[refusal.status][1],
        "message": refusal.message,
        "details": {"error_code": refusal.code},
    }


def _gemini_error(refusal: Refusal) -> _Json:
    """Write a status of Google's.

    Source: google/rpc/status.proto and google/rpc/error_details.proto.
    """
    metadata = {"decision_id": refusal.decision_id, "outcome": refusal.outcome}
    details: list[_Json] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": refusal.code.upper(),
            "domain": "licet",
            "metadata": {name: text for name, text in metadata.items() if text is not None},
        }
    ]
    links = [{"description": remedy.text, "url": remedy.url} for remedy in refusal.remedies if remedy.url]
    if links:
        details.append({"@type": "type.googleapis.com/google.rpc.Help", "links": links})
    return {
        "code": refusal.status,
        "message": refusal.message,
        "status": _NAMES[refusal.status][2],
        "details": details,
    }


def _problem(surface: Surface, refusal: Refusal) -> _Json:
    """Give the members of a problem that collide with none of the dialect's.

    Source: RFC 9457, 3.1: each of them is optional.
    """
    problem: _Json = {"title": refusal.code.replace("_", " ").capitalize(), "detail": refusal.message}
    if surface is not Surface.ANTHROPIC:  # whose own top-level `type` is `error`
        problem["type"] = f"urn:licet:refusal:{refusal.code}"
    if surface is not Surface.GEMINI:  # whose library would take the number for `PERMISSION_DENIED`
        problem["status"] = refusal.status
    return problem


def _decision(refusal: Refusal) -> _Json:
    if refusal.decision_id is None:
        return {}
    return {
        "decision_id": refusal.decision_id,
        "outcome": refusal.outcome,
        "grounds": [asdict(ground) for ground in refusal.grounds],
        "remedies": [asdict(remedy) for remedy in refusal.remedies],
        "alternatives": list(refusal.alternatives),
    }


def _headers(refusal: Refusal, length: int) -> tuple[tuple[bytes, bytes], ...]:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % length),
        # The answer is about this caller at this instant; a 404 would be cacheable.
        (b"cache-control", b"no-store"),
    ]
    if refusal.decision_id is not None:
        headers.append((b"licet-decision", require_id(refusal.decision_id, "a decision").encode()))
    if refusal.status < _SERVER_ERRORS:
        headers.append((b"x-should-retry", b"false"))
    if refusal.status == _UNAUTHENTICATED:  # RFC 9110, 15.5.2: a 401 MUST name a scheme
        headers.append((b"www-authenticate", (refusal.challenge or 'Bearer realm="licet"').encode("ascii", "replace")))
    if refusal.nonce is not None:
        headers.append((b"dpop-nonce", refusal.nonce.encode("ascii")))
    if refusal.status == _UNAVAILABLE or refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % (refusal.retry_after_s or _RETRY_AFTER_S)))
    return tuple(headers)
