"""Callers who ask without end while processes are killed, and what each was answered."""

import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

from faults_for_tests import pid_of
from standin_for_tests import eventually

RESTRICTED, FREE = "fable-5", "open-1"


class Load:
    """Several who may, and one who may not.

    Attributes:
        acknowledged: The decisions of restricted answers that were received whole.
        answers: How often each model was answered with each status, 0 where the connection broke.
        released: Answers with the restricted model that somebody got who may not have it.
    """

    def __init__(self, instance, lawful, foreign, *, askers=4):
        self.instance, self.lawful, self.foreign = instance, lawful, foreign
        self.acknowledged, self.answers, self.released = [], Counter(), []
        self._over = threading.Event()
        whom = [(lawful, RESTRICTED), (lawful, FREE), (foreign, RESTRICTED)]
        self._threads = [threading.Thread(target=self._ask, args=whom[n % 3], daemon=True) for n in range(askers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.moves()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self._threads)

    def moves(self, patience_s=15):
        """Wait until both models are served to those who may have them."""
        before = Counter(self.answers)
        for model in (RESTRICTED, FREE):
            eventually(lambda model=model: self.answers[model, 200] > before[model, 200] + 2, patience_s)

    def _ask(self, key, model):
        while not self._over.is_set():
            status, decision = ask_once(self.instance.gateway, key, model)
            self.answers[model, status] += 1
            if status == 200 and model == RESTRICTED:
                (self.acknowledged if key == self.lawful else self.released).append(decision)
            if status != 200:
                time.sleep(0.01)


def ask_once(gateway, key, model, timeout_s=10):
    """One request on a connection of its own: its status, and its decision if the answer came whole."""
    parts = urlsplit(gateway)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    try:
        connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    return answer.status, answer.headers.get("licet-decision")


def require_nothing_lost(load):
    """Every answer that somebody was given is in the log, and nobody was given what is not theirs."""
    assert load.released == []
    recorded = {record["id"] for record in load.instance.records(kind="decision")}
    assert [decision for decision in load.acknowledged if decision not in recorded] == []
    assert len(set(load.acknowledged)) == len(load.acknowledged) > 0


def replaced(instance, name, pid, patience_s=15):
    """Wait until a process has a successor, and give its pid."""
    return eventually(lambda: (found := pid_of(instance, name)) not in (None, pid) and found, patience_s)
