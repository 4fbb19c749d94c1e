"""A vendor's callbacks at the public door of a real instance: served with the same key, and taken back at once."""

import hmac
import itertools
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from directives_for_tests import directive
from instance_for_tests import call, fresh_instance
from licet.fleet import Clock
from licet.parties.evidence import MAX_EVENT_BYTES
from licet.terms import Surface
from places_for_tests import short_directory
from standin_for_tests import stand_in
from streams_for_tests import Reading

NUMBERS = itertools.count(1)
OLD, NEW, STALL = "wbhsec_old", "wbhsec_new", "[[stall]]"
SETTINGS = """
[evidence.persona]
secrets = ["env:PERSONA_OLD", "file:persona.secret"]
"""
PERSONA = {
    "id": "persona",
    "template": "itmpl_1",
    "approved": "not_foreign_person",
    "nationality": "/data/attributes/payload/data/attributes/fields/nationality/value",
    "start_url": "https://vendor.test/verify?inquiry-template-id=itmpl_1&reference-id={reference}",
}


@pytest.fixture(scope="module")
def instance():
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, SETTINGS, script=SCRIPT, PERSONA_OLD=OLD) as found,
    ):
        found.items("fable-5")
        found.act("/directives", {"text": directive()})
        found.act("/vendors", PERSONA)
        yield found


# The secret lies beside the configuration, which is read when the instance begins.
SCRIPT = f"""
import sys, pathlib
from licet.cli import main
path = pathlib.Path(sys.argv[sys.argv.index("--dir") + 1], "persona.secret")
path.touch(0o600)
path.write_text("{NEW}")
main()
"""


@pytest.fixture
def person(instance):
    name = f"person-{next(NUMBERS)}"
    return name, instance.party_key(name)


def now():
    return Clock().now()


