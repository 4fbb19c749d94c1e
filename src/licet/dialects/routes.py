"""The requests that licet knows: where each one names its model, and what it asks for.

Whatever is not in the table is not understood, and what is not understood is
refused: side doors (pass-through routes, aliases in paths, stored answers) are
how other gateways leak. The path is matched as it arrived, undecoded, because
an upstream that decodes it differently would serve another model than the one
decided on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from licet.dialects.credentials import has_query_key
from licet.errors import InputError
from licet.terms import Surface, Value


class RouteKind(StrEnum):
    """What a request asks for.

    Four are about objects that an upstream keeps: one is made, what a model made is read
    (a release), one is looked at, deleted or cancelled, or they are listed. A socket
    carries many requests. What is refused is known, and never served: it would begin
    something that this gateway could not decide on.
    """

    INFERENCE = "inference"
    COUNT = "count"
    MODEL_LIST = "model_list"
    MODEL_SHOW = "model_show"
    MAKE = "make"
    FETCH = "fetch"
    MANAGE = "manage"
    OBJECT_LIST = "object_list"
    SOCKET = "socket"
    REFUSED = "refused"


class ModelIn(StrEnum):
    """Where a request names its model.

    Under `upload` the lines of the file that is sent name models, under `file` those of
    a file sent before, and under `object` what the path names was made by one. A socket
    names one in its query or in its client's first message.
    """

    BODY = "body"
    PATH = "path"
    FORM = "form"
    UPLOAD = "upload"
    FILE = "file"
    OBJECT = "object"
    QUERY = "query"
    MESSAGE = "message"
    NOWHERE = "nowhere"


class StreamIn(StrEnum):
    """What says that the answer is to be streamed."""

    BODY = "body"
    PATH_VERB = "path_verb"
    NEVER = "never"


class Form(StrEnum):
    """How a body and its stream are formed beyond what the dialect has in common.

    Under `responses` an input may refer to stored items, and the events of a stream
    are named. Under `each` the body holds `requests`, each of which names the model
    again, and under `batch` each of which names a model of its own. Under `multipart`
    the body is a form.
    """

    PLAIN = "plain"
    RESPONSES = "responses"
    EACH = "each"
    BATCH = "batch"
    MULTIPART = "multipart"
    REALTIME = "realtime"
    LIVE = "live"


class ObjectKind(StrEnum):
    """What an upstream keeps for its callers beyond one answer."""

    RESPONSE = "response"
    FILE = "file"
    BATCH = "batch"
    MESSAGE_BATCH = "message_batch"
    JOB = "tuning_job"
    MODEL = "tuned_model"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    `refused_members` are top-level body members, folded as `scan` folds them,
    that may choose another model than `model` does.
    """

    method: str
    path: str
    surface: Surface
    kind: RouteKind
    model_in: ModelIn
    stream_in: StreamIn
    refused_members: frozenset[str] = frozenset()
    form: Form = Form.PLAIN
    object: ObjectKind | None = None


class Match(Value, frozen=True):
    """A route, and the model or the stored object that its path names, decoded; None if it names none."""

    route: Route
    path_model: str | None
    object_id: str | None = None


# Extensions of compatible servers and of gateways that licet may stand in front of.
# fmt: off
_COMPATIBLE = frozenset({
    "adapter", "adapterid", "adaptername", "adapters", "apibase", "assistantid", "baseurl", "customllmprovider",
    "datasources", "deployment", "deploymentid", "engine", "extrabody", "fallback", "fallbacks", "lora",
    "loraid", "loraname", "lorapath", "lorarequest", "plugins", "preset", "provider", "providers", "route",
    "router", "routing",
})
# fmt: on
# `moderation` names a model of its own; the others stand for stored conversations.
_OPENAI = _COMPATIBLE | {"moderation", "conversation", "previousresponseid"}
# A stored prompt names a model of its own; work in the background outlasts the permit it began under.
_RESPONSES = _OPENAI | {"prompt", "background"}
# A credit token redeems a fallback to another model; a thread continues a stored one.
_ANTHROPIC = _COMPATIBLE | {"fallbackcredittoken", "thread"}
# `cachedContent` was made for a model; `generateContentRequest` nests a whole request.
_GEMINI = _COMPATIBLE | {"cachedcontent", "generatecontentrequest"}

