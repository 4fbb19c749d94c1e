"""The control API of a real instance: who may act, and how a wrong act is answered."""

import http.client
import json
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from directives_for_tests import directive
from instance_for_tests import call

NOON, LATER = "2026-06-15T12:00:00Z", "2036-06-15T12:00:00Z"
ITEM = {"id": "x-1", "upstream": "main"}
ORGANIZATION = {"id": "acme", "name": "Acme", "organized_under": "US-DE"}
LICENSE = {"id": "L9", "items": ["fable-5"], "parties": ["P1"], "valid_from": NOON, "valid_until": LATER}
REASON = {"reason": "counsel's reading for this test"}


@pytest.fixture(scope="module")
def filled(instance):
    instance.items("fable-5", "lifted-1", "other-1")
    instance.act("/organizations", ORGANIZATION)
    instance.party_key("P1")
    instance.act("/licenses", LICENSE | {"id": "L1"})
    instance.act("/licenses", LICENSE | {"id": "L2"})
    instance.act("/licenses/L2/revoke", {})
    instance.act("/directives", {"text": directive()})
    instance.act("/directives", {"text": directive(id="DIR-2", items=[{"id": "lifted-1", "basis": "named"}])})
    instance.act("/directives/DIR-2/lift", {})
    return instance


def published(instance):
    """Every route, as the published description lists them."""
    paths = call(instance.control + "/openapi.json").json["paths"]
    return [(method.upper(), path) for path, found in paths.items() for method in found]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic b2ZmaWNlcjp4"},
        {"x-api-key": "wrong"},
    ],
)
def test_every_route_asks_for_an_administrator(instance, headers):
    routes = published(instance)
    assert len(routes) > 20
    for method, path in routes:
        answer = call(instance.control + path.replace("{", "").replace("}", ""), b"{}", headers, method)
        assert (answer.status, answer.json["code"]) == (401, "unauthorized"), (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_callers_key_is_no_administrators_token(filled):
    headers = {"authorization": f"Bearer {filled.keys['P1']}"}
    assert call(filled.control + "/stop", b'{"items":["fable-5"]}', headers).status == 401


def act(instance, path, body, method="POST"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {instance.token}", "content-type": "application/json"}
    return call(instance.control + path, data, headers, method)


def assert_problem(answer, status, code=None):
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["code"]
    if code is not None:
        assert problem["code"] == code, problem


PRIVATE = OKPKey.generate_key("Ed25519").as_dict(private=True)
WRONG = [
    ("/items", b"not json", 422, "invalid_input"),
    ("/items", [], 422, "invalid_input"),
    ("/items", {}, 422, "invalid_input"),
    ("/items", {"id": "x-1"}, 422, "invalid_input"),
    ("/items", ITEM | {"unknown": 1}, 422, "invalid_input"),
    ("/items", ITEM | {"id": ""}, 400, "invalid_input"),
    ("/items", ITEM | {"id": "a b"}, 400, "invalid_input"),
    ("/items", ITEM | {"id": "x" * 129}, 400, "invalid_input"),
    ("/items", ITEM | {"aliases": ["é"]}, 400, "invalid_input"),
    ("/items", ITEM | {"upstream": "elsewhere"}, 400, "unknown_upstream"),
    ("/organizations", ORGANIZATION | {"id": "a_b"}, 422, "invalid_input"),
    ("/organizations", ORGANIZATION | {"id": "a\n"}, 422, "invalid_input"),
    ("/organizations", ORGANIZATION | {"name": ""}, 422, "invalid_input"),
    ("/organizations", ORGANIZATION | {"kind": "club"}, 422, "invalid_input"),
    ("/organizations", ORGANIZATION | {"organized_under": "UK"}, 400, "unknown_country"),
    ("/organizations", ORGANIZATION | {"organized_under": "us"}, 400, "unknown_country"),
    ("/organizations", ORGANIZATION | {"organized_under": "FR-IDF"}, 400, "unknown_country"),
    ("/organizations", ORGANIZATION | {"attestation_keys": {"k": PRIVATE}}, 400, "invalid_input"),
    ("/organizations", ORGANIZATION | {"attestation_keys": {"k": {"kty": "OKP"}}}, 400, "invalid_input"),
    (
        "/organizations",
        ORGANIZATION | {"attestation_keys": {"k": OctKey.generate_key(256).as_dict()}},
        400,
        "invalid_input",
    ),
    (
        "/organizations",
        ORGANIZATION | {"attestation_keys": {"k": ECKey.generate_key("P-384").as_dict(private=False)}},
        400,
        "invalid_input",
    ),
    ("/parties", {"id": ""}, 422, "invalid_input"),
    ("/parties", {"id": "x" * 65}, 422, "invalid_input"),
    ("/keys", {}, 400, "bad_key_owner"),
    ("/keys", {"party": "P1", "organization": "acme"}, 400, "bad_key_owner"),
    ("/keys", {"organization": "acme"}, 400, "bad_key_owner"),
    ("/keys", {"party": "P1", "serves": "people"}, 400, "bad_key_owner"),
    ("/keys", {"organization": "acme", "serves": "robots"}, 422, "invalid_input"),
    ("/licenses", LICENSE | {"items": []}, 422, "invalid_input"),
    ("/licenses", LICENSE | {"parties": []}, 400, "license_names_nobody"),
    ("/licenses", LICENSE | {"valid_until": NOON}, 400, "contradictory_dates"),
    ("/licenses", LICENSE | {"valid_until": "tomorrow"}, 400, "invalid_input"),
    ("/licenses", LICENSE | {"valid_until": "2036-06-15T12:00:00"}, 400, None),
    ("/directives", {"text": "{"}, 400, "invalid_document"),
    ("/directives", {"text": ""}, 400, "invalid_document"),
    ("/directives", {"text": directive(id="DIR-9", items=None)}, 400, "invalid_document"),
    ("/directives", {"text": directive(id="DIR-9", lifted_at="2026-06-01T00:00:00Z")}, 400, "invalid_document"),
    ("/directives", {"text": directive(id="DIR-9", effective_at="soon")}, 400, "invalid_document"),
    (
        "/directives",
        {"text": directive(id="DIR-9", items=[{"id": "no-such", "basis": "named"}])},
        400,
        "invalid_document",
    ),
    (
        "/directives",
        {"text": directive(id="DIR-9", persons={"nationals_of_groups": ["Z:9"]})},
        400,
        "invalid_document",
    ),
    ("/directives/DIR-1/lift", {"at": NOON}, 400, "past_instant"),
    ("/directives/DIR-1/lift", {"at": "never"}, 400, "invalid_input"),
    ("/parameters/macau", {"value": "atlantis", **REASON}, 400, "bad_parameter"),
    ("/parameters/macau", {"value": "literal", "reason": " "}, 400, "reason_missing"),
    ("/parameters/policy_max_age_s", {"value": "1", **REASON}, 400, "bad_parameter"),
    ("/parameters/unknown", {"value": "1", **REASON}, 400, "unknown_parameter"),
    # What does not exist.
    ("/stop", {"items": ["no-such"]}, 404, "unknown_item"),
    ("/parties", {"id": "P9", "organization": "no-such"}, 404, "unknown_organization"),
    ("/keys", {"party": "no-such"}, 404, "unknown_party"),
    ("/keys", {"organization": "no-such", "serves": "machine"}, 404, "unknown_organization"),
    ("/keys/no-such/revoke", {}, 404, "unknown_key"),
    ("/licenses", LICENSE | {"items": ["no-such"]}, 404, "unknown_item"),
    ("/licenses", LICENSE | {"parties": ["no-such"]}, 404, "unknown_party"),
    ("/licenses", LICENSE | {"organizations": ["no-such"]}, 404, "unknown_organization"),
    ("/licenses/no-such/revoke", {}, 404, "unknown_license"),
    ("/directives/no-such/lift", {}, 404, "unknown_directive"),
    (
        "/directives",
        {"text": directive(id="DIR-9", relations=[{"kind": "supersedes", "directive": "no-such"}])},
        404,
        "unknown_directive",
    ),
    ("/no-such-route", {}, 404, None),
    # What the state forbids.
    ("/items", ITEM | {"id": "fable-5"}, 409, "item_exists"),
    ("/items", ITEM | {"aliases": ["fable-5"]}, 409, None),
    ("/organizations", ORGANIZATION, 409, "organization_exists"),
    ("/parties", {"id": "P1"}, 409, "party_exists"),
    ("/licenses", LICENSE | {"id": "L1"}, 409, "license_exists"),
    ("/licenses/L2/revoke", {}, 409, "license_revoked"),
    ("/resume", {"items": ["fable-5"]}, 409, "not_stopped"),
    ("/directives", {"text": directive()}, 409, "directive_exists"),
    ("/directives/DIR-2/lift", {}, 409, None),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), WRONG)
def test_a_wrong_act_is_explained_and_changes_nothing(filled, path, body, status, code):
    before = contents(filled)
    assert_problem(act(filled, path, body), status, code)
    assert contents(filled) == before
    assert filled.act("/status")["policy"]["epoch"] == int(before["meta"]["epoch"])


def contents(instance):
    """Everything in the store that an act could change."""
    with closing(sqlite3.connect(instance.directory / "licet.db")) as database:
        rows = database.execute("SELECT kind, key, sequence, body FROM rows ORDER BY kind, key").fetchall()
        meta = dict(database.execute("SELECT name, value FROM meta").fetchall())
        directives = database.execute("SELECT id, document FROM directives ORDER BY id").fetchall()
        return {"rows": rows, "meta": meta, "directives": directives}


@pytest.mark.parametrize("path", ["/parties/no-such", "/directives/no-such"])
def test_what_is_not_there_cannot_be_shown(filled, path):
    answer = call(filled.control + path, headers={"authorization": f"Bearer {filled.token}"})
    assert_problem(answer, 404)


def test_a_method_that_a_path_does_not_have(filled):
    assert_problem(act(filled, "/stop", {}, "PUT"), 405)


def test_a_faulty_file_is_told_fault_by_fault(filled):
    text = directive(id="DIR-9", form="sung", effective_at="soon")
    problem = act(filled, "/directives/check", {"text": text, "name": "mine.yaml"}).json
    assert "mine.yaml" in problem["detail"]
    assert {fault["path"] for fault in problem["faults"]} == {"form", "effective_at"}
    assert all(fault["line"] > 1 for fault in problem["faults"])


def test_checking_a_file_changes_nothing_and_compiles_it(filled):
    before = contents(filled)
    found = filled.act("/directives/check", {"text": directive(id="DIR-9")})
    assert (found["directive"], found["items"]) == ("DIR-9", ["fable-5"])
    assert "forbid" in found["cedar"]
    assert contents(filled) == before


def test_every_act_is_on_record_with_who_and_what(filled):
    done = filled.act("/stop", {"items": ["other-1"]})
    (record,) = filled.records(act="stop", items=["other-1"])
    assert record["id"] == done["record"]
    assert record["body"]["by"] == "officer"
    assert not done["loosened_by_one_person"]
    again = filled.act("/resume", {})
    assert again["result"] == ["other-1"]
    assert again["loosened_by_one_person"]
    assert filled.records(act="resume")[-1]["body"]["effect"] == "loosens"


def test_a_stop_without_names_takes_what_any_directive_ever_named(filled):
    """Also an item whose directive is lifted; not one that none ever named."""
    assert filled.act("/stop", {})["result"] == ["fable-5", "lifted-1"]
    states = {item["id"]: item["state"] for item in filled.act("/status")["items"]}
    assert (states["fable-5"], states["lifted-1"], states["other-1"]) == ("off", "off", "on")
    assert filled.act("/stop", {"everything": True})["result"] == ["fable-5", "lifted-1", "other-1"]
    assert filled.act("/resume", {})["result"] == ["fable-5", "lifted-1", "other-1"]


def test_a_key_is_shown_once_and_kept_as_a_keyed_hash(filled):
    secret = filled.act("/keys", {"organization": "acme", "serves": "machine"})["result"]["key"].split("_")[2]
    kept = b"".join(path.read_bytes() for path in filled.directory.iterdir() if path.is_file())
    assert secret.encode() not in kept
    assert filled.keys["P1"].split("_")[2].encode() not in kept
    assert secret not in json.dumps(filled.act("/keys"))


def test_a_parameter_is_kept_with_its_reason(filled):
    filled.act("/parameters/macau", {"value": "with_d5", **REASON})
    found = next(x for x in filled.act("/parameters") if x["name"] == "macau")
    assert (found["value"], found["set_by"], found["reason"]) == ("with_d5", "officer", REASON["reason"])


def test_a_large_body_is_refused_or_read_but_never_kills_the_instance(filled):
    answer = act(filled, "/directives/check", {"text": "x" * 3_000_000})
    assert_problem(answer, 400)
    assert filled.act("/status")["items"]


def test_a_client_that_leaves_midway_changes_nothing(filled):
    before = contents(filled)
    parts = urlsplit(filled.control)
    with closing(http.client.HTTPConnection(parts.hostname, parts.port)) as connection:
        connection.putrequest("POST", "/items")
        connection.putheader("authorization", f"Bearer {filled.token}")
        connection.putheader("content-length", "100")
        connection.endheaders(b'{"id":')
    assert filled.act("/status")["items"]
    assert contents(filled) == before
