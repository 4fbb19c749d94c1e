"""A caller shows what an identity provider says of them: a real provider, a real instance, the same key."""

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from callers_for_tests import own_key, proof
from directives_for_tests import directive
from instance_for_tests import fresh_instance
from licet.app.places import Places
from licet.decisions import Caller
from licet.errors import ConflictError, EvidenceError, InputError, NotFoundError
from licet.fleet import Clock
from licet.fleet.channel import Channel
from licet.fleet.wire import BeginSignIn, Begun, Established, FinishSignIn
from licet.terms import Surface
from people_for_tests import present
from places_for_tests import short_directory
from provider_for_tests import ENROLLMENT, ISSUER, PUBLIC, RETURN, WITH_PROVIDER, running_provider, with_provider_at
from standin_for_tests import stand_in
from streams_for_tests import Reading

NUMBERS = itertools.count(1)
SETTINGS = f"""
[gateway]
public_url = "{PUBLIC}"

[evidence.op]
secrets = ["env:PROVIDER_SECRET"]
"""
KIND, STALL = "oidc_verified_claims", "[[stall]]"


@pytest.fixture(scope="module")
def provider():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        with running_provider() as found:
            yield found


@pytest.fixture(scope="module")
def instance(provider):
    surroundings = with_provider_at(provider.at)
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, SETTINGS, script=WITH_PROVIDER, **surroundings) as found,
    ):
        found.items("fable-5")
        found.act("/directives", {"text": directive()})
        found.act("/evidence-issuers", ENROLLMENT)
        yield found


@pytest.fixture
def alice(instance, provider):
    """A new party, their key, and what the provider has verified of them: not foreign."""
    provider.signs_answers = provider.verified_in_token = False
    name = f"person-{next(NUMBERS)}"
    key = instance.party_key(name)
    provider.people[name] = [verified(us_person=True)]
    return name, key


def verified(framework="nist_800_63A", level="ial2", **claims):
    time = (Clock().now() - timedelta(days=3)).replace(microsecond=0).isoformat()
    claims = {"given_name": "Zebulon", "family_name": "Planted", **claims}
    return {"verification": {"trust_framework": framework, "assurance_level": level, "time": time}, "claims": claims}


def refused_with(answer, code, status=403):
    assert (answer.status, answer.json["code"]) == (status, code), answer.body


def code_of(instance, key):
    answer = instance.chat(key, "fable-5")
    return answer.status if answer.status == 200 else answer.json["error"]["code"]


def test_the_same_key_is_served_once_its_holder_was_vouched_for(instance, provider, alice):
    name, key = alice
    assert code_of(instance, key) == "verification_required"
    token = provider.token_of(name)
    answer = present(instance, key, token, KIND)
    assert answer.status == 200, answer.body
    assert instance.chat(key, "fable-5").status == 200
    (standing,) = instance.act(f"/parties/{name}")["standings"]
    assert (standing["kind"], standing["issuer"], standing["identity_assurance"]) == (KIND, "oidc:op", 2)
    (record,) = instance.records(kind="evidence", party=name)
    assert record["body"]["issuer"] == "oidc:op"
    # Once only.
    refused_with(present(instance, key, token, KIND), "replayed")


@pytest.mark.parametrize(("signed", "in_token"), [(True, False), (False, True)])
def test_whether_it_is_in_the_token_or_in_a_signed_answer(instance, provider, alice, signed, in_token):
    provider.signs_answers, provider.verified_in_token = signed, in_token
    name, key = alice
    assert present(instance, key, provider.token_of(name), KIND).status == 200
    assert code_of(instance, key) == 200


def test_what_is_said_decides(instance, provider, alice):
    name, key = alice
    provider.people[name] = [verified(us_person=False, nationalities=["FRA"])]
    assert present(instance, key, provider.token_of(name), KIND).status == 200
    assert code_of(instance, key) == "license_required"
    provider.people[name] = [verified(nationalities=["FRA"])]
    other = instance.party_key(f"person-{next(NUMBERS)}")
    assert present(instance, other, provider.token_of(name), KIND).status == 200
    assert code_of(instance, other) == "verification_required"


def test_a_nationality_that_was_shown_is_not_cleared_by_leaving_it_out(instance, provider, alice):
    name, key = alice
    provider.people[name] = [verified(nationalities=["FR", "CN"])]
    assert present(instance, key, provider.token_of(name), KIND).status == 200
    provider.people[name] = [verified(nationalities=["FR"])]
    assert present(instance, key, provider.token_of(name), KIND).status == 200
    first, second = sorted(instance.act(f"/parties/{name}")["standings"], key=lambda x: x["withdrawn_at"] is None)
    assert first["withdrawal"] == "corrected"
    assert {fact["country"] for fact in first["facts"]} == {"FR", "CN"}
    assert second["withdrawn_at"] is None