# A message of a socket says where the answer goes in `conversation`, which there is `auto` or `none`.
_EVENTS = _COMPATIBLE | {"moderation", "previousresponseid"}

_GET, _POST, _DELETE = "GET", "POST", "DELETE"
_COUNT, _INFER, _LIST, _SHOW = RouteKind.COUNT, RouteKind.INFERENCE, RouteKind.MODEL_LIST, RouteKind.MODEL_SHOW
_MAKE, _FETCH, _MANAGE, _MADE = RouteKind.MAKE, RouteKind.FETCH, RouteKind.MANAGE, RouteKind.OBJECT_LIST
_IN_BODY, _IN_PATH, _IN_FORM, _NOWHERE = ModelIn.BODY, ModelIn.PATH, ModelIn.FORM, ModelIn.NOWHERE
_IN_UPLOAD, _IN_FILE, _IN_OBJECT = ModelIn.UPLOAD, ModelIn.FILE, ModelIn.OBJECT
_IN_QUERY, _IN_MESSAGE = ModelIn.QUERY, ModelIn.MESSAGE
_SOCKET, _REFUSED, _REALTIME, _LIVE = RouteKind.SOCKET, RouteKind.REFUSED, Form.REALTIME, Form.LIVE
_TYPED, _EACH, _PARTS = Form.RESPONSES, Form.EACH, Form.MULTIPART
_BY_BODY, _BY_VERB, _NEVER = StreamIn.BODY, StreamIn.PATH_VERB, StreamIn.NEVER
_RESP, _FILE, _BATCH, _MBATCH, _JOB = (
    ObjectKind.RESPONSE, ObjectKind.FILE, ObjectKind.BATCH, ObjectKind.MESSAGE_BATCH, ObjectKind.JOB
)  # fmt: skip
_NO, _PLAIN = frozenset[str](), Form.PLAIN
_O, _A, _G = Surface.OPENAI, Surface.ANTHROPIC, Surface.GEMINI

_LIVE_BETA = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_LIVE_PATH = _LIVE_BETA.replace("v1beta", "v1")
_LIVE_ALPHA = _LIVE_BETA.replace("v1beta", "v1alpha")

