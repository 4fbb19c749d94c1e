"""A real gateway whose callers come with access tokens, proofs, end-user tokens and addresses."""

import json
import secrets
import signal
import tomllib
from datetime import timedelta
from pathlib import Path

import anthropic
import openai
import pytest
from google.genai import errors as gemini
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from callers_for_tests import (
    AUDIENCE,
    ISSUER,
    WITH_KEYS,
    KeyServer,
    believe_tokens,
    own_key,
    proof,
    token,
    with_keys_at,
)
from directives_for_tests import directive
from instance_for_tests import call, fresh_instance
from licet.fleet import Clock
from licet.parties.evidence import EndUser, sign_end_user
from licet.terms import Surface
from places_for_tests import short_directory
from sdks_for_tests import ask, list_models
from servers_for_tests import running
from standin_for_tests import eventually
from streams_for_tests import Reading

PUBLIC = "https://gate.example"
SETTINGS = f"""
[gateway]
public_url = "{PUBLIC}"
trusted_proxies = ["127.0.0.1/32"]
address_header = "X-Real-Chain"
dpop_nonce = true

[place]
database = "places.mmdb"

[limits]
key_requests = 3
total_s = 2
"""
REASON = {"reason": "counsel's reading for this test"}
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def keys():
    server = KeyServer()
    with running(server) as url:
        server.url = url
        yield server


def write_places(path, **countries):
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for country, network in countries.items():
        writer.insert_network(IPSet([network]), {"country": {"iso_code": country}})
    writer.to_db_file(str(path))


@pytest.fixture(scope="module")
def instance(upstream, keys):
    with short_directory() as directory:
        places = Path(str(directory) + "-places.mmdb")
        write_places(places, FR="198.51.100.0/24", IR="203.0.113.0/24")
        settings = SETTINGS.replace("places.mmdb", str(places))
        with fresh_instance(directory, upstream.url, settings, script=WITH_KEYS, **with_keys_at(keys.url)) as found:
            found.places = places
            yield found


@pytest.fixture(scope="module")
def world(instance, office):
    """`alice` is p1, not a foreign person; `bob` is p2, of whom nothing is known."""
    instance.items("open-1", "fable-5")
    office.employs("p1", "not_foreign_person")
    office.employs("p2")
    believe_tokens(instance, p1="alice@example", p2="bob@example")
    instance.act("/directives", {"text": directive()})
    return office


def now():
    return Clock().now()


def alice(**over):
    return token(now(), **over).decode()


def bob(**over):
    return token(now(), sub="bob@example", **over).decode()


def chat(instance, model, **headers):
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    return call(instance.gateway + CHAT, body, {name.replace("_", "-"): value for name, value in headers.items()})


def asked_nonce(instance):
    """The nonce that the gateway asks for, of a caller whose proof has none."""
    text = token(now(), cnf={"jkt": own_key()[1]})
    made = proof(text, now(), url=PUBLIC + CHAT).decode()
    answer = chat(instance, "open-1", authorization=f"DPoP {text.decode()}", dpop=made)
    assert (answer.status, answer.json["error"]["code"]) == (401, "use_dpop_nonce")
    assert 'DPoP realm="licet", error="use_dpop_nonce"' in answer.headers["www-authenticate"]
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["dpop-nonce"]


def audience_of(instance):
    return tomllib.loads((instance.directory / "licet.toml").read_text())["instance"]["audience"]


def end_user(instance, office, subject, **over):
    values = {
        "issuer": office.organization,
        "audience": audience_of(instance),
        "subject": subject,
        "number": secrets.token_urlsafe(8),
        "issued_at": now(),
        "expires_at": now() + timedelta(minutes=4),
        **over,
    }
    return sign_end_user(EndUser(**values), office.key.as_dict(private=True), "k1").decode()


@pytest.mark.parametrize("surface", Surface)
def test_client_libraries_call_with_a_token_as_their_key(instance, upstream, world, surface):
    assert ask(surface, instance.gateway, "hello", "open-1", alice())
    assert ask(surface, instance.gateway, "hello", "fable-5", alice())
    assert list_models(surface, instance.gateway, alice()) == ["fable-5", "open-1"]
    assert list_models(surface, instance.gateway, bob()) == ["open-1"]
    record = instance.records(model="fable-5", outcome="permit", party="p1")[-1]["body"]
    assert (record["organization"], record["token_issuer"]) == ("acme", "idp")
    assert "alice" not in json.dumps(instance.records())


RAISED = [
    (Surface.OPENAI, openai.AuthenticationError),
    (Surface.ANTHROPIC, anthropic.AuthenticationError),
    (Surface.GEMINI, gemini.ClientError),
]


@pytest.mark.parametrize(("surface", "kind"), RAISED)
def test_a_token_that_does_not_hold_is_nobodys(instance, upstream, world, surface, kind):
    for wrong in (alice(aud="https://other.example"), alice(iss=ISSUER[:-1]), alice(sub="eve@example")):
        with pytest.raises(kind):
            ask(surface, instance.gateway, "hello", "open-1", wrong)
    assert upstream.log() == []


