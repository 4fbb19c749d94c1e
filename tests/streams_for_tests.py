"""Answers that are being read, in threads of their own, by the official client libraries or from a socket."""

import http.client
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from licet.terms import Surface
from sdks_for_tests import ask, stream
from standin_for_tests import eventually


class Reading(threading.Thread):
    """One call of a client library, its texts as they come and what it raised at the end."""

    def __init__(self, surface: Surface, url: str, model: str, key: str, prompt: str, *, whole: bool = False) -> None:
        super().__init__(daemon=True)
        self._call = ask if whole else stream
        self._arguments = (surface, url, prompt, model, key)
        self.texts: list[str] = []
        self.error: Exception | None = None
        self.ended_at = 0.0
        self.start()

    def run(self) -> None:
        try:
            for text in self._call(*self._arguments):
                self.texts.append(text)
        except Exception as err:  # noqa: BLE001  # whatever it is, it is what the test asks about
            self.error = err
        self.ended_at = time.monotonic()

    def has(self, count: int) -> "Reading":
        """Wait for texts."""
        eventually(lambda: len(self.texts) >= count or not self.is_alive())
        assert self.is_alive(), self.error
        return self

    def end(self, patience_s: float = 5.0) -> Exception | None:
        """Wait for the end and give what was raised."""
        self.join(patience_s)
        assert not self.is_alive(), "it did not end in time"
        return self.error


def begin(url: str, path: str, body: dict[str, Any], key: str, *, timeout_s: float = 20.0) -> http.client.HTTPResponse:
    """Ask on a socket and give the answer as far as its headers; leave if there are none in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"x-api-key": key, "content-type": "application/json"}
    connection.request("POST", path, json.dumps(body).encode(), headers)
    try:
        answer = connection.getresponse()
    except TimeoutError:
        connection.close()
        raise
    answer.connection = connection  # type: ignore[attr-defined]  # kept with it, to be closed with it
    return answer
