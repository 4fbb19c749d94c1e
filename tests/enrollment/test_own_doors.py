"""What is established of a caller, in their own hands: seen, taken back, carried to another key, told elsewhere."""

import itertools
import json
from datetime import timedelta

import pytest
from joserfc.jwk import OKPKey

from directives_for_tests import directive
from instance_for_tests import call
from licet.cli import run
from licet.errors import EvidenceError
from licet.fleet import Clock
from licet.parties import AttestedStatus
from licet.parties.evidence import verify_standing
from licet.terms import Surface
from people_for_tests import audience
from standin_for_tests import eventually
from streams_for_tests import Reading

NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"
DOOR = "https://door.example"
MARK = OKPKey.generate_key("Ed25519").thumbprint()


def ask(instance, key, path, body=None, method=None):
    headers = {"content-type": "application/json"} | ({} if key is None else {"authorization": f"Bearer {key}"})
    data = None if body is None else json.dumps(body).encode()
    return call(instance.gateway + path, data, headers, method)


def held(instance, key):
    answer = ask(instance, key, "/licet/standings")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    return answer.json["standings"]


@pytest.fixture(scope="module")
def names():
    return itertools.count(1)


@pytest.fixture(scope="module")
def restricted(instance):
    instance.items("fable-5")
    instance.act("/directives", {"text": directive()})


@pytest.fixture
def person(office, restricted, names):
    """A new person of the organization, of whom nothing is known yet, and their key."""
    name = f"person-{next(names)}"
    return name, office.employs(name)


@pytest.fixture
def shown(office, person):
    """A person, and their key, who has shown that they are not foreign."""
    name, key = person
    assert office.attest(key, name, NOT_FOREIGN).status == 200
    return name, key


def test_a_caller_sees_what_is_kept_and_nothing_else_is(instance, office, person):
    name, key = person
    assert held(instance, key) == []
    office.attest(key, name, FOREIGN, nationalities=("FR",))
    office.attest(key, name, NOT_FOREIGN)
    first, second = held(instance, key)
    assert (first["counts"], first["withdrawal"], second["counts"], second["withdrawal"]) == (
        False, "corrected", True, None,
    )  # fmt: skip
    assert first["facts"][:2] == [
        {"fact": "foreign_person"},
        {"fact": "citizenship", "country": "FR", "acquired": None},
    ]
    assert (first["completeness"], second["completeness"]) == ("at_least", "whole")
    assert second["issuer"] == office.organization
    row = next(x for x in instance.act(f"/parties/{name}")["standings"] if x["id"] == second["id"])
    told = {"genuineness", "binding", "verifier", "signing_key", "subject", "evidence_digest"}
    assert set(row) - set(second) <= told | {"identity_assurance", "not_before", "recheck_at", "keys"}


def test_what_is_taken_back_serves_nobody_and_cuts_what_runs(instance, shown):
    _, key = shown
    running = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, "[[chunks=400 every=20ms]]")
    running.has(2)
    (row,) = held(instance, key)
    answer = ask(instance, key, f"/licet/standings/{row['id']}/take-back", {})
    assert answer.json["taken_back"] == row["id"]
    assert running.end() is not None
    assert instance.chat(key, "fable-5").status == 403
    assert [x["withdrawal"] for x in held(instance, key)] == ["by_person"]
    (record,) = eventually(lambda: instance.records(act="standing.take_back", standing=row["id"]))
    assert record["id"] == answer.json["record"]
    again = ask(instance, key, f"/licet/standings/{row['id']}/take-back", {})
    assert (again.status, again.json["code"]) == (409, "standing_withdrawn")


def test_nobody_takes_back_anothers(instance, shown, office, names):
    stranger = office.employs(f"person-{next(names)}")
    (row,) = held(instance, shown[1])
    answer = ask(instance, stranger, f"/licet/standings/{row['id']}/take-back", {})
    assert (answer.status, answer.json["code"]) == (404, "unknown_standing")
    assert held(instance, stranger) == []
    assert instance.chat(shown[1], "fable-5").status == 200


def test_what_one_key_proved_counts_with_another_once_both_were_shown(instance, office, person):
    name, key = person
    office.attest(key, key.split("_")[1], NOT_FOREIGN)
    other = instance.act("/keys", {"party": name})["result"]["key"]
    assert [instance.chat(one, "fable-5").status for one in (key, other)] == [200, 403]
    assert [x["with_this_key"] for x in held(instance, other)] == [False]
    answer = ask(instance, other, "/licet/standings/carry", {"other_key": key})
    assert answer.json["carried"] == [held(instance, key)[0]["id"]]
    assert [instance.chat(one, "fable-5").status for one in (key, other)] == [200, 200]
    again = ask(instance, other, "/licet/standings/carry", {"other_key": key})
    assert (again.status, again.json["code"]) == (404, "nothing_to_carry")