def test_whose_token_could_be_backed_by_evidence_is_challenged_and_a_key_is_not(instance, upstream, world):
    answer = chat(instance, "fable-5", authorization=f"Bearer {bob()}")
    assert answer.status == 401
    assert 'Bearer realm="licet", error="insufficient_user_authentication"' in answer.headers["www-authenticate"]
    assert answer.json["error"]["code"] == "verification_required"
    assert answer.json["remedies"][0]["kind"] == "organization_attestation"
    assert answer.headers["licet-decision"] == answer.json["decision_id"]
    key = instance.act("/keys", {"party": "p2"})["result"]["key"]
    assert instance.chat(key, "fable-5").status == 403
    assert upstream.log() == []


def test_a_concealed_item_is_no_item_for_a_token_either(instance, upstream, world):
    instance.act("/items", {"id": "hidden-1", "upstream": "main", "concealed": True})
    instance.act("/directives", {"text": directive(id="DIR-H", items=[{"id": "hidden-1", "basis": "named"}])})
    hidden, nothing = (chat(instance, model, authorization=f"Bearer {bob()}") for model in ("hidden-1", "hidden-2"))
    assert (hidden.status, nothing.status) == (404, 404)
    different = {"licet-decision", "date"}
    assert {x: y for x, y in hidden.headers.items() if x not in different} == {
        x: y for x, y in nothing.headers.items() if x not in different
    }
    assert hidden.json["error"] == nothing.json["error"]
    assert upstream.log() == []


def test_an_item_may_ask_for_tokens_that_are_bound(instance, upstream, world):
    instance.act("/parameters/min_binding", {"value": "dpop", **REASON})
    try:
        answer = chat(instance, "fable-5", authorization=f"Bearer {alice()}")
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("DPoP ")
        assert upstream.log() == []
        text = token(now(), cnf={"jkt": own_key()[1]})
        nonce = asked_nonce(instance)
        made = proof(text, now(), url=PUBLIC + CHAT, nonce=nonce)
        headers = {"authorization": f"DPoP {text.decode()}", "dpop": made.decode()}
        assert chat(instance, "fable-5", **headers).status == 200
        assert chat(instance, "fable-5", **headers).json["error"]["code"] == "invalid_dpop_proof"
        again = proof(text, now(), url=PUBLIC + "/v1/models", method="GET", nonce=nonce).decode()
        listed = call(instance.gateway + "/v1/models", None, {**headers, "dpop": again})
        assert {"fable-5", "open-1"} <= {x["id"] for x in listed.json["data"]}
        assert instance.records(model="fable-5", outcome="permit")[-1]["body"]["binding"] == "dpop"
    finally:
        instance.act("/parameters/min_binding", {"value": "bearer", **REASON})


def test_nothing_that_shows_who_calls_reaches_the_upstream(instance, upstream, world):
    people = instance.act("/keys", {"organization": "acme", "serves": "people"})["result"]["key"]
    headers = {
        "authorization": f"Bearer {people}",
        "licet-end-user": end_user(instance, world, "p1"),
        "licet-decision": "forged",
        "Licet-Anything": "x",
        "dpop": "a.b.c",
        "client-cert": ":AQID:",
    }
    assert chat(instance, "fable-5", **headers).status == 200
    text = token(now(), cnf={"jkt": own_key()[1]}).decode()
    made = proof(text.encode(), now(), url=PUBLIC + CHAT, nonce=asked_nonce(instance)).decode()
    assert chat(instance, "open-1", authorization=f"DPoP {text}", dpop=made).status == 200
    for seen in upstream.log():
        names = {name.lower() for name in seen["headers"]}
        assert not names & {
            "authorization",
            "dpop",
            "client-cert",
            "licet-end-user",
            "licet-decision",
            "licet-anything",
        }
    assert len(upstream.log()) == 2


def test_a_key_that_serves_people_answers_for_whom_the_organization_names(instance, upstream, world):
    people = instance.act("/keys", {"organization": "acme", "serves": "people"})["result"]["key"]
    bearer = {"authorization": f"Bearer {people}"}
    assert chat(instance, "fable-5", **bearer).status == 403
    assert chat(instance, "fable-5", **bearer, licet_end_user=end_user(instance, world, "p2")).status == 403
    wrong = end_user(instance, world, "p1", audience="elsewhere")
    answer = chat(instance, "open-1", **bearer, licet_end_user=wrong)
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_end_user")
    assert upstream.log() == []
    assert chat(instance, "fable-5", **bearer, licet_end_user=end_user(instance, world, "p1")).status == 200
    record = instance.records(model="fable-5", outcome="permit")[-1]["body"]
    assert (record["party"], record["organization"]) == ("p1", "acme")


