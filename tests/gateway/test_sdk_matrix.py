"""Every refusal and every cut through the official client libraries, in every way each has."""

import asyncio
import contextlib
import threading

import anthropic
import openai
import pytest
from google.genai import errors as gemini

from callers_for_tests import WITH_KEYS, KeyServer, believe_tokens, token, with_keys_at
from directives_for_tests import directive
from faults_for_tests import broken_store, writer_gone
from instance_for_tests import fresh_instance
from javascript_for_tests import node
from licet.fleet import Clock
from licet.terms import Surface
from people_for_tests import Office
from places_for_tests import short_directory
from sdk_matrix_for_tests import CUTS, LIBRARIES, REFUSALS
from sdks_for_tests import ask, ask_async, stream, stream_async
from servers_for_tests import running
from standin_for_tests import eventually
from streams_for_tests import begin

pytestmark = pytest.mark.javascript
REASON = {"reason": "counsel's reading for this test"}
SETTINGS = """
[upstreams.down]
base_url = "http://127.0.0.1:9"

[limits]
first_byte_s = 4
body_bytes = 20000
"""
BY_NAME = {row["name"]: row for row in (*REFUSALS, *CUTS)}
SURFACES = {"openai": Surface.OPENAI, "anthropic": Surface.ANTHROPIC, "gemini": Surface.GEMINI}
PYTHON_WAYS = ("sync", "sync stream", "async", "async stream")
NODE_WAYS = ("whole", "stream")
STALL, HANG = "[[stall]]", "[[hang]]"


@pytest.fixture(scope="module")
def javascript():
    with node() as found:
        yield found


@pytest.fixture(scope="module")
def people(instance, office):
    instance.items("open-1", "fable-5", "mythos-5", "stopped-1", "new-1")
    instance.items("down-1", upstream="down")
    people = {
        "citizen": office.employs("citizen", "not_foreign_person"),
        "foreign": office.employs("foreign", "foreign_person", nationalities=("FR",)),
        "unknown": office.employs("unknown"),
    }
    instance.act("/directives", {"text": directive()})
    instance.act("/stop", {"items": ["stopped-1"]})
    return people


class Asking(threading.Thread):
    """One call of a Python library in a thread; the same to look at as a call of JavaScript's."""

    def __init__(self, way, surface, arguments):
        super().__init__(daemon=True)
        self._way, self._arguments = way, (surface, *arguments)
        self.texts, self.error = [], None
        self.start()

    def run(self):
        try:
            match self._way:
                case "sync":
                    self.texts.append(ask(*self._arguments))
                case "sync stream":
                    for text in stream(*self._arguments):
                        self.texts.append(text)
                case "async":
                    self.texts.append(asyncio.run(ask_async(*self._arguments)))
                case "async stream":
                    asyncio.run(self._read())
        except Exception as err:  # noqa: BLE001  # whatever it is, it is what the test asks about
            self.error = err

    async def _read(self):
        async for text in stream_async(*self._arguments):
            self.texts.append(text)

    def has(self, count):
        eventually(lambda: len(self.texts) >= count or not self.is_alive(), 10)
        assert self.is_alive(), self.error
        return self

    def end(self):
        self.join(10)
        assert not self.is_alive(), "it did not end in time"
        return None if self.error is None else raised(self.error)


def raised(err):
    """What a program sees of an exception: its class, the status and the code."""
    found = {"class": type(err).__name__, "status": getattr(err, "status_code", None)}
    match err:
        case anthropic.APIError():
            return found | {"code": err.body["error"]["details"]["error_code"]}
        case openai.APIError():
            return found | {"code": err.code}
        case gemini.APIError():
            return found | {"status": err.code, "code": err.details["error"]["details"][0]["reason"].lower()}
    raise AssertionError(f"no exception of a client library: {err!r}")