# fmt: off
ROUTES = (
    Route(_POST, "/v1/chat/completions",                         _O, _INFER, _IN_BODY, _BY_BODY, _OPENAI),
    Route(_POST, "/v1/completions",                              _O, _INFER, _IN_BODY, _BY_BODY, _OPENAI),
    Route(_POST, "/v1/responses",                         _O, _INFER, _IN_BODY, _BY_BODY, _RESPONSES, _TYPED, _RESP),
    Route(_POST, "/v1/embeddings",                               _O, _INFER, _IN_BODY, _NEVER,   _OPENAI),
    Route(_POST, "/v1/images/generations",                       _O, _INFER, _IN_BODY, _BY_BODY, _OPENAI),
    Route(_POST, "/v1/audio/speech",                             _O, _INFER, _IN_BODY, _NEVER,   _OPENAI),
    Route(_POST, "/v1/images/edits",                             _O, _INFER, _IN_FORM, _BY_BODY, _OPENAI, _PARTS),
    Route(_POST, "/v1/images/variations",                        _O, _INFER, _IN_FORM, _NEVER,   _OPENAI, _PARTS),
    Route(_POST, "/v1/audio/transcriptions",                     _O, _INFER, _IN_FORM, _BY_BODY, _OPENAI, _PARTS),
    Route(_POST, "/v1/audio/translations",                       _O, _INFER, _IN_FORM, _NEVER,   _OPENAI, _PARTS),
    Route(_POST, "/openai/deployments/{model}/chat/completions",   _O, _INFER, _IN_PATH, _BY_BODY, _OPENAI),
    Route(_POST, "/openai/deployments/{model}/completions",        _O, _INFER, _IN_PATH, _BY_BODY, _OPENAI),
    Route(_POST, "/openai/deployments/{model}/embeddings",         _O, _INFER, _IN_PATH, _NEVER,   _OPENAI),
    Route(_POST, "/openai/deployments/{model}/images/generations", _O, _INFER, _IN_PATH, _BY_BODY, _OPENAI),
    Route(_POST, "/openai/deployments/{model}/audio/speech",       _O, _INFER, _IN_PATH, _NEVER,   _OPENAI),
    Route(_POST, "/openai/deployments/{model}/images/edits",         _O, _INFER, _IN_PATH, _BY_BODY, _OPENAI, _PARTS),
    Route(_POST, "/openai/deployments/{model}/audio/transcriptions", _O, _INFER, _IN_PATH, _BY_BODY, _OPENAI, _PARTS),
    Route(_POST, "/openai/deployments/{model}/audio/translations",   _O, _INFER, _IN_PATH, _NEVER,   _OPENAI, _PARTS),
    # What an upstream keeps: it is its owner's, and is decided on again whenever it is read.
    Route(_GET,    "/v1/responses/{id}",                   _O, _FETCH,  _IN_OBJECT, _NEVER, _NO, _TYPED, _RESP),
    Route(_GET,    "/v1/responses/{id}/input_items",       _O, _FETCH,  _IN_OBJECT, _NEVER, _NO, _PLAIN, _RESP),
    Route(_POST,   "/v1/responses/{id}/cancel",            _O, _FETCH,  _IN_OBJECT, _NEVER, _NO, _PLAIN, _RESP),
    Route(_DELETE, "/v1/responses/{id}",                   _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _RESP),
    Route(_POST,   "/v1/files",                            _O, _MAKE,   _IN_UPLOAD, _NEVER, _COMPATIBLE, _PARTS, _FILE),
    Route(_GET,    "/v1/files",                            _O, _MADE,   _NOWHERE,   _NEVER, _NO, _PLAIN, _FILE),
    Route(_GET,    "/v1/files/{id}",                       _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _FILE),
    Route(_GET,    "/v1/files/{id}/content",               _O, _FETCH,  _IN_OBJECT, _NEVER, _NO, _PLAIN, _FILE),
    Route(_DELETE, "/v1/files/{id}",                       _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _FILE),
    Route(_POST,   "/v1/batches",                         _O, _MAKE,   _IN_FILE,   _NEVER, _COMPATIBLE, _PLAIN, _BATCH),
    Route(_GET,    "/v1/batches",                          _O, _MADE,   _NOWHERE,   _NEVER, _NO, _PLAIN, _BATCH),
    Route(_GET,    "/v1/batches/{id}",                     _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _BATCH),
    Route(_POST,   "/v1/batches/{id}/cancel",              _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _BATCH),
    Route(_POST,   "/v1/fine_tuning/jobs",                 _O, _MAKE,   _IN_BODY,   _NEVER, _COMPATIBLE, _PLAIN, _JOB),
    Route(_GET,    "/v1/fine_tuning/jobs",                 _O, _MADE,   _NOWHERE,   _NEVER, _NO, _PLAIN, _JOB),
    Route(_GET,    "/v1/fine_tuning/jobs/{id}",            _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _JOB),
    Route(_POST,   "/v1/fine_tuning/jobs/{id}/cancel",     _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _JOB),
    Route(_GET,    "/v1/fine_tuning/jobs/{id}/events",     _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _JOB),
    Route(_GET,    "/v1/fine_tuning/jobs/{id}/checkpoints", _O, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _JOB),
    Route(_POST,   "/v1/messages/batches",          _A, _MAKE,   _IN_BODY,   _NEVER, _COMPATIBLE, Form.BATCH, _MBATCH),
    Route(_GET,    "/v1/messages/batches",                 _A, _MADE,   _NOWHERE,   _NEVER, _NO, _PLAIN, _MBATCH),
    Route(_GET,    "/v1/messages/batches/{id}",            _A, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _MBATCH),
    Route(_GET,    "/v1/messages/batches/{id}/results",    _A, _FETCH,  _IN_OBJECT, _NEVER, _NO, _PLAIN, _MBATCH),
    Route(_POST,   "/v1/messages/batches/{id}/cancel",     _A, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _MBATCH),
    Route(_DELETE, "/v1/messages/batches/{id}",            _A, _MANAGE, _IN_OBJECT, _NEVER, _NO, _PLAIN, _MBATCH),
    Route(_POST, "/v1/messages",                                 _A, _INFER, _IN_BODY, _BY_BODY, _ANTHROPIC),
    Route(_POST, "/v1/messages/count_tokens",                    _A, _COUNT, _IN_BODY, _NEVER,   _ANTHROPIC),
    Route(_POST, "/v1beta/models/{model}:generateContent",       _G, _INFER, _IN_PATH, _NEVER,   _GEMINI),
    Route(_POST, "/v1beta/models/{model}:streamGenerateContent", _G, _INFER, _IN_PATH, _BY_VERB, _GEMINI),
    Route(_POST, "/v1beta/models/{model}:embedContent",          _G, _INFER, _IN_PATH, _NEVER,   _GEMINI),
    Route(_POST, "/v1beta/models/{model}:batchEmbedContents",    _G, _INFER, _IN_PATH, _NEVER,   _GEMINI, _EACH),
    Route(_POST, "/v1beta/models/{model}:countTokens",           _G, _COUNT, _IN_PATH, _NEVER,   _GEMINI),
    Route(_POST, "/v1/models/{model}:generateContent",           _G, _INFER, _IN_PATH, _NEVER,   _GEMINI),
    Route(_POST, "/v1/models/{model}:streamGenerateContent",     _G, _INFER, _IN_PATH, _BY_VERB, _GEMINI),
    Route(_POST, "/v1/models/{model}:embedContent",              _G, _INFER, _IN_PATH, _NEVER,   _GEMINI),
    Route(_POST, "/v1/models/{model}:batchEmbedContents",        _G, _INFER, _IN_PATH, _NEVER,   _GEMINI, _EACH),
    Route(_POST, "/v1/models/{model}:countTokens",               _G, _COUNT, _IN_PATH, _NEVER,   _GEMINI),
    Route(_GET,  "/v1beta/models",                               _G, _LIST,  _NOWHERE, _NEVER),
    Route(_GET,  "/v1beta/models/{model}",                       _G, _SHOW,  _IN_PATH, _NEVER),
    # One path, three dialects: the credentials tell them apart (`guess_surface`).
    Route(_GET,  "/v1/models",                                   _O, _LIST,  _NOWHERE, _NEVER),
    Route(_GET,  "/v1/models",                                   _A, _LIST,  _NOWHERE, _NEVER),
    Route(_GET,  "/v1/models",                                   _G, _LIST,  _NOWHERE, _NEVER),
    Route(_GET,  "/v1/models/{model}",                           _O, _SHOW,  _IN_PATH, _NEVER),
    Route(_GET,  "/v1/models/{model}",                           _A, _SHOW,  _IN_PATH, _NEVER),
    Route(_GET,  "/v1/models/{model}",                           _G, _SHOW,  _IN_PATH, _NEVER),
    # Sockets: decided on when they open, and again for every event of the client that names a model.
    Route(_GET,  "/v1/realtime",                            _O, _SOCKET, _IN_QUERY, _NEVER, _EVENTS, _REALTIME),
    Route(_GET,  _LIVE_BETA,                                _G, _SOCKET, _IN_MESSAGE, _NEVER, _GEMINI, _LIVE),
    Route(_GET,  _LIVE_PATH,                                _G, _SOCKET, _IN_MESSAGE, _NEVER, _GEMINI, _LIVE),
    # Never served: who holds such a secret, or such a call, speaks to the upstream past the gate.
    Route(_POST, "/v1/realtime",                                 _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/client_secrets",                  _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/sessions",                        _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/transcription_sessions",          _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/calls",                           _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/calls/{id}/accept",               _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/calls/{id}/refer",                _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/calls/{id}/reject",               _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1/realtime/calls/{id}/hangup",               _O, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1beta/auth_tokens",                          _G, _REFUSED, _NOWHERE, _NEVER),
    Route(_POST, "/v1alpha/auth_tokens",                         _G, _REFUSED, _NOWHERE, _NEVER),
    Route(_GET,  f"{_LIVE_BETA}Constrained",                     _G, _REFUSED, _NOWHERE, _NEVER),
    Route(_GET,  f"{_LIVE_ALPHA}Constrained",                    _G, _REFUSED, _NOWHERE, _NEVER),
)
# fmt: on

MODEL_LENGTH = 256
"""The longest name of a model, in characters."""

_PLACES = re.compile(r"\\{(?:model|id)\\}")


def _by_surface(routes: tuple[Route, ...]) -> dict[tuple[str, str], dict[Surface, Route]]:
    table: dict[tuple[str, str], dict[Surface, Route]] = {}
    for route in routes:
        table.setdefault((route.method, route.path), {})[route.surface] = route
    return table


_TABLE = _by_surface(ROUTES)
_TEMPLATES = tuple(
    (method, re.compile(_PLACES.sub("([^/]+)", re.escape(path)).encode()), choices)
    for (method, path), choices in _TABLE.items()
    if "{" in path
)
_EXACT = {(method, path.encode()): choices for (method, path), choices in _TABLE.items() if "{" not in path}

# RFC 3986, 3.3: what a path may hold, one escape or one character at a time.
_PATH = re.compile(rb"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)+")
_DOT_SEGMENT = re.compile(rb"/\.{1,2}(?:/|\Z)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NEVER_ESCAPED = _UNRESERVED | frozenset(b"/\\") | frozenset(range(0x20)) | frozenset(range(0x7F, 0x100))


def match(method: str, raw_path: bytes, query: bytes, headers: Mapping[bytes, bytes]) -> Match | None:
    """Find the route of a request; None when the table does not have it.

    Args:
        method: in capital letters, as HTTP spells it.
        raw_path: the path as it was sent, without the query.
        query: the query as it was sent, without the question mark.
        headers: by lower-case name.

    Raises:
        InputError: two servers could read this path as two different ones.
    """
    choices = _EXACT.get((method, raw_path))
    if choices is not None:
        return Match(_choose(choices, query, headers), None)
    _require_plain(raw_path)
    for verb, template, choices in _TEMPLATES:
        found = template.fullmatch(raw_path) if verb == method else None
        if found:
            route, named = _choose(choices, query, headers), _decode_model(found[1])
            return Match(route, named) if route.model_in is ModelIn.PATH else Match(route, None, named)
    return None


def guess_surface(query: bytes, headers: Mapping[bytes, bytes]) -> Surface:
    """Tell the dialect of a request by what only one of the client libraries sends."""
    if b"x-goog-api-key" in headers or has_query_key(query):
        return Surface.GEMINI
    if b"anthropic-version" in headers:
        return Surface.ANTHROPIC
    return Surface.OPENAI


def _choose(choices: dict[Surface, Route], query: bytes, headers: Mapping[bytes, bytes]) -> Route:
    """Most paths belong to one dialect, whatever the headers say."""
    if len(choices) == 1:
        return next(iter(choices.values()))
    return choices[guess_surface(query, headers)]


def _require_plain(raw_path: bytes) -> None:
    """Refuse every path that has a second spelling.

    Source: RFC 3986, 6.2.2: normalization decodes escapes of unreserved
    characters and removes dot segments, so one server may and another may not.
    """
    escaped = {int(code, 16) for code in _ESCAPE.findall(raw_path)}
    if (
        not _PATH.fullmatch(raw_path)
        or b"//" in raw_path
        or _DOT_SEGMENT.search(raw_path)
        or not escaped.isdisjoint(_NEVER_ESCAPED)
    ):
        raise InputError("expected a path in its plain spelling", code="invalid_path")


def _decode_model(text: bytes) -> str:
    # Plain paths are ASCII, escapes included.
    model = unquote_to_bytes(text).decode("ascii")
    if len(model) > MODEL_LENGTH:
        raise InputError(f"expected a model name of at most `{MODEL_LENGTH}` characters", code="invalid_path")
    return model