def test_evidence_is_given_with_a_token_as_with_a_key(instance, upstream, world):
    answer = call(instance.gateway + "/licet/nonce", b"", {"authorization": f"Bearer {bob()}"})
    assert answer.status == 200
    answer = call(instance.gateway + "/licet/nonce", b"", {"authorization": f"Bearer {bob(aud='x')}"})
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_rotated_key_is_fetched_and_a_taken_link_cuts(instance, upstream, world):
    stream = Reading(Surface.OPENAI, instance.gateway, "open-1", bob(), "[[chunks=1000 every=20ms]]").has(3)
    instance.act("/parties/p2/unlink", {"issuer": "idp", "subject": "bob@example"})
    assert stream.end().code == "key_revoked"
    assert chat(instance, "open-1", authorization=f"Bearer {bob()}").status == 401
    instance.act("/parties/p2/link", {"issuer": "idp", "subject": "bob@example"})
    assert chat(instance, "open-1", authorization=f"Bearer {bob()}").status == 200
    assert instance.act("/parties/p2")["links"][0]["issuer"] == "idp"
    instance.act("/parties/p1/link", {"issuer": "idp", "subject": "bob@example"}, expect=409)
    instance.act("/parties/p1/unlink", {"issuer": "idp", "subject": "bob@example"}, expect=409)
    instance.act("/parties/p1/unlink", {"issuer": "idp", "subject": "nobody@example"}, expect=404)


def test_an_issuer_is_trusted_until_it_is_removed(instance, upstream, world):
    other = {
        "id": "second",
        "url": "https://second.test/",
        "jwks_url": "https://second.test/keys",
        "audience": AUDIENCE,
        "algorithms": ["ES256"],
    }
    wrong = [{"algorithms": ["HS256"]}, {"algorithms": ["none"]}, {"algorithms": []}, {"jwks_url": "http://x.test/"}]
    for over in (*wrong, {"url": "http://second.test/"}, {"id": "a b"}):
        instance.act("/issuers", {**other, **over}, expect=422 if over in ({"algorithms": []}, {"id": "a b"}) else 400)
    instance.act("/issuers", {**other, "url": ISSUER}, expect=409)
    instance.act("/issuers", other)
    instance.act("/issuers", other, expect=409)
    instance.act("/parties/p1/link", {"issuer": "second", "subject": "alice"})
    text = token(now(), iss="https://second.test/", sub="alice").decode()
    assert chat(instance, "open-1", authorization=f"Bearer {text}").status == 200
    instance.act("/issuers/second/remove", {})
    assert chat(instance, "open-1", authorization=f"Bearer {text}").status == 401
    assert [x["issuer"] for x in instance.act("/parties/p1")["links"]] == ["idp"]
    assert [x["id"] for x in instance.act("/issuers")] == ["idp"]


def test_the_place_of_an_address_counts_and_is_on_record_as_weak_evidence(instance, upstream, world):
    bearer = {"authorization": f"Bearer {alice()}"}
    assert chat(instance, "open-1", **bearer, x_real_chain="198.51.100.7").status == 200
    place = eventually(lambda: instance.records(model="open-1", outcome="permit")[-1]["body"].get("place"))
    assert place == {"country": "FR", "by": "address", "strength": "weak"}
    assert "198.51.100" not in json.dumps(instance.records())
    answer = chat(instance, "open-1", **bearer, x_real_chain="203.0.113.7")
    assert (answer.status, answer.json["error"]["code"]) == (403, "export_control_denied")
    # A caller may write anything to the left of what the proxy has seen.
    assert chat(instance, "open-1", **bearer, x_real_chain="198.51.100.7, 203.0.113.7").status == 403
    listed = call(instance.gateway + "/v1/models", None, {**bearer, "x-real-chain": "203.0.113.7"})
    assert listed.json["data"] == []
    assert chat(instance, "open-1", **bearer).status == 200
    eventually(lambda: "place" not in instance.records(model="open-1", outcome="permit")[-1]["body"])
    assert len(upstream.log()) == 2


def test_the_places_are_read_anew_when_told(instance, upstream, world):
    bearer = {"authorization": f"Bearer {alice()}", "x_real_chain": "203.0.113.7"}
    assert chat(instance, "open-1", **bearer).status == 403
    write_places(instance.places, FR="203.0.113.0/24", IR="198.51.100.0/24")
    instance.process.send_signal(signal.SIGHUP)
    eventually(lambda: chat(instance, "open-1", **bearer).status == 200)
    write_places(instance.places, IR="203.0.113.0/24", FR="198.51.100.0/24")
    instance.process.send_signal(signal.SIGHUP)
    eventually(lambda: chat(instance, "open-1", **bearer).status == 403)


def test_a_key_has_so_many_requests_at_once(instance, upstream, world):
    text = alice()
    streams = [
        Reading(Surface.OPENAI, instance.gateway, "open-1", text, "[[chunks=1000 every=20ms]]").has(2) for _ in range(3)
    ]
    answer = chat(instance, "open-1", authorization=f"Bearer {text}")
    assert (answer.status, answer.json["error"]["code"]) == (503, "too_many_running")
    assert int(answer.headers["retry-after"]) > 0
    assert chat(instance, "open-1", authorization=f"Bearer {bob()}").status == 200
    # And each for so long.
    for stream in streams:
        assert stream.end().code == "answer_too_long"
    eventually(lambda: chat(instance, "open-1", authorization=f"Bearer {text}").status == 200)
    eventually(lambda: len(instance.records(kind="stream_cut", code="answer_too_long")) == 3)
