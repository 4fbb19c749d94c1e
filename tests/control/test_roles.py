"""Who may do what, over every route of a real instance in which two must loosen."""

import json
import sqlite3
import time
from contextlib import closing
from datetime import timedelta

import pytest
from joserfc.jwk import OKPKey

from directives_for_tests import directive
from instance_for_tests import as_person, call, staffed_instance
from licet.control import MANDATES, ROUTES, Persons
from licet.fleet import Clock
from licet.logwriter import open_reader
from licet.stores import ACTING, Role, token_digest
from licet.terms import format_instant
from people_for_tests import Office, checked
from places_for_tests import short_directory

STAFF = {
    "ada": ACTING,
    "ben": ACTING,
    "cleo": frozenset({Role.OFFICER}),
    "olga": frozenset({Role.OPERATOR}),
    "dora": frozenset({Role.AUDITOR}),
}
OF_ROLE = {Role.OFFICER: "cleo", Role.OPERATOR: "olga", Role.AUDITOR: "dora"}
NOON, LATER = "2026-06-15T12:00:00Z", "2036-06-15T12:00:00Z"
SUPERSEDES = [{"kind": "supersedes", "directive": "DIR-1"}]
WHY = "counsel's reading for this test"
TOKEN = token_digest("another token")
JWK = OKPKey.generate_key("Ed25519").as_dict(private=False)

IDP = {
    "id": "idp",
    "url": "https://issuer.test/",
    "jwks_url": "https://issuer.test/keys",
    "audience": "gate",
    "algorithms": ["ES256"],
}

PROVIDER = {
    **IDP,
    "id": "provider",
    "clients": ["app"],
    "accepts": [{"framework": "nist_800_63A", "level": "ial2"}],
    "country": "US",
    "status": {"name": "us_person", "not_foreign": True},
}
VENDOR = {"id": "vendor", "template": "itmpl_1", "approved": "not_foreign_person"}

