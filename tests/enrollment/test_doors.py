"""The caller's doors on a real instance: what is believed, what is refused, and that nothing of it is kept."""

import base64
import itertools
import json
import secrets
import socket
import time
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import OKPKey

from directives_for_tests import directive
from instance_for_tests import call
from licet.fleet import Clock
from licet.parties import Relation
from people_for_tests import Office, ask_nonce, present

NUMBERS = itertools.count(1)
NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"


@pytest.fixture(scope="module")
def restricted(instance, office):
    instance.items("fable-5")
    instance.act("/directives", {"text": directive()})
    return Office(instance, "rival")


@pytest.fixture
def person(instance, office, restricted):
    """A new person of the organization, of whom nothing is known yet, and their key."""
    name = f"person-{next(NUMBERS)}"
    return name, office.employs(name)


def standings(instance, party):
    return instance.act(f"/parties/{party}")["standings"]


def assert_problem(answer, status, code):
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_the_same_key_is_served_at_once(instance, office, person):
    name, key = person
    refused = instance.chat(key, "fable-5")
    assert (refused.status, refused.json["error"]["code"]) == (403, "verification_required")
    assert "organization_attestation" in {remedy["kind"] for remedy in refused.json["remedies"]}
    answer = office.attest(key, name, NOT_FOREIGN)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert instance.chat(key, "fable-5").status == 200
    (standing,) = standings(instance, name)
    assert answer.json["standing"] == standing["id"]
    (record,) = instance.records(kind="evidence", party=name)
    assert record["id"] == answer.json["record"]
    assert record["body"]["digest"] == standing["evidence_digest"]


def test_without_a_nonce_a_number_never_seen_will_do(instance, office, person):
    name, key = person
    audience = ask_nonce(instance, key)["audience"]
    assert present(instance, key, office.token(name, NOT_FOREIGN, audience=audience)).status == 200
    assert instance.chat(key, "fable-5").status == 200


def test_the_key_itself_may_be_the_subject(instance, office, person):
    _, key = person
    assert office.attest(key, key.split("_")[1], NOT_FOREIGN).status == 200
    assert instance.chat(key, "fable-5").status == 200


def test_what_is_attested_decides(instance, office, person):
    name, key = person
    assert office.attest(key, name, FOREIGN, nationalities=("FR",)).status == 200
    refused = instance.chat(key, "fable-5")
    assert (refused.status, refused.json["error"]["code"]) == (403, "license_required")


def test_a_later_word_takes_the_place_of_an_earlier_one(instance, office, person):
    """The duty to correct: withdrawn at once, and the withdrawn stays on file as such."""
    name, key = person
    now = Clock().now().replace(microsecond=0)
    assert office.attest(key, name, NOT_FOREIGN, checked_at=now - timedelta(days=2)).status == 200
    assert instance.chat(key, "fable-5").status == 200
    assert office.attest(key, name, FOREIGN, checked_at=now - timedelta(days=1)).status == 200
    assert instance.chat(key, "fable-5").json["error"]["code"] == "license_required"
    # An older word comes late: the later one stands.
    late = office.attest(key, name, NOT_FOREIGN, checked_at=now - timedelta(days=2))
    assert_problem(late, 409, "attestation_superseded")
    assert instance.chat(key, "fable-5").json["error"]["code"] == "license_required"
    assert [x["withdrawn_at"] is None for x in standings(instance, name)] == [False, True]


MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def now():
    return Clock().now().replace(microsecond=0)


# What is wrong with an attestation made for a nonce, and what is answered.
FAULTS = {
    "another key": (lambda: {"signer": OKPKey.generate_key("Ed25519")}, "bad_signature"),
    "another audience": (lambda: {"audience": "licet-elsewhere"}, "wrong_audience"),
    "no such nonce": (lambda: {"nonce": secrets.token_urlsafe(24)}, "wrong_nonce"),
    "expired": (lambda: {"issued_at": now() - 3 * MINUTE, "expires_at": now() - MINUTE}, "expired"),
    "issued in the future": (lambda: {"issued_at": now() + 5 * MINUTE, "expires_at": now() + DAY}, "issued_in_future"),
    "issued long ago": (lambda: {"issued_at": now() - 6 * MINUTE}, "issued_too_long_ago"),
    "another person": (lambda: {"subject": "person-of-old"}, "wrong_subject"),
    "an organization that is not enrolled": (lambda: {"issuer": "nobody"}, "unknown_issuer"),
    "checked in the future": (lambda: {"checked_at": now() + DAY}, "check_in_future"),
    "checked too long ago": (lambda: {"checked_at": now() - 366 * DAY}, "check_too_old"),
    "no longer vouched for": (lambda: {"checked_at": now() - 2 * DAY, "valid_until": now() - DAY}, "no_longer_valid"),
    "contradictory": (lambda: {"nationalities": ("FR",)}, "contradictory"),
}


