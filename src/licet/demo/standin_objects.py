"""What the stand-in model server keeps: answers, files, batches, tuning jobs. A fake.

To it every caller is one, as to a provider that sees one credential. Nothing runs: a
batch or a job is in progress until `POST /__finish/ID`.
"""

import email.message
import email.parser
import email.policy
import itertools
import re
from typing import Any

import msgspec

_Json = dict[str, Any]
_CREATED = 1_700_000_000
_PATH = re.compile(r"/v1/(responses|files|batches|fine_tuning/jobs|messages/batches)(?:/([^/]+))?(?:/([a-z_]+))?")
_FINISH = re.compile(r"/__finish/(.+)")
_LINES = b'{"custom_id":"1","response":{"status_code":200,"body":{"choices":[]}}}\n'
_RESULTS = b'{"custom_id":"1","result":{"type":"succeeded","message":{"content":[]}}}\n'


def parts_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a form by name, as the standard library reads them."""
    head = f"content-type: {content_type}\r\n\r\n".encode("latin-1")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found: dict[str, bytes] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        found[str(name)] = content if isinstance(content, bytes) else b""
    return found


class Shelf:
    """Everything that is kept."""

    def __init__(self) -> None:
        self._objects: dict[str, _Json] = {}
        self._contents: dict[str, bytes] = {}
        self._numbers = itertools.count(1)

    def next_id(self, prefix: str) -> str:
        """An id that was never given before."""
        return f"{prefix}{next(self._numbers):06}"

    def keep(self, answer: _Json) -> None:
        """Keep an answer."""
        self._objects[str(answer["id"])] = answer

    def answer(self, method: str, path: str, content_type: str, body: bytes) -> tuple[int, bytes] | None:
        """Answer a request about what is kept; None if it is about something else."""
        if finish := _FINISH.fullmatch(path):
            self._finish(self._objects[finish[1]])
            return 200, b"{}"
        found = _PATH.fullmatch(path)
        if not found or (found[1] == "responses" and found[2] is None):
            return None
        kind, name, verb = found[1], found[2], found[3]
        if name is None:
            return self._collection(method, kind, content_type, body)
        if name not in self._objects:
            return 404, b'{"error":{"message":"the stand-in keeps no such object"}}'
        return self._one(method, kind, self._objects[name], verb)

    def _collection(self, method: str, kind: str, content_type: str, body: bytes) -> tuple[int, bytes]:
        if method == "GET":
            every = [one for one in self._objects.values() if one["id"].startswith(_PREFIXES[kind])]
            return 200, msgspec.json.encode({"object": "list", "data": every, "has_more": False})
        made = _MAKERS[kind](self, content_type, body)
        self.keep(made)
        return 200, msgspec.json.encode(made)

    def _one(self, method: str, kind: str, found: _Json, verb: str | None) -> tuple[int, bytes]:
        if method == "DELETE":
            del self._objects[found["id"]]
            return 200, msgspec.json.encode({"id": found["id"], "object": kind, "deleted": True})
        if verb == "cancel":
            found["processing_status" if kind == "messages/batches" else "status"] = (
                "canceling" if kind == "messages/batches" else "cancelled"
            )
        elif verb == "content":
            return 200, self._contents.get(found["id"], b"")
        elif verb == "results":
            return 200, _RESULTS
        elif verb is not None:
            return 200, msgspec.json.encode({"object": "list", "data": [], "has_more": False})
        return 200, msgspec.json.encode(found)

    def _finish(self, found: _Json) -> None:
        if found["id"].startswith(_PREFIXES["fine_tuning/jobs"]):
            found |= {"status": "succeeded", "fine_tuned_model": f"ft:{found['model']}:acme::{found['id'][-6:]}"}
        elif found["id"].startswith(_PREFIXES["messages/batches"]):
            results = f"http://elsewhere.invalid/v1/messages/batches/{found['id']}/results"
            found |= {"processing_status": "ended", "results_url": results}
        else:
            output = self._file("batch_output", _LINES)
            self.keep(output)
            found |= {"status": "completed", "output_file_id": output["id"]}

    def _file(self, purpose: str, content: bytes) -> _Json:
        name = self.next_id(_PREFIXES["files"])
        self._contents[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": _CREATED,
            "filename": "lines.jsonl",
            "purpose": purpose,
            "status": "processed",
        }

    def make_file(self, content_type: str, body: bytes) -> _Json:
        """Take a file."""
        parts = parts_of(content_type, body)
        return self._file(parts.get("purpose", b"").decode(), parts.get("file", b""))

    def make_batch(self, content_type: str, body: bytes) -> _Json:  # noqa: ARG002  (all makers are called alike)
        """Begin a batch."""
        asked = msgspec.json.decode(body, type=_Json)
        return {
            "id": self.next_id(_PREFIXES["batches"]),
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": "24h",
            "status": "in_progress",
            "created_at": _CREATED,
            "output_file_id": None,
            "error_file_id": None,
        }

    def make_job(self, content_type: str, body: bytes) -> _Json:  # noqa: ARG002  (all makers are called alike)
        """Begin a tuning job."""
        asked = msgspec.json.decode(body, type=_Json)
        return {
            "id": self.next_id(_PREFIXES["fine_tuning/jobs"]),
            "object": "fine_tuning.job",
            "model": asked["model"],
            "training_file": asked["training_file"],
            "status": "running",
            "created_at": _CREATED,
            "fine_tuned_model": None,
            "hyperparameters": {},
            "organization_id": "org-standin",
            "result_files": [],
            "seed": 0,
        }

    def make_messages(self, content_type: str, body: bytes) -> _Json:  # noqa: ARG002  (all makers are called alike)
        """Begin a batch of messages."""
        counts = {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        return {
            "id": self.next_id(_PREFIXES["messages/batches"]),
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": counts,
            "created_at": "2026-06-12T12:00:00Z",
            "expires_at": "2026-06-13T12:00:00Z",
            "results_url": None,
        }


_PREFIXES = {"files": "file-", "batches": "batch_", "fine_tuning/jobs": "ftjob-", "messages/batches": "msgbatch_"}
_MAKERS = {
    "files": Shelf.make_file,
    "batches": Shelf.make_batch,
    "fine_tuning/jobs": Shelf.make_job,
    "messages/batches": Shelf.make_messages,
}