# For each route that changes something: what one person sends, in the order in which it is sent, and
# whether it is done at once. A new route has no line here, and so fails.
SENT = [
    ("POST /reviews/{review}/take", "/reviews/{review}/take", {}, True),
    (
        "POST /reviews/{review}/documents/{document}/open",
        "/reviews/{review}/documents/{document}/open",
        {},
        True,
    ),
    ("POST /reviews/{review}/ask", "/reviews/{review}/ask", {"message": "Is there a newer one?"}, True),
    (
        "POST /reviews/{review}/accept",
        "/reviews/{review}/accept",
        {"status": "not_foreign_person", "until": "{until}", "checklist": "{checklist}"},
        False,
    ),
    ("POST /reviews/{review}/refuse", "/reviews/{review}/refuse", {"message": "It has expired."}, True),
    ("POST /reviews/{review}/take", "/reviews/{other}/take", {}, True),
    ("POST /reviews/{review}/escalate", "/reviews/{other}/escalate", {}, True),
    ("POST /stop", "/stop", {"items": ["fable-5"]}, True),
    ("POST /resume", "/resume", {}, False),
    ("POST /items", "/items", {"id": "sonata-3", "upstream": "main"}, False),
    ("POST /items/import", "/items/import", {"ids": ["sonata-3", "sonata-4"], "upstream": "main"}, False),
    ("POST /workforces/{workforce}/take", "/workforces/{workforce}/take", {"enroll": True}, False),
    ("POST /organizations", "/organizations", {"id": "orch", "name": "O", "organized_under": "FR"}, False),
    ("POST /organizations/{organization}/keys", "/organizations/acme/keys", {"kid": "k2", "jwk": JWK}, False),
    ("POST /organizations/{organization}/limits", "/organizations/acme/limits", {"most_people": 5}, True),
    ("POST /organizations/{organization}/limits", "/organizations/acme/limits", {"most_people": 6}, False),
    ("POST /organizations/{organization}/suspend", "/organizations/acme/suspend", {}, True),
    ("POST /organizations/{organization}/resume", "/organizations/acme/resume", {}, False),
    (
        "POST /organizations/{organization}/keys/{key}/remove",
        "/organizations/acme/keys/k1/remove",
        {},
        True,
    ),
    (
        "POST /parties/{party}/standings/{standing}/withdraw",
        "/parties/P1/standings/{standing}/withdraw",
        {"reason": WHY},
        True,
    ),
    (
        "POST /parties/{party}/standings/{standing}/clear",
        "/parties/P1/standings/{standing}/clear",
        {"reason": WHY},
        False,
    ),
    ("POST /evidence-issuers", "/evidence-issuers", {**PROVIDER, "id": "second", "url": "https://2.test/"}, False),
    ("POST /evidence-issuers/{name}/suspend", "/evidence-issuers/provider/suspend", {}, True),
    ("POST /evidence-issuers/{name}/resume", "/evidence-issuers/provider/resume", {}, False),
    ("POST /vendors", "/vendors", {**VENDOR, "id": "second"}, False),
    ("POST /vendors/{name}/suspend", "/vendors/vendor/suspend", {}, True),
    ("POST /vendors/{name}/resume", "/vendors/vendor/resume", {}, False),
    ("POST /parties", "/parties", {"id": "P2"}, True),
    ("POST /parties/import", "/parties/import", {"parties": [["P3", None]]}, False),
    ("POST /issuers", "/issuers", {**IDP, "id": "second", "url": "https://second.test/"}, False),
    ("POST /parties/{party}/link", "/parties/P1/link", {"issuer": "idp", "subject": "alice"}, True),
    ("POST /parties/{party}/unlink", "/parties/P1/unlink", {"issuer": "idp", "subject": "alice"}, True),
    ("POST /issuers/{issuer}/remove", "/issuers/idp/remove", {}, True),
    ("POST /keys", "/keys", {"party": "P1"}, True),
    ("POST /keys/{key}/revoke", "/keys/{key}/revoke", {}, True),
    (
        "POST /licenses",
        "/licenses",
        {"id": "L1", "items": ["fable-5"], "parties": ["P1"], "valid_from": NOON, "valid_until": LATER},
        False,
    ),
    ("POST /licenses/{license_}/revoke", "/licenses/L0/revoke", {}, True),
    ("POST /directives", "/directives", {"text": directive(id="DIR-2")}, True),
    (
        "POST /directives",
        "/directives",
        {"text": directive(id="DIR-3", effective_at=NOON, relations=SUPERSEDES)},
        False,
    ),
    ("POST /directives/{directive}/lift", "/directives/DIR-1/lift", {}, False),
    ("POST /law/{name}", "/law/country_groups", {"text": "{groups}"}, False),
    ("POST /parameters/{name}", "/parameters/unknown_place", {"value": "ask", "reason": WHY}, True),
    ("POST /parameters/{name}", "/parameters/unknown_place", {"value": "ignore", "reason": WHY}, False),
    ("POST /parameters/{name}", "/parameters/macau", {"value": "with_d5", "reason": WHY}, False),
    ("POST /holds", "/holds", {"hold": "case-2", "subject": "all", "reason": WHY}, True),
    ("POST /holds/{name}/release", "/holds/case-1/release", {"reason": WHY}, False),
    ("POST /records/erase", "/records/erase", {"subject": "party:P1", "reason": WHY}, False),
    ("POST /administrators", "/administrators", {"name": "eve", "roles": ["officer"], "token_sha256": TOKEN}, False),
    ("POST /administrators/{name}/role", "/administrators/olga/role", {"roles": ["officer", "operator"]}, False),
    ("POST /administrators/{name}/role", "/administrators/cleo/role", {"roles": ["officer"]}, True),
    ("POST /administrators/{name}/rotate", "/administrators/ada/rotate", {"token_sha256": TOKEN}, True),
    ("POST /administrators/{name}/remove", "/administrators/cleo/remove", {}, True),
    ("POST /two-persons", "/two-persons", {}, None),
    ("POST /pending/{pending}/approve", "/pending/{own}/approve", {}, None),
    ("POST /pending/{pending}/refuse", "/pending/{own}/refuse", {"reason": WHY}, None),
    ("POST /pending/{pending}/withdraw", "/pending/{own}/withdraw", {}, True),
]
# What makes nobody's answer another.
READS = {
    route
    for route, act in ROUTES.items()
    if MANDATES[act].persons is Persons.NO_ACT or (act.startswith("record.") and act != "record.erase")
}


@pytest.fixture(scope="module")
def house():
    """Items, somebody with a key, a license, a directive, a hold: something for each route to act on."""
    with short_directory() as directory, staffed_instance(directory, "http://127.0.0.1:9", STAFF) as found:
        agree(found, "/items", {"id": "fable-5", "upstream": "main"})
        found.party_key("P1")
        agree(
            found,
            "/licenses",
            {"id": "L0", "items": ["fable-5"], "parties": ["P1"], "valid_from": NOON, "valid_until": LATER},
        )
        found.act("/directives", {"text": directive()})
        found.act("/holds", {"hold": "case-1", "subject": "all", "reason": WHY})
        yield found