def test_the_key_that_proved_it_has_to_be_shown(instance, office, person, names):
    name, key = person
    office.attest(key, key.split("_")[1], NOT_FOREIGN)
    other = instance.act("/keys", {"party": name})["result"]["key"]
    stranger = office.employs(f"person-{next(names)}")
    altered = key[:-1] + ("0" if key[-1] != "0" else "1")
    for asks, shows in ((other, altered), (other, key.split("_")[1]), (other, "x"), (stranger, key), (other, stranger)):
        answer = ask(instance, asks, "/licet/standings/carry", {"other_key": shows})
        assert (answer.status, answer.json["code"]) == (400, "not_your_key"), shows
    assert instance.chat(other, "fable-5").status == 403


def token(instance, key, **over):
    return ask(instance, key, "/licet/standing-token", {"audience": DOOR, "key_thumbprint": MARK, **over})


def verified(instance, text, **over):
    keys = {jwk["kid"]: jwk for jwk in ask(instance, None, "/licet/jwks").json["keys"]}
    where = {"issuer": audience(instance), "audience": DOOR, "key": MARK, "now": Clock().now()} | over
    return verify_standing(text.encode(), keys, **where)


def test_another_door_believes_what_is_told_of_a_caller(instance, shown):
    name, key = shown
    answer = token(instance, key, lifetime_s=300)
    found = verified(instance, answer.json["token"])
    assert (found.status, found.expires_at - found.issued_at) == (
        AttestedStatus.NOT_FOREIGN_PERSON,
        timedelta(seconds=300),
    )
    assert name not in answer.json["token"]
    assert verified(instance, token(instance, key).json["token"]).subject == found.subject
    elsewhere = token(instance, key, audience="https://another.example").json["token"]
    assert verified(instance, elsewhere, audience="https://another.example").subject != found.subject
    with pytest.raises(EvidenceError):
        verified(instance, elsewhere)
    jwks = ask(instance, None, "/licet/jwks")
    assert {name for jwk in jwks.json["keys"] for name in jwk} == {"kty", "crv", "x", "kid", "alg", "use"}
    (first, *_) = eventually(lambda: instance.records(act="standing.vouch", party=name, audience=DOOR))
    assert "token" not in first["body"]


@pytest.mark.parametrize(
    ("over", "status", "code"),
    [
        ({"lifetime_s": 299}, 400, "bad_lifetime"),
        ({"lifetime_s": 901}, 400, "bad_lifetime"),
        ({"lifetime_s": "300"}, 400, "malformed_json"),
        ({"lifetime_s": 10**30}, 400, "malformed_json"),
        ({"audience": ""}, 400, "bad_audience"),
        ({"audience": "x" * 201}, 400, "bad_audience"),
        ({"audience": "\u00e4"}, 400, "bad_audience"),
        ({"key_thumbprint": "short"}, 400, "bad_thumbprint"),
        ({"extra": 1}, 400, "malformed_json"),
        ({"audience": "x" * 5_000}, 413, "body_too_large"),
    ],
)
def test_what_cannot_be_told_is_refused(instance, shown, over, status, code):
    answer = token(instance, shown[1], **over)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_of_whom_nothing_counts_nothing_is_told(instance, office, person):
    name, key = person
    assert token(instance, key).json["code"] == "no_standing"
    office.attest(key, name, NOT_FOREIGN)
    assert token(instance, key).status == 200
    (row,) = held(instance, key)
    ask(instance, key, f"/licet/standings/{row['id']}/take-back", {})
    assert token(instance, key).json["code"] == "no_standing"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/licet/standings"),
        ("POST", "/licet/standings/carry"),
        ("POST", "/licet/standings/x/take-back"),
        ("POST", "/licet/standing-token"),
    ],
)
def test_without_a_key_there_is_no_answer(instance, method, path):
    body = None if method == "GET" else {}
    assert ask(instance, None, path, body).status == 401
    assert ask(instance, "licet_0_0", path, body).status == 401
    assert ask(instance, None, path, None, "PUT").status == 405
    assert ask(instance, None, "/licet/standings/").status == 404


def test_the_commands_do_the_same(instance, shown, capsys, monkeypatch):
    _, key = shown
    monkeypatch.setenv("LICET_API_KEY", key)
    here = ("--gateway", instance.gateway, "--json")
    assert run(["evidence", "list", *here]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert run(["evidence", "take-back", row["id"], *here]) == 0
    assert json.loads(capsys.readouterr().out)["taken_back"] == row["id"]
    assert run(["evidence", "take-back", row["id"], *here]) == 1
    assert held(instance, key)[0]["withdrawal"] == "by_person"
