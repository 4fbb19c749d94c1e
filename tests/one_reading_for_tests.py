"""One request, three readers: licet, a strict reader that shares no code with it, and the stand-in upstream.

Whatever request is made up, the model on which licet decided is the one that the
others see in what is passed on, or the request is refused and nothing is.
"""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from licet.decisions import RowChange, Stop, encode_row, row_key
from licet.demo.standin import _understand
from licet.directives import PolicyBundle, compile_policy
from licet.fleet import Clock, Replica
from licet.gateway import Gate, Limits, LiveIndex, Post
from licet.items import Item
from licet.parties import IssuedKey, key_mac, key_of
from licet.records import Receipt, Record

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
PEPPER, KEY = b"pepper", key_of("K1", "s" * 48)
OPEN = ("open-1", "open-2", "org/open-3", "models/open-1")
STOPPED = ("fable-5", "mythos-5")
_NAMES_A_MODEL = (
    re.compile(r"/v1(?:beta)?/models/(.+):[A-Za-z]+"),
    re.compile(r"/openai/deployments/([^/]+)/.+"),
)
_OTHER_NAMES = re.compile(r"model|fallback|engine|deployment", re.IGNORECASE)


class _Log:
    """Keeps what was decided."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def append(self, record: Record) -> Receipt:
        self.records.append(record)
        return Receipt(record.id, len(self.records), "00")

    def post(self, record: Record) -> None:
        self.records.append(record)


class Readers:
    """A gate in this process, in front of an application that keeps what reaches it."""

    def __init__(self) -> None:
        now = Clock().now()
        policy = compile_policy(PolicyBundle(1, now, now + timedelta(days=7), (), (), frozenset()))
        replica = Replica(policy, Clock(), PEPPER)
        rows = [Item(name, frozenset(), "main", NOON) for name in (*OPEN, *STOPPED)]
        rows += [Stop(name, "operator", NOON) for name in STOPPED]
        rows += [IssuedKey("K1", key_mac(PEPPER, KEY), party="P1")]
        for number, row in enumerate(rows, 1):
            kind, key = row_key(row)
            replica.apply([RowChange(number, number - 1, kind, key, encode_row(row))])
        self._log = _Log()
        post = Post(self._log, "fuzz")
        live = LiveIndex(replica, post)
        self._gate = Gate(self._upstream, replica=replica, post=post, live=live, limits=Limits())
        self._sockets = Gate(
            self._behind, replica=replica, post=post, live=live, limits=Limits(cut_s=0.2), serves_live=True
        )
        self._reached: list[tuple[dict[str, Any], bytes]] = []
        self._opened: list[dict[str, Any]] = []
        self._heard: list[str] = []
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.close()

    def ask(
        self, method: str, raw_path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> str | None:
        """Send one request; give the model that all agree on, or None if nothing reached the upstream.

        Raises:
            AssertionError: one of them reads another model.
        """
        self._reached.clear()
        self._log.records.clear()
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [(b"authorization", b"Bearer " + KEY.encode()), *headers],
        }
        status = self._loop.run_until_complete(self._run(scope, body))
        assert status is not None, "no answer"
        assert status != 500, "the gate fell over"
        assert not [x for x in self._log.records if x.body.get("code") == "decision_error"]
        if not self._reached:
            return None
        ((passed, given),) = self._reached
        decided = str(self._log.records[-1].body["model"])
        assert self._log.records[-1].body["outcome"] == "permit"
        assert decided in OPEN
        assert strict_models(passed["raw_path"], given) == {decided}
        understood = _understand(passed, given)
        assert understood is not None, "the upstream has no such route"
        assert understood.model == decided
        return decided

    def converse(self, path: bytes, query: bytes, texts: list[str]) -> list[str]:
        """Open a socket and say something on it; give the models that reached the upstream.

        Raises:
            AssertionError: the upstream could read another model than was decided on.
        """
        self._opened.clear()
        self._log.records.clear()
        scope = {
            "type": "websocket",
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "headers": [(b"authorization", b"Bearer " + KEY.encode())],
            "extensions": {"websocket.http.response": {}},
        }
        self._loop.run_until_complete(self._talk(scope, texts))
        assert not [x for x in self._log.records if x.body.get("code") == "decision_error"]
        permits = [x for x in self._log.records if x.body.get("outcome") == "permit"]
        decided = [str(x.body["model"]) for x in permits]
        assert set(decided) <= set(OPEN)
        if not self._opened:
            return []
        named = _query_models(query)
        assert named == set(decided[:1]) or path != b"/v1/realtime"
        for text in self._heard:
            assert _event_models(text) <= set(decided)
            named |= _event_models(text)
        return sorted(named)

    async def _talk(self, scope: dict[str, Any], texts: list[str]) -> None:
        said: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        said += [{"type": "websocket.receive", "text": text} for text in texts]
        ended = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if said:
                return said.pop(0)
            # What was said is heard before the client leaves.
            for _ in range(20):
                await asyncio.sleep(0)
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            if message["type"] in {"websocket.close", "websocket.http.response.body"}:
                ended.set()

        await asyncio.wait_for(self._sockets(scope, receive, send), 5)

    async def _behind(self, scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        self._opened.append(scope)
        self._heard = []
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            self._heard.append(message["text"])

    async def _run(self, scope: dict[str, Any], body: bytes) -> int | None:
        statuses: list[int] = []
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._gate(scope, receive, send)
        return statuses[0] if statuses else None

    async def _upstream(self, scope: Any, receive: Any, send: Any) -> None:
        self._reached.append((scope, (await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": False})


def strict_models(raw_path: bytes, body: bytes) -> set[str]:
    """Every model that a request names, for a reader that takes no member twice and folds letter case.

    Raises:
        AssertionError: the request can be read in two ways.
    """
    path = unquote(raw_path.decode("ascii"), errors="strict")
    found = {match[1] for pattern in _NAMES_A_MODEL if (match := pattern.fullmatch(path))}
    if body.startswith(b"--"):
        return found | _form_models(body)
    document = json.loads(body.decode("utf-8"), object_pairs_hook=_Object, parse_constant=_no_constant)
    assert isinstance(document, dict)
    in_path = bool(found)
    parts = [
        document,
        *(document["requests"] if path.endswith(":batchEmbedContents") and "requests" in document else []),
    ]
    for part in parts:
        assert not part.has_a_member_twice
        odd = [name for name in part if name != "model" and _OTHER_NAMES.search(name)]
        assert odd == []
        if "model" in part:
            found.add(part["model"].removeprefix("models/") if in_path else part["model"])
    return found


def _query_models(query: bytes) -> set[str]:
    """Every value that a lenient reader of queries could take for the model."""
    pairs = [part.partition("=") for part in re.split("[&;]", unquote(query.decode("latin-1")).replace("+", " "))]
    return {value for name, _, value in pairs if "model" in name.casefold() or name in {"deployment", "intent"}}


def _event_models(text: str) -> set[str]:
    """Every model that a message names, at any depth, for a reader that folds letter case."""
    document = json.loads(text, object_pairs_hook=_Object, parse_constant=_no_constant)
    return set(_named(document))


def _named(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _named(item)]
    if not isinstance(value, dict):
        return []
    assert not getattr(value, "has_a_member_twice", True)
    odd = [name for name in value if name != "model" and _OTHER_NAMES.search(name)]
    assert odd == []
    here = [value["model"].removeprefix("models/")] if "model" in value else []
    return here + [name for item in value.values() for name in _named(item)]


def _form_models(body: bytes) -> set[str]:
    """Every value of a part that anybody could take for the model: a reader that looks for the word alone."""
    mark = body[: body.index(b"\n") + 1].rstrip()
    found = set()
    for piece in body.split(mark)[1:-1]:
        head, _, value = piece.partition(b"\r\n\r\n")
        assert b"\\" not in head
        if re.search(rb"(?i)name\s*\*?=[^;\r\n]*model", re.sub(rb'filename="[^"]*"', b"", head)):
            found.add(value.removesuffix(b"\r\n").decode())
    return found


class _Object(dict[str, Any]):
    """A JSON object that knows whether a member is there twice, letter case aside."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.has_a_member_twice = len({name.casefold() for name, _ in pairs}) < len(pairs)


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")