def agree(instance, path, body):
    pending = instance.act(path, body, expect=202)["pending"]["id"]
    return as_person(instance, "ben").act(f"/pending/{pending}/approve", {})


def reviewed(instance, party):
    """A request for a human review with a letter in it: its id, and the letter's."""
    key = {"authorization": f"Bearer {instance.party_key(party)}"}
    assert call(f"{instance.gateway}/licet/review", b"", key).status == 200
    assert call(f"{instance.gateway}/licet/review/documents?kind=letter", b"%PDF-1.7 x", key).status == 200
    (review,) = [one["id"] for one in instance.act("/reviews") if one["party"] == party]
    return review, instance.act(f"/reviews/{review}")["documents"][0]["document"]


def ask(instance, path, body=None, method=None):
    headers = {"authorization": f"Bearer {instance.token}", "content-type": "application/json"}
    return call(instance.control + path, None if body is None else json.dumps(body).encode(), headers, method)


def published(instance):
    """Every route, as the published description lists them; metrics have a rule of their own."""
    paths = call(instance.control + "/openapi.json").json["paths"]
    return {f"{method.upper()} {path}" for path, found in paths.items() for method in found} - {"GET /metrics"}


def test_every_route_has_its_act_and_no_other_has_one(house):
    assert published(house) == set(ROUTES)
    assert set(ROUTES.values()) <= set(MANDATES)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("route", ROUTES)
def test_each_role_reaches_its_own_routes_and_is_refused_at_the_others(house, role, route):
    method, path = route.split(" ")
    filled = path.replace("{name}", "nobody").replace("{", "no-").replace("}", "")
    answer = ask(as_person(house, OF_ROLE[role]), filled, {} if method == "POST" else None, method)
    is_theirs = role in MANDATES[ROUTES[route]].roles
    refused = (answer.status, answer.json.get("code") if isinstance(answer.json, dict) else None)
    assert (refused == (403, "not_permitted")) != is_theirs, answer.body
    if not is_theirs:
        assert answer.headers["content-type"] == "application/problem+json"
        assert "www-authenticate" not in answer.headers
    assert answer.status != 500


def contents(instance):
    """Everything in the store but what was proposed."""
    with closing(sqlite3.connect(instance.directory / "licet.db")) as database:
        dump = list(database.iterdump())
    return [line for line in dump if not line.startswith(('INSERT INTO "pending"', 'INSERT INTO "nonces"'))]


def test_every_route_that_changes_something_is_sent_something():
    assert {route for route, *_ in SENT} == set(ROUTES) - READS


def test_one_person_alone_loosens_nothing_over_any_route():
    """Ada does everything there is to do. What loosens is kept for somebody else, and nothing of it is done."""
    offered = "\n[review]\noffered = true\n"
    with short_directory() as directory, staffed_instance(directory, "http://127.0.0.1:9", STAFF, offered) as found:
        agree(found, "/items", {"id": "fable-5", "upstream": "main"})
        agree(found, "/issuers", IDP)
        agree(found, "/evidence-issuers", PROVIDER)
        agree(found, "/vendors", VENDOR)
        (review, document), (other, _) = reviewed(found, "R1"), reviewed(found, "R2")
        office = Office(found, act=lambda path, body: agree(found, path, body))
        key = office.employs("P1", "not_foreign_person").split("_")[1]
        standing = found.act("/parties/P1")["standings"][0]["id"]
        workforce = checked(found, office.workforce([{"sub": "P9"}]))["workforce"]
        license_ = {"id": "L0", "items": ["fable-5"], "parties": ["P1"], "valid_from": NOON, "valid_until": LATER}
        agree(found, "/licenses", license_)
        found.act("/directives", {"text": directive()})
        found.act("/holds", {"hold": "case-1", "subject": "all", "reason": WHY})
        (groups,) = [row for row in found.act("/law") if row["name"] == "country_groups"]
        newer = json.dumps({**groups["document"], "as_of": "2027-01-01"})
        letter = ["legible", "unaltered", "sender_asked", "recent", "shows_status"]
        put = {
            "{groups}": newer,
            "{until}": format_instant(Clock().now() + timedelta(days=9)),
            "{checklist}": {document: letter, "call": ["code", "with_document", "likeness"]},
        }
        own = None
        for route, path, members, at_once in SENT:
            body = {name: put.get(str(value), value) for name, value in members.items()}
            before = contents(found)
            filled = {"key": key, "own": own, "standing": standing, "workforce": workforce}
            filled |= {"review": review, "document": document, "other": other}
            answer = ask(found, path.format(**filled), body)
            changed = contents(found) != before
            if at_once is False:
                assert (answer.status, changed) == (202, False), (route, answer.body)
                own = answer.json["pending"]["id"]
                assert answer.json["pending"]["proposed_by"] == "ada"
            elif at_once:
                assert answer.status == 200, (route, answer.body)
                assert "loosened_by_one_person" not in answer.json
            else:
                assert (answer.status in {403, 409}, changed) == (True, False), (route, answer.body)
            if route.endswith("/rotate"):
                (found.directory / "tokens" / "ada.token").write_text("another token")
                found.token = "another token"
        records = found.records(kind="administrative")
        assert all(x["body"]["approved_by"] == "ben" for x in records if x["body"]["effect"] == "loosens")
        assert found.records(act="hold.release") == []