REFUSED = [
    (lambda op, name: op.token_of(name, client="rogue"), "wrong_client"),
    (lambda op, name: op.token_of(name) + "x", "malformed"),
    (lambda op, name: op.token_of(name)[:-8] + "AAAAAAAA", "bad_signature"),
    (lambda op, _name: op.token_of("nobody-known"), "claims_missing"),
    (lambda _op, _name: "no token", "malformed"),
]


@pytest.mark.parametrize(("make", "code"), REFUSED)
def test_a_token_that_is_not_believed(instance, provider, alice, make, code):
    name, key = alice
    refused_with(present(instance, key, make(provider, name), KIND), code)
    assert code_of(instance, key) == "verification_required"


def test_an_unknown_issuer_is_asked_nothing(instance, provider, alice):
    from claims_for_tests import access_token

    _, key = alice
    refused_with(present(instance, key, access_token(now=Clock().now()).decode(), KIND), "unknown_issuer")
    made_up = access_token(now=Clock().now(), iss=ISSUER, header={"kid": "made-up"}).decode()
    refused_with(present(instance, key, made_up, KIND), "unknown_key")


def test_what_is_not_accepted_of_the_issuer_shows_nothing(instance, provider, alice):
    name, key = alice
    provider.people[name] = [verified("eidas", "substantial", us_person=True)]
    everything = {
        "userinfo": {
            "verified_claims": {"verification": {"trust_framework": {"value": "eidas"}}, "claims": {"us_person": None}}
        }
    }
    refused_with(present(instance, key, provider.token_of(name, **everything), KIND), "assurance_refused")


def test_a_suspended_issuer_is_believed_in_nothing_it_said_and_streams_are_cut(instance, provider, alice):
    name, key = alice
    assert present(instance, key, provider.token_of(name), KIND).status == 200
    reading = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, STALL).has(1)
    instance.act("/evidence-issuers/op/suspend", {})
    assert reading.end().code == "verification_required"
    assert code_of(instance, key) == "verification_required"
    refused_with(present(instance, key, provider.token_of(name), KIND), "issuer_suspended")
    instance.act("/evidence-issuers/op/resume", {})
    assert code_of(instance, key) == 200


def test_nothing_that_the_provider_said_is_kept_but_the_predicate(instance, provider, alice):
    name, key = alice
    token = provider.token_of(name)
    assert present(instance, key, token, KIND).status == 200
    instance.chat(key, "fable-5")
    kept = b"".join(path.read_bytes() for path in instance.directory.rglob("*") if path.is_file())
    for secret in ("Zebulon", "Planted", token, *token.split(".")[1:]):
        assert secret.encode() not in kept
    assert name.encode() in kept


def test_an_issuer_is_enrolled_once_and_holds_no_secret(instance):
    told = {**ENROLLMENT, "id": "other"}
    assert instance.act("/evidence-issuers", told, expect=409)["code"] == "evidence_issuer_exists"
    assert instance.act("/evidence-issuers", ENROLLMENT, expect=409)["code"] == "evidence_issuer_exists"
    assert (
        instance.act("/evidence-issuers", {**told, "url": "https://x.test", "country": "XX"}, expect=400)["code"]
        == "unknown_country"
    )
    (listed,) = instance.act("/evidence-issuers")
    assert (listed["id"], listed["assurance"], listed["suspended"]) == ("op", "substantial", False)
    assert "secret" not in json.dumps(listed)


# Signing in.


@asynccontextmanager
async def asking(instance):
    """What a worker would ask the control process, over its socket."""
    loop = asyncio.get_running_loop()

    async def nothing(_question):
        raise InputError("nothing is answered here")

    make = lambda: Channel(lambda *_: None, nothing, lambda *_: None)  # noqa: E731
    _, channel = await loop.create_unix_connection(make, str(Places(instance.directory).feed))
    try:
        yield lambda question, kind: channel.ask(question, kind, 20)
    finally:
        channel.abort()


def caller(name, key):
    return Caller(key.split("_")[1], name)


async def test_a_caller_signs_in_and_is_served_with_the_same_key(instance, provider, alice):
    name, key = alice
    me = caller(name, key)
    assert code_of(instance, key) == "verification_required"
    async with asking(instance) as ask:
        begun = await ask(BeginSignIn(me, "op"), Begun)
        assert begun.url.startswith(ISSUER + "/authorize?")
        query = await asyncio.to_thread(provider.sign_in, begun.url, name)
        done = await ask(FinishSignIn(me, "op", query, begun.state), Established)
        assert json.loads(done.standing)["facts"] == [{"fact": "not_foreign_person"}]
    assert provider.asked[-1]["userinfo"]["verified_claims"][0]["claims"] == {"us_person": None}
    assert code_of(instance, key) == 200