def refer(instance, key):
    answer = call(instance.gateway + "/licet/vendors/persona/reference", b"", {"authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return answer.json["reference"]


def event(reference, name="inquiry.approved", *, at=None, number=None, template="itmpl_1", nationality="US"):
    fields = {"name-last": {"value": "Planted"}, "nationality": {"value": nationality}}
    inquiry = {
        "attributes": {"reference-id": reference, "fields": fields},
        "relationships": {"inquiry-template": {"data": {"id": template}}},
    }
    told = {"name": name, "created-at": (at or now()).isoformat(), "payload": {"data": inquiry}}
    return json.dumps({"data": {"id": number or "evt_" + secrets.token_hex(4), "attributes": told}}).encode()


def deliver(instance, body, *, secret=OLD, vendor="persona", at=None, headers=None):
    seconds = str(int((at or now()).timestamp()))
    mark = hmac.new(secret.encode(), seconds.encode() + b"." + body, "sha256").hexdigest()
    sent = {"persona-signature": f"t={seconds},v1={mark}", "content-type": "application/json"}
    return call(f"{instance.gateway}/licet/vendors/{vendor}/callback", body, sent if headers is None else headers)


def taken(answer):
    assert answer.status == 200, answer.body
    return answer.json["event"]


def code_of(instance, key):
    answer = instance.chat(key, "fable-5")
    return answer.status if answer.status == 200 else answer.json["error"]["code"]


def test_the_same_key_is_served_once_the_vendor_has_approved_and_cut_when_it_takes_it_back(instance, person):
    name, key = person
    assert code_of(instance, key) == "verification_required"
    reference = refer(instance, key)
    assert taken(deliver(instance, event(reference))) == "accepted"
    assert code_of(instance, key) == 200
    (standing,) = instance.act(f"/parties/{name}")["standings"]
    assert (standing["kind"], standing["issuer"]) == ("identity_vendor", "vendor:persona")
    reading = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, STALL).has(1)
    assert taken(deliver(instance, event(reference, "inquiry.declined"))) == "withdrawn"
    assert reading.end().code == "verification_required"
    assert code_of(instance, key) == "verification_required"
    accepted, revoked = instance.records(kind="evidence", party=name)
    assert (accepted["body"]["act"], accepted["body"]["by"]) == ("evidence.accept", "vendor:persona")
    assert (revoked["body"]["act"], revoked["body"]["standings"]) == ("evidence.revoke", [standing["id"]])
    (standing,) = instance.act(f"/parties/{name}")["standings"]
    assert standing["withdrawal"] == "by_issuer"


def test_an_event_is_taken_once_and_in_order(instance, person):
    name, key = person
    reference, at = refer(instance, key), now()
    first = event(reference, at=at)
    assert taken(deliver(instance, first)) == "accepted"
    assert taken(deliver(instance, first)) == "overtaken"
    assert taken(deliver(instance, event(reference, at=at - timedelta(seconds=1)))) == "overtaken"
    assert taken(deliver(instance, event(reference, "inquiry.declined", at=at - timedelta(seconds=1)))) == "overtaken"
    assert code_of(instance, key) == 200
    # Of two of one instant the one that tightens counts, whichever comes last.
    assert taken(deliver(instance, event(reference, "inquiry.declined", at=at))) == "withdrawn"
    assert taken(deliver(instance, event(reference, at=at))) == "overtaken"
    assert code_of(instance, key) == "verification_required"
    assert len(instance.records(kind="evidence", party=name)) == 2


def test_a_refusal_that_comes_before_the_approval_it_is_later_than(instance, person):
    name, key = person
    reference, at = refer(instance, key), now()
    assert taken(deliver(instance, event(reference, "inquiry.declined", at=at))) == "withdrawn"
    assert taken(deliver(instance, event(reference, at=at - timedelta(seconds=5)))) == "overtaken"
    assert instance.act(f"/parties/{name}")["standings"] == []
    assert taken(deliver(instance, event(reference, at=now()))) == "accepted"
    assert code_of(instance, key) == 200


def test_a_late_word_on_one_reference_takes_back_nothing_later_of_another(instance, person):
    _, key = person
    first, second, at = refer(instance, key), refer(instance, key), now()
    assert taken(deliver(instance, event(second, at=at))) == "accepted"
    assert taken(deliver(instance, event(first, "inquiry.declined", at=at - timedelta(seconds=5)))) == "withdrawn"
    assert code_of(instance, key) == 200
    assert taken(deliver(instance, event(first, at=at - timedelta(seconds=1)))) == "overtaken"
    assert code_of(instance, key) == 200


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_both_secrets_hold_while_they_change_over(instance, person, secret):
    _, key = person
    assert taken(deliver(instance, event(refer(instance, key)), secret=secret)) == "accepted"


NOTHING = [
    ({"name": "inquiry.completed"}, "meaningless"),
    ({"template": "itmpl_2"}, "meaningless"),
    ({"reference": "made-up"}, "unknown_reference"),
]


@pytest.mark.parametrize(("over", "outcome"), NOTHING)
def test_an_event_that_means_nothing_here_is_heard_all_the_same(instance, person, over, outcome):
    name, key = person
    assert taken(deliver(instance, event(**{"reference": refer(instance, key), **over}))) == outcome
    assert code_of(instance, key) == "verification_required"
    assert instance.records(kind="evidence", party=name) == []


REFUSED = [
    ({"secret": "another"}, 403, "bad_signature"),
    ({"headers": {}}, 403, "bad_signature"),
    ({"vendor": "nobody"}, 404, "unknown_vendor"),
]


@pytest.mark.parametrize(("how", "status", "code"), REFUSED)
def test_a_callback_that_is_not_the_vendors(instance, person, how, status, code):
    _, key = person
    answer = deliver(instance, event(refer(instance, key)), **how)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert code_of(instance, key) == "verification_required"


def test_a_signature_of_long_ago_or_to_come_is_refused(instance, person):
    _, key = person
    body = event(refer(instance, key))
    for off, code in ((-400, "issued_too_long_ago"), (400, "issued_in_future")):
        answer = deliver(instance, body, at=now() + timedelta(seconds=off))
        assert (answer.status, answer.json["code"]) == (403, code)


def test_a_body_of_any_size_is_not_taken(instance):
    answer = deliver(instance, b" " * (MAX_EVENT_BYTES + 1))
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


def test_a_caller_needs_a_key_for_a_reference_and_a_vendor_needs_none(instance, person):
    for headers in ({}, {"authorization": "Bearer lk_x_" + "0" * 48}):
        answer = call(instance.gateway + "/licet/vendors/persona/reference", b"", headers)
        assert (answer.status, answer.json["code"]) == (401, "invalid_api_key")
    _, key = person
    answer = call(instance.gateway + "/licet/vendors/nobody/reference", b"", {"x-api-key": key})
    assert (answer.status, answer.json["code"]) == (404, "unknown_vendor")
    for path, method, status in (
        ("persona", "POST", 404),
        ("persona/callback", "GET", 405),
        ("persona/other", "POST", 404),
    ):
        answer = call(f"{instance.gateway}/licet/vendors/{path}", None, {"x-api-key": key}, method)
        assert (answer.status, answer.json["code"]) == (status, "unknown_route")


def test_a_party_has_a_bounded_number_of_references_that_wait(instance, person):
    _, key = person
    for _ in range(8):
        reference = refer(instance, key)
    answer = call(instance.gateway + "/licet/vendors/persona/reference", b"", {"x-api-key": key})
    assert (answer.status, answer.json["code"]) == (409, "too_many_references")
    assert taken(deliver(instance, event(reference))) == "accepted"
    assert refer(instance, key)


def test_the_same_event_many_times_at_once_is_taken_once(instance, person):
    name, key = person
    body = event(refer(instance, key))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: deliver(instance, body), range(6)))
    assert {answer.status for answer in answers} <= {200, 409, 503}
    assert len(instance.records(kind="evidence", party=name, act="evidence.accept")) >= 1
    standings = instance.act(f"/parties/{name}")["standings"]
    assert len(standings) == 1
    assert code_of(instance, key) == 200


def test_a_suspended_vendor_is_believed_in_nothing(instance, person):
    _, key = person
    reference = refer(instance, key)
    assert taken(deliver(instance, event(reference))) == "accepted"
    instance.act("/vendors/persona/suspend", {})
    assert code_of(instance, key) == "verification_required"
    answer = deliver(instance, event(reference))
    assert (answer.status, answer.json["code"]) == (403, "issuer_suspended")
    instance.act("/vendors/persona/resume", {})
    assert code_of(instance, key) == 200


def test_nothing_of_an_event_is_kept_but_what_the_mapping_names(instance, person):
    name, key = person
    reference = refer(instance, key)
    body = event(reference, number="evt_planted_number")
    assert taken(deliver(instance, body)) == "accepted"
    kept = b"".join(
        path.read_bytes() for path in instance.directory.rglob("*") if path.is_file() and path.suffix != ".secret"
    )
    for planted in ("Planted", "evt_planted_number", reference, OLD, NEW):
        assert planted.encode() not in kept
    assert name.encode() in kept