def test_a_hold_is_released_by_two(house):
    asked = house.act("/holds", {"hold": "case-9", "subject": "party:P1", "reason": WHY})
    assert "pending" not in asked
    pending = house.act("/holds/case-9/release", {"reason": "the case is closed"}, expect=202)["pending"]["id"]
    assert house.records(act="hold.release", hold="case-9") == []
    assert ask(house, "/holds", {"hold": "case-9", "subject": "all", "reason": WHY}).json["code"] == "hold_exists"
    done = as_person(house, "cleo").act(f"/pending/{pending}/approve", {})
    assert done["approved_by"] == "cleo"
    (record,) = house.records(act="hold.release", hold="case-9")
    assert (record["body"]["by"], record["body"]["approved_by"]) == ("ada", "cleo")
    again = as_person(house, "cleo").act(f"/pending/{pending}/approve", {}, expect=409)
    assert again["code"] == "already_decided"
    house.act("/holds", {"hold": "case-9", "subject": "all", "reason": WHY})


def test_another_hold_of_the_same_name_is_not_released_by_what_was_agreed_on_the_first(house):
    house.act("/holds", {"hold": "case-8", "subject": "party:P1", "reason": WHY})
    first, second = [house.act("/holds/case-8/release", {"reason": WHY}, expect=202)["pending"]["id"] for _ in range(2)]
    as_person(house, "ben").act(f"/pending/{first}/approve", {})
    problem = as_person(house, "ben").act(f"/pending/{second}/approve", {}, expect=404)
    assert problem["code"] == "unknown_hold"
    house.act("/holds", {"hold": "case-8", "subject": "all", "reason": "another case"})
    problem = as_person(house, "ben").act(f"/pending/{second}/approve", {}, expect=409)
    assert problem["code"] == "overtaken"
    assert len(house.records(act="hold.release", hold="case-8")) == 1
    house.act(f"/pending/{second}/withdraw", {})


def test_a_hold_that_is_not_there_is_not_even_proposed_to_be_released(house):
    assert house.act("/holds/no-such/release", {"reason": WHY}, expect=404)["code"] == "unknown_hold"


def test_an_auditor_reads_everything_and_their_reading_is_on_record(house):
    audit = as_person(house, "dora")
    found = audit.act("/records?kind=administrative&document=L0")
    assert {"license.grant", "pending.propose"} <= {row["body"]["act"] for row in found}
    (read,) = house.records(act="record.read", by="dora", search={"kind": "administrative", "document": "L0"})
    assert read["body"]["results"] == len(found)
    with open_reader(house.directory / "log.db") as reader:
        entry = reader.find(read["id"]).entry
    assert b"L0" not in entry
    assert b"dora" not in entry
    packet = audit.act("/records/packet", {"profile": "agency", "document": "L0"})
    told = json.loads(packet["records.json"])
    assert "notice" not in told
    (export,) = house.records(act="record.export", by="dora")
    assert export["body"]["results"] == len(told["records"]) >= 2
    assert audit.act("/records?id=none", expect=404)["code"] == "not_found"
    assert house.records(act="record.read", search={"id": "none"})[-1]["body"]["results"] == 0


def test_an_auditor_decides_again_and_it_is_on_record(house):
    key = house.keys["P1"]
    decision = house.chat(key, "fable-5").headers["licet-decision"]
    deadline = time.monotonic() + 5
    while not house.records(kind="decision", id=decision) and time.monotonic() < deadline:
        time.sleep(0.05)
    told = as_person(house, "dora").act(f"/records/{decision}/redecide")
    assert told["answer"] == "agrees"
    (record,) = house.records(act="record.redecide", search={"id": decision})
    assert (record["body"]["by"], record["body"]["results"]) == ("dora", 1)
    assert as_person(house, "olga").act(f"/records/{decision}/redecide", expect=403)["code"] == "not_permitted"