async def test_nationalities_are_asked_for_only_when_that_is_said(instance, provider, alice):
    name, key = alice
    provider.people[name] = [verified(us_person=False, nationalities=["JPN"])]
    async with asking(instance) as ask:
        begun = await ask(BeginSignIn(caller(name, key), "op", nationalities=True), Begun)
        query = await asyncio.to_thread(provider.sign_in, begun.url, name)
        done = await ask(FinishSignIn(caller(name, key), "op", query, begun.state), Established)
    assert {"fact": "citizenship", "country": "JP", "acquired": None} in json.loads(done.standing)["facts"]


def replaced(query, **over):
    pairs = dict(one.split("=", 1) for one in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in {**pairs, **over}.items() if value is not None)


BACK = [
    ({"state": "of-another-session"}, "wrong_nonce"),
    ({"state": None}, "wrong_nonce"),
    ({"iss": "https%3A%2F%2Fevil.test"}, "unknown_issuer"),
    ({"iss": None}, "unknown_issuer"),
    ({"code": None}, "malformed"),
    ({"error": "access_denied"}, "issuer_silent"),
    ({"code": "another"}, "issuer_silent"),
]


@pytest.mark.parametrize(("over", "code"), BACK)
async def test_a_way_back_that_is_not_theirs(instance, provider, alice, over, code):
    name, key = alice
    async with asking(instance) as ask:
        begun = await ask(BeginSignIn(caller(name, key), "op"), Begun)
        query = await asyncio.to_thread(provider.sign_in, begun.url, name)
        with pytest.raises(Exception) as caught:  # noqa: PT011  # the code is what is asked
            await ask(FinishSignIn(caller(name, key), "op", replaced(query, **over), begun.state), Established)
        assert caught.value.code == code
        # The try is used up, also for the right answer.
        with pytest.raises(EvidenceError) as caught:
            await ask(FinishSignIn(caller(name, key), "op", query, begun.state), Established)
        assert caught.value.code == "wrong_nonce"
    assert code_of(instance, key) == "verification_required"


async def test_a_sign_in_is_of_the_key_that_began_it(instance, provider, alice):
    """A link sent to a citizen gains the sender nothing, and the citizen's way back gains nobody else."""
    name, key = alice
    mallory = f"person-{next(NUMBERS)}"
    theirs = instance.party_key(mallory)
    async with asking(instance) as ask:
        begun = await ask(BeginSignIn(caller(name, key), "op"), Begun)
        query = await asyncio.to_thread(provider.sign_in, begun.url, name)
        with pytest.raises(EvidenceError) as caught:
            await ask(FinishSignIn(caller(mallory, theirs), "op", query, begun.state), Established)
        assert caught.value.code == "wrong_nonce"
        assert (await ask(FinishSignIn(caller(name, key), "op", query, begun.state), Established)).record
    assert code_of(instance, theirs) == "verification_required"


async def test_nobody_begins_what_leads_nowhere(instance, alice):
    name, key = alice
    async with asking(instance) as ask:
        with pytest.raises(NotFoundError):
            await ask(BeginSignIn(caller(name, key), "nowhere"), Begun)
        with pytest.raises(InputError) as caught:
            await ask(BeginSignIn(Caller("k", None, "acme"), "op"), Begun)
        assert caught.value.code == "key_without_party"
        for _ in range(16):
            await ask(BeginSignIn(caller(name, key), "op"), Begun)
        with pytest.raises(ConflictError):
            await ask(BeginSignIn(caller(name, key), "op"), Begun)


def test_the_redirect_is_where_it_was_registered(instance):
    assert instance.act("/evidence-issuers")[0]["sign_in"]["redirect_url"] == RETURN


def test_a_bound_token_comes_with_a_proof_for_the_door(instance, provider, alice):
    """The provider gives none that are bound, so this one is signed with its key."""
    from callers_for_tests import sign

    name, key = alice
    mine, mark = own_key()
    at = int(Clock().now().timestamp())
    claims = {"iss": ISSUER, "aud": PUBLIC, "sub": name, "client_id": "licet-app", "iat": at, "exp": at + 60}
    claims |= {"jti": name, "cnf": {"jkt": mark}, "verified_claims": verified(us_person=True)}
    token = sign({"alg": "ES256", "typ": "at+jwt", "kid": "op-1"}, claims, provider.key)
    refused_with(present(instance, key, token.decode(), KIND), "proof_missing")
    elsewhere = proof(token, Clock().now(), key=mine, url=PUBLIC + "/v1/models")
    refused_with(present(instance, key, f"{token.decode()} {elsewhere.decode()}", KIND), "wrong_audience")
    made = proof(token, Clock().now(), key=mine, url=PUBLIC + "/licet/evidence")
    assert present(instance, key, f"{token.decode()} {made.decode()}", KIND).status == 200
    assert code_of(instance, key) == 200