@pytest.mark.parametrize(("fault", "code"), FAULTS.values(), ids=FAULTS)
def test_an_attestation_that_is_not_believed(instance, office, person, fault, code):
    name, key = person
    assert_problem(office.attest(key, name, NOT_FOREIGN, **fault()), 403, code)
    assert standings(instance, name) == []
    assert instance.chat(key, "fable-5").json["error"]["code"] == "verification_required"


@pytest.mark.parametrize(
    ("over", "code"),
    [
        (lambda: {"expires_at": now() + DAY + timedelta(seconds=1)}, "lifetime_too_long"),
        (lambda: {"expires_at": now() + 2 * DAY}, "lifetime_too_long"),
    ],
)
def test_without_a_nonce_a_day_is_the_most(instance, office, person, over, code):
    name, key = person
    audience = ask_nonce(instance, key)["audience"]
    assert_problem(present(instance, key, office.token(name, NOT_FOREIGN, audience=audience, **over())), 403, code)
    assert standings(instance, name) == []


def test_a_token_serves_once(instance, office, person):
    name, key = person
    nonce = ask_nonce(instance, key)
    token = office.token(name, NOT_FOREIGN, audience=nonce["audience"], nonce=nonce["nonce"])
    assert present(instance, key, token).status == 200
    assert_problem(present(instance, key, token), 403, "wrong_nonce")
    free = office.token(name, NOT_FOREIGN, audience=nonce["audience"], number="the-same")
    assert present(instance, key, free).status == 200
    assert_problem(present(instance, key, free), 403, "replayed")
    again = office.token(name, NOT_FOREIGN, audience=nonce["audience"], number="the-same")
    assert_problem(present(instance, key, again), 403, "replayed")


def test_a_nonce_is_used_up_by_a_try_that_fails(instance, office, person):
    name, key = person
    nonce = ask_nonce(instance, key)
    wrong = office.token(name, NOT_FOREIGN, audience="elsewhere", nonce=nonce["nonce"])
    assert_problem(present(instance, key, wrong), 403, "wrong_audience")
    right = office.token(name, NOT_FOREIGN, audience=nonce["audience"], nonce=nonce["nonce"])
    assert_problem(present(instance, key, right), 403, "wrong_nonce")


def test_a_nonce_of_another_key_is_none(instance, office, person):
    name, key = person
    other = instance.act("/keys", {"party": name})["result"]["key"]
    nonce = ask_nonce(instance, other)
    token = office.token(name, NOT_FOREIGN, audience=nonce["audience"], nonce=nonce["nonce"])
    assert_problem(present(instance, key, token), 403, "wrong_nonce")
    # It is still good for whom it was made.
    assert present(instance, other, token).status == 200


def test_a_link_sent_to_a_citizen_gains_the_sender_nothing(instance, office, restricted, person):
    """The attacker's nonce, signed about the citizen: the subject is not who presents it."""
    attacker = office.employs(f"attacker-{next(NUMBERS)}")
    name, _ = person
    assert_problem(office.attest(attacker, name, NOT_FOREIGN), 403, "wrong_subject")
    assert instance.chat(attacker, "fable-5").status == 403


def test_an_organization_speaks_for_its_own_people_only(instance, office, restricted, person):
    name, key = person
    assert_problem(restricted.attest(key, name, NOT_FOREIGN), 403, "not_a_member")
    loner = instance.party_key(f"loner-{next(NUMBERS)}")
    nonce = ask_nonce(instance, loner)
    token = office.token("loner", NOT_FOREIGN, audience=nonce["audience"], nonce=nonce["nonce"])
    assert_problem(present(instance, loner, token), 403, "not_a_member")
    assert standings(instance, name) == []


@pytest.mark.parametrize("serves", ["people", "machine"])
def test_a_key_that_is_nobodys_in_particular_gains_nothing(instance, office, restricted, serves):
    key = instance.act("/keys", {"organization": "acme", "serves": serves})["result"]["key"]
    nonce = ask_nonce(instance, key)
    token = office.token(key.split("_")[1], NOT_FOREIGN, audience=nonce["audience"], nonce=nonce["nonce"])
    assert_problem(present(instance, key, token), 400, "key_without_party")


def flipped(token):
    header, claims, signature = token.split(".")
    value = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other = json.dumps(value | {"status": NOT_FOREIGN}).encode()
    return ".".join((header, base64.urlsafe_b64encode(other).rstrip(b"=").decode(), signature))


