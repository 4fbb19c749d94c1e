"""Make up requests by what code they reach, and hold licet to one reading of each.

The property is that of tests/gateway/test_one_reading.py: the model that licet
decided on is the one that an independent strict reader and the stand-in upstream
see, or nothing reaches the upstream. A request that breaks it is written to a file
`crash-...`, and the run ends with its traceback.

    make fuzz FUZZ_SECONDS=600
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["licet.dialects", "licet.gateway"]):
    from licet.dialects import ROUTES, Form, ModelIn, RouteKind
    from one_reading_for_tests import OPEN, STOPPED, Readers

QUERIES = (b"", b"alt=sse", b"key=x", b"model=fable-5")
REQUESTS = sorted({(route.method, route.path) for route in ROUTES})
SOCKETS = frozenset(route.path for route in ROUTES if route.kind is RouteKind.SOCKET)
SOCKET_QUERIES = (b"model=open-1", b"model=fable-5", b"model=open-1&model=fable-5", b"")
NAMES = (*OPEN, *STOPPED)
HEADERS = (
    (b"content-type", b"application/json"),
    (b"content-type", b"application/json; charset=utf-16"),
    (b"content-encoding", b"gzip"),
    (b"anthropic-version", b"2023-06-01"),
    (b"x-goog-api-key", b"lk_other_key"),
)
_HEAD = 4
_SAID = (
    b'{"type":"session.update","session":{"model":"open-2","audio":{"input":{"transcription":{"model":"open-1"}}}}}',
    b'{"type":"response.create","response":{"tools":[{"type":"function"}]}}\n{"type":"response.cancel"}',
    b'{"setup":{"model":"models/open-1","tools":[]}}\n{"clientContent":{}}',
)
_WORDS = (
    '"model":',
    '"Model":',
    '"mod\\u0065l":',
    '"models":',
    '"stream":true',
    '"open-1"',
    '"fable-5"',
    '"requests":[',
    '"input":[',
    '"fallbacks":[',
    '"tools":[',
    '"type":"item_reference"',
    "models/",
    "%6D",
    "%2F",
    "/../",
    "NaN",
    "1e999",
    "\\ud800",
    "\xef\xbb\xbf",
    ",,",
    "{}",
    "[]",
    "//",
    "null",
)


def main() -> None:
    """Run until the time is over or the property is broken."""
    readers = Readers()
    _require_reach(readers)
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder) / "corpus", Path(folder) / "words"
        corpus.mkdir()
        for number, seed in enumerate(_seeds()):
            (corpus / str(number)).write_bytes(seed)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in _WORDS), encoding="ascii")
        bounds = ["-max_len=600", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", f"-dict={words}"]
        atheris.Setup([*sys.argv, *bounds, str(corpus)], lambda data: _ask(readers, data))
        atheris.Fuzz()


def _ask(readers: Readers, data: bytes) -> None:
    """Four bytes choose route, name, header and query; what follows is the body, or a path and a body.

    Of a socket it is what its client says, a message a line, and perhaps the query before.
    """
    if len(data) < _HEAD:
        return
    method, path = REQUESTS[data[0] % len(REQUESTS)]
    name = NAMES[data[1] % len(NAMES)]
    body = data[_HEAD:]
    if path in SOCKETS:
        query, said = SOCKET_QUERIES[data[3] % len(SOCKET_QUERIES)], body
        if data[1] >= 0x80:  # noqa: PLR2004  # half of all: the query is made up as well
            query, _, said = body.partition(b"\n")
        readers.converse(path.encode(), query, said.decode("utf-8", "replace").split("\n"))
        return
    if data[1] >= 0x80:  # noqa: PLR2004  # half of all: the name is made up as well
        made_up, _, body = body.partition(b"\n")
        raw_path = path.encode().replace(b"{model}", made_up)
    else:
        raw_path = path.replace("{model}", name).encode()
    headers = [] if data[2] >= 0x80 else [HEADERS[data[2] % len(HEADERS)]]  # noqa: PLR2004
    readers.ask(method, raw_path, QUERIES[data[3] % len(QUERIES)], headers, body)


def _seeds() -> Iterator[bytes]:
    bodies = (
        b"{}",
        b'{"model":"open-1"}',
        b'{"model":"open-1","stream":true,"messages":[{"role":"user","content":"hi"}]}',
        b'{"model":"open-1","input":[{"type":"message","role":"user","content":"hi"}],"tools":[{"type":"function"}]}',
        b'{"requests":[{"model":"models/open-1","content":{"parts":[{"text":"hi"}]}}]}',
    )
    for number in range(len(REQUESTS)):
        for body in bodies:
            yield bytes((number, 0, 0xFF, 0)) + body
            yield bytes((number, 0x80, 0xFF, 0)) + b"open-1\n" + body
    for number, (_, path) in enumerate(REQUESTS):
        for said in _SAID if path in SOCKETS else ():
            yield bytes((number, 0, 0xFF, 0)) + said
            yield bytes((number, 0x80, 0xFF, 0)) + b"model=open-1\n" + said


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1"))


def _require_reach(readers: Readers) -> None:
    """A fuzzer of a gate that refuses everything would find nothing."""
    if readers.converse(b"/v1/realtime", b"model=open-1", []) != ["open-1"]:
        sys.exit("expected a plain socket to reach the upstream")
    for route in ROUTES:
        if route.kind in {RouteKind.INFERENCE, RouteKind.COUNT} and route.form is not Form.MULTIPART:
            body = b"{}" if route.model_in is ModelIn.PATH else b'{"model":"open-1"}'
            path = route.path.replace("{model}", "open-1").encode()
            if readers.ask("POST", path, b"", [], body) != "open-1":
                sys.exit(f"expected a plain request of {route.path} to reach the upstream")


if __name__ == "__main__":
    main()