class Matrix:
    """Asks every library in every way at once."""

    def __init__(self, instance, people, javascript):
        self.instance, self.people, self._node = instance, people, javascript

    def ask(self, model, who="citizen", prompt="hi", *, streams_only=False):
        """Calls that have begun, by library and way."""
        url, key = self.instance.gateway, self.people.get(who, who)
        begun = {}
        for library, surface in SURFACES.items():
            for way in PYTHON_WAYS:
                if "stream" in way or not streams_only:
                    begun[library, way] = Asking(way, surface, (url, prompt, model, key))
        for library in ("openai_js", "anthropic_js"):
            for way in NODE_WAYS[1:] if streams_only else NODE_WAYS:
                begun[library, way] = self._node.call(library, url, model, key, prompt, stream=way == "stream")
        return begun


@pytest.fixture(scope="module")
def matrix(instance, people, javascript):
    return Matrix(instance, people, javascript)


def assert_refused(name, begun):
    """Each call ended as the table says, and without a word of an answer."""
    row = BY_NAME[name]
    found = {at: call.end() for at, call in begun.items()}
    codes = {"gemini": row.get("code_of_a_path", row["code"])}
    expected = {
        (library, way): (
            LIBRARIES[library]["by_status"][str(row["status"])],
            row["status"],
            codes.get(library, row["code"]),
        )
        for library, way in begun
    }
    assert {at: end and (end["class"], end["status"], end["code"]) for at, end in found.items()} == expected
    assert not any(call.texts for call in begun.values())


def assert_cut(name, begun, texts=3):
    found = {at: call.end() for at, call in begun.items()}
    row = BY_NAME[name]
    expected = {at: (LIBRARIES[at[0]]["in_a_stream"][str(row["status"])], row["code"]) for at in begun}
    assert {at: end and (end["class"], end["code"]) for at, end in found.items()} == expected
    assert {len(call.texts) for call in begun.values()} == {texts}


BEFORE = {
    "malformed": {"model": "m" * 300},
    "invalid_key": {"model": "open-1", "who": "lk_no-such-key_" + "x" * 40},
    "invalid_token": {"model": "open-1", "who": "eyJ0eXAiOiJhdCtqd3QifQ.e30.AA"},
    "verification": {"model": "fable-5", "who": "unknown"},
    "license": {"model": "fable-5", "who": "foreign"},
    "stopped": {"model": "stopped-1"},
    "unknown_model": {"model": "no-such-model"},
    "too_large": {"model": "open-1", "prompt": "x" * 30_000},
    "unreachable": {"model": "down-1"},
    "timeout": {"model": "open-1", "prompt": HANG},
}


@pytest.mark.parametrize("name", BEFORE)
def test_a_refusal_is_the_same_exception_in_every_way_of_asking(matrix, name):
    assert_refused(name, matrix.ask(**BEFORE[name]))


def test_an_answer_in_flight_is_refused_when_its_permit_ends(matrix, upstream):
    begun = matrix.ask("mythos-5", prompt="[[delay=3500ms]]")
    eventually(lambda: len(upstream.asked_for("mythos-5")) == len(begun), 10)
    matrix.instance.act("/stop", {"items": ["mythos-5"]})
    assert_refused("in_flight", begun)
    matrix.instance.act("/resume", {"items": ["mythos-5"]})


def test_without_a_record_nothing_is_released(matrix):
    with writer_gone(matrix.instance):
        assert_refused("log_unavailable", matrix.ask("fable-5"))
    key = matrix.people["citizen"]
    eventually(lambda: matrix.instance.chat(key, "fable-5").status == 200, 10)


def test_rules_too_old_refuse_and_cut(matrix):
    instance = matrix.instance
    instance.act("/parameters/policy_max_age_s", {"value": "2", **REASON})
    running = matrix.ask("fable-5", prompt=STALL, streams_only=True)
    for call in running.values():
        call.has(3)
    with broken_store(instance):
        eventually(lambda: not instance.act("/status")["policy"]["current"])
        assert_cut("stale", running)
        assert_refused("stale", matrix.ask("fable-5"))
    key = matrix.people["citizen"]
    eventually(lambda: instance.chat(key, "fable-5").status == 200)
    instance.act("/parameters/policy_max_age_s", {"value": "300", **REASON})