def test_a_token_that_was_altered(instance, office, person):
    name, key = person
    audience = ask_nonce(instance, key)["audience"]
    assert_problem(
        present(instance, key, flipped(office.token(name, FOREIGN, audience=audience))), 403, "bad_signature"
    )


BODIES = [
    (b"", 400, "malformed_json"),
    (b"not json", 400, "malformed_json"),
    (b"[]", 400, "malformed_json"),
    (b'{"kind":"org_user_attestation"}', 400, "malformed_json"),
    (b'{"kind":"org_user_attestation","payload":7}', 400, "malformed_json"),
    (b'{"kind":"org_user_attestation","payload":"a","more":1}', 400, "malformed_json"),
    (b'{"kind":"org_user_attestation","payload":"\\ud800"}', 400, "malformed_json"),
    (b'{"kind":"passport","payload":"a"}', 400, "unknown_evidence"),
    (b'{"kind":"org_user_attestation","payload":""}', 403, "malformed"),
    (b'{"kind":"org_user_attestation","payload":"a.b.c"}', 403, "malformed"),
    (b'{"kind":"org_user_attestation","payload":"\xc3\xa9.b.c"}', 403, "malformed"),
    (b'{"kind":"org_user_attestation","payload":"' + b"a" * 16_385 + b'"}', 403, "too_large"),
    (b" " * 65_537, 413, "body_too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES)
def test_a_body_that_is_wrong(instance, office, person, body, status, code):
    _, key = person
    answer = call(instance.gateway + "/licet/evidence", body, {"authorization": f"Bearer {key}"})
    assert_problem(answer, status, code)


@pytest.mark.parametrize("door", ["nonce", "evidence"])
@pytest.mark.parametrize("headers", [{}, {"x-api-key": "lk_x_" + "0" * 48}, {"authorization": "Bearer nonsense"}])
def test_the_doors_ask_for_a_key(instance, door, headers):
    answer = call(f"{instance.gateway}/licet/{door}", b"{}", headers)
    assert_problem(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_doors_refuse_two_keys(instance, person):
    _, key = person
    headers = {"x-api-key": key, "authorization": "Bearer lk_x_" + "0" * 48}
    assert_problem(call(instance.gateway + "/licet/nonce", b"", headers), 400, "ambiguous_credentials")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/licet/nonce", 405),
        ("GET", "/licet/evidence", 405),
        ("POST", "/licet/", 404),
        ("POST", "/licet/nonce/", 404),
        ("POST", "/licet/elsewhere", 404),
        ("GET", "/licet/../v1/models", 404),
    ],
)
def test_there_are_no_other_doors(instance, person, method, path, status):
    _, key = person
    answer = call(instance.gateway + path, None, {"x-api-key": key}, method)
    assert_problem(answer, status, "unknown_route")


def test_a_key_holds_a_bounded_number_of_nonces(instance, person):
    _, key = person
    for _ in range(16):
        ask_nonce(instance, key)
    answer = call(instance.gateway + "/licet/nonce", b"", {"x-api-key": key})
    assert_problem(answer, 409, "too_many_nonces")


def test_a_client_that_leaves_midway(instance, person):
    _, key = person
    parts = urlsplit(instance.gateway)
    head = f"POST /licet/evidence HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: 100\r\n\r\n"
    with closing(socket.create_connection((parts.hostname, parts.port))) as plug:
        plug.sendall(head.encode() + b'{"kind":')
    assert ask_nonce(instance, key)["nonce"]


def test_nothing_of_the_evidence_is_kept(instance, office, person):
    """Neither in the store, nor in the log, nor in any other file of the instance."""
    name, key = person
    planted = ("Zebulon Planted", "Compliance ZZPLANTED99", "P7PLANTED31")
    nonce = ask_nonce(instance, key)
    over = {"audience": nonce["audience"], "nonce": nonce["nonce"], "relation": Relation.CONTRACTOR}
    believed = office.token(name, NOT_FOREIGN, signatory=" ".join(planted[:2]), **over)
    assert present(instance, key, believed).status == 200
    unbelieved = office.token(name, NOT_FOREIGN, audience="x", signatory=planted[0], statement_version=planted[2])
    assert present(instance, key, unbelieved).status == 403
    instance.chat(key, "fable-5")
    time.sleep(0.2)
    files = [path for path in instance.directory.rglob("*") if path.is_file()]
    assert {"licet.db", "log.db"} <= {path.name for path in files}
    kept = b"".join(path.read_bytes() for path in files)
    for secret in (*planted, believed, unbelieved, *believed.split(".")[1:], nonce["nonce"], key.split("_")[2]):
        assert secret.encode() not in kept
    assert name.encode() in kept  # so that the search is known to find what is there