def test_whoever_reads_the_files_says_so_first(house):
    body = {"act": "record.export", "search": {"party": "P1"}, "results": 7}
    as_person(house, "dora").act("/records/readings", body)
    assert house.records(act="record.export", search={"party": "P1"})[-1]["body"]["results"] == 7
    for wrong in ({**body, "results": -1}, {**body, "act": "stop"}, {**body, "search": {"party": 1}}):
        assert ask(house, "/records/readings", wrong).status == 422


def test_a_removed_persons_token_is_nobodys_and_a_401(house):
    agree(
        house, "/administrators", {"name": "gone", "roles": ["auditor"], "token_sha256": token_digest("a good token")}
    )
    headers = {"authorization": "Bearer a good token"}
    assert call(house.control + "/status", headers=headers).status == 200
    house.act("/administrators/gone/remove", {})
    answer = call(house.control + "/status", headers=headers)
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    (row,) = [row for row in house.act("/administrators") if row["name"] == "gone"]
    assert row["removed_at"] is not None
    assert not {"token", "token_sha256"} & row.keys()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/administrators", {"name": "e", "roles": ["clerk"], "token_sha256": TOKEN}, 422, "invalid_input"),
        ("/administrators", {"name": "e", "roles": [], "token_sha256": TOKEN}, 422, "invalid_input"),
        ("/administrators", {"name": "e\x1b[0m", "roles": ["officer"], "token_sha256": TOKEN}, 422, "invalid_input"),
        ("/administrators", {"name": "e\n", "roles": ["officer"], "token_sha256": TOKEN}, 422, "invalid_input"),
        ("/administrators", {"name": "", "roles": ["officer"], "token_sha256": TOKEN}, 422, "invalid_input"),
        ("/administrators", {"name": "x" * 65, "roles": ["officer"], "token_sha256": TOKEN}, 422, "invalid_input"),
        ("/administrators", {"name": "e", "roles": ["officer"], "token": "mine"}, 422, "invalid_input"),
        ("/administrators", {"name": "ada", "roles": ["officer"], "token_sha256": TOKEN}, 409, "administrator_exists"),
        ("/administrators", {"name": "e", "roles": ["officer"], "token_sha256": "mine"}, 400, "bad_token"),
        ("/administrators/nobody/remove", {}, 404, "unknown_administrator"),
        ("/administrators/ben/rotate", {"token_sha256": TOKEN}, 403, "not_permitted"),
        ("/two-persons", {}, 409, "two_persons_already"),
        ("/pending/no-such/approve", {}, 404, "unknown_pending"),
        ("/pending/no-such/approve", {"extra": 1}, 422, "invalid_input"),
        ("/pending/no-such/refuse", {"reason": ""}, 422, "invalid_input"),
        ("/pending?state=bogus", None, 422, "invalid_input"),
        ("/items/import", {"ids": ["a", "a"], "upstream": "main"}, 400, "item_twice"),
        ("/items/import", {"ids": [], "upstream": "main"}, 422, "invalid_input"),
        ("/items/import", {"ids": ["x-9", "fable-5"], "upstream": "main"}, 409, "item_exists"),
    ],
)
def test_a_wrong_act_about_people_is_explained_and_changes_nothing(house, path, body, status, code):
    before, pending = contents(house), house.act("/pending")
    answer = ask(house, path, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (contents(house), house.act("/pending")) == (before, pending)


def test_a_proposal_is_shown_whole(house):
    proposed = house.act("/parameters/macau", {"value": "literal", "reason": WHY}, expect=202)
    found = as_person(house, "dora").act(f"/pending/{proposed['pending']['id']}")
    assert found["arguments"] == {"in_path": "macau", "value": "literal", "reason": WHY, "despite_proof": None}
    assert found["meaning"]["before"] == "unset"
    assert found["digest"] == proposed["pending"]["digest"]
    (record,) = house.records(id=proposed["record"])
    assert (record["body"]["proposed"], record["body"]["digest"]) == ("parameter.set", found["digest"])
    house.act(f"/pending/{found['id']}/withdraw", {})
    assert [x["id"] for x in house.act("/pending?state=withdrawn") if x["id"] == found["id"]] == [found["id"]]


def test_status_says_how_many_must_loosen(house):
    status = house.act("/status")
    assert (status["persons_to_loosen"], status["policy"]["broken_invariants"]) == (2, [])
    assert "notice" not in status
    (start,) = house.records(kind="startup")
    assert start["body"]["persons"] == "two"
    (made,) = house.records(act="instance.create")
    assert made["body"]["roles"]["dora"] == ["auditor"]