def running_streams(matrix, model, who):
    begun = matrix.ask(model, who, STALL, streams_only=True)
    for call in begun.values():
        call.has(3)
    return begun


def test_a_stop_cuts(matrix):
    begun = running_streams(matrix, "mythos-5", "citizen")
    matrix.instance.act("/stop", {"items": ["mythos-5"]})
    assert_cut("stop", begun)
    matrix.instance.act("/resume", {"items": ["mythos-5"]})


def test_a_directive_cuts_each_for_their_own_reason(matrix):
    unknown, foreign = running_streams(matrix, "new-1", "unknown"), running_streams(matrix, "new-1", "foreign")
    text = directive(id="DIR-NEW", items=[{"id": "new-1", "basis": "named"}])
    matrix.instance.act("/directives", {"text": text})
    assert_cut("directive_unknown", unknown)
    assert_cut("directive_foreign", foreign)


def test_a_revoked_key_cuts(matrix):
    key = matrix.instance.party_key("short-lived")
    begun = running_streams(matrix, "open-1", key)
    matrix.instance.act(f"/keys/{key.split('_')[1]}/revoke", {})
    assert_cut("key_revoked", begun)


def test_a_gateway_that_goes_down_cuts(upstream, javascript):
    with short_directory() as directory, fresh_instance(directory, upstream.url, SETTINGS) as instance:
        instance.items("open-1")
        people = {"citizen": Office(instance).employs("citizen", "not_foreign_person")}
        begun = running_streams(Matrix(instance, people, javascript), "open-1", "citizen")
        assert instance.stop() == 0
        assert_cut("gateway_stopping", begun)


@pytest.fixture(scope="module")
def keys():
    with running(KeyServer()) as url:
        yield url


def test_whoever_holds_a_token_is_challenged(upstream, javascript, keys):
    environment = {"script": WITH_KEYS, **with_keys_at(keys)}
    with short_directory() as directory, fresh_instance(directory, upstream.url, **environment) as instance:
        instance.items("fable-5")
        Office(instance).employs("unknown")
        instance.act("/directives", {"text": directive()})
        believe_tokens(instance, unknown="bob@example")
        people = {"unknown": token(Clock().now(), sub="bob@example").decode()}
        assert_refused("challenge", Matrix(instance, people, javascript).ask("fable-5", "unknown"))


def test_one_request_too_many_is_refused(upstream, javascript):
    settings = "\n[limits]\nkey_requests = 1\n"
    with short_directory() as directory, fresh_instance(directory, upstream.url, settings) as instance:
        instance.items("open-1")
        matrix = Matrix(instance, {"citizen": instance.party_key("P1")}, javascript)
        with closing_stream(instance, matrix.people["citizen"]):
            assert_refused("too_many_running", matrix.ask("open-1"))


@contextlib.contextmanager
def closing_stream(instance, key):
    """An answer that is being given for as long as the block runs."""
    body = {"model": "open-1", "stream": True, "messages": [{"role": "user", "content": STALL}]}
    answer = begin(instance.gateway, "/v1/chat/completions", body, key)
    with contextlib.closing(answer.connection), answer:
        answer.read1()
        yield


def test_an_answer_that_takes_too_long_is_cut(upstream, javascript):
    settings = "\n[limits]\ntotal_s = 3\n"
    with short_directory() as directory, fresh_instance(directory, upstream.url, settings) as instance:
        instance.items("open-1")
        people = {"citizen": instance.party_key("P1")}
        assert_cut("answer_too_long", running_streams(Matrix(instance, people, javascript), "open-1", "citizen"))


def test_every_row_of_the_table_is_asked():
    asked = {*BEFORE, "in_flight", "log_unavailable", "stale", "stop"}
    asked |= {"directive_unknown", "directive_foreign", "key_revoked", "gateway_stopping"}
    asked |= {"challenge", "too_many_running", "answer_too_long"}
    assert {row["name"] for row in (*REFUSALS, *CUTS)} == asked
