"""Who calls: every way in which a request says it, with everything that can be wrong about it."""

import asyncio
import base64
import ipaddress
import json
import secrets
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc.jwk import OKPKey

from callers_for_tests import (
    ISSUED,
    ISSUER,
    LINK,
    MINUTE,
    NOON,
    PEPPER,
    SECOND,
    key_for,
    key_set,
    own_key,
    proof,
    public,
    thumbprint,
    token,
)
from licet.decisions import Caller, RowChange, encode_row, row_key
from licet.directives import PolicyBundle, compile_policy
from licet.errors import CallerError, ConfigurationError, InputError, UnavailableError
from licet.fetching import KeySets
from licet.fetching.keysets import RENEW_S, RETRY_S, STALE_S, read_key_set
from licet.fleet import Replica
from licet.gateway import Callers, Network, Nonces, Surroundings
from licet.gateway.callers import END_USER_USES
from licet.gateway.nonces import WINDOW_S
from licet.gateway.once import Uses
from licet.gateway.running import Running
from licet.parties import IssuedKey, Organization, Party, Serves, key_mac, key_of
from licet.parties.evidence import EndUser, sign_end_user

SIGNER, OTHER_SIGNER = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")
PROXY, STRANGER = "10.0.0.7", "203.0.113.9"
CERTIFICATE = b"a certificate"
HANDED_OVER = (b"client-cert", b":" + base64.b64encode(CERTIFICATE) + b":")
PUBLIC = "https://gate.example"


def of_key(name, **owner):
    return IssuedKey(name, key_mac(PEPPER, key_of(name, "s" * 32)), **owner)


def organization(name, signer, **over):
    return Organization(name, name, "US-DE", attestation_keys={"k1": public(signer)}, **over)


ROWS = [
    organization("acme", SIGNER),
    organization("rival", OTHER_SIGNER),
    organization("held", SIGNER, suspended=True),
    Party("P1", "acme"),
    Party("P9", "rival"),
    of_key("one", party="P1"),
    of_key("people", organization="acme", serves=Serves.PEOPLE),
    of_key("machine", organization="acme", serves=Serves.MACHINE),
    of_key("held", organization="held", serves=Serves.PEOPLE),
    ISSUED,
    LINK,
]


class HandClock:
    def __init__(self):
        self.at = NOON
        self.seconds = 1000.0

    def now(self):
        return self.at

    def in_doubt(self, _at):
        return False

    def monotonic(self):
        return self.seconds

    def wait(self, seconds):
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


class Keys:
    """An issuer's keys, and how often they were asked for."""

    def __init__(self, body=None):
        self.body = body or key_set("ES256")
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, url):
        self.asked.append(url)
        await self.gate.wait()
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


class House:
    def __init__(self, *, keys=None, country=None, nonces=None, **network):
        self.clock, self.keys = HandClock(), keys or Keys()
        self.replica = Replica(
            compile_policy(PolicyBundle(1, NOON, NOON + MINUTE, (), (), frozenset())), self.clock, PEPPER
        )
        self.sequence = 0
        for row in ROWS:
            self.put(row)
        settings = {"trusted": (ipaddress.ip_network("10.0.0.0/8"),), "public_url": PUBLIC} | network
        self.sets = KeySets(self.keys, self.clock.monotonic)
        self.callers = Callers(
            self.replica, Surroundings("licet-here", Network(**settings), self.sets, country, nonces=nonces)
        )

    def put(self, row, *, gone=False):
        kind, name = row_key(row)
        change = RowChange(self.sequence + 1, self.sequence, kind, name, None if gone else encode_row(row))
        self.sequence += 1
        self.replica.apply([change])

    async def ask(self, *headers, peer=STRANGER, query=b"", path=b"/v1/chat/completions", method="POST"):
        scope = {"headers": list(headers), "query_string": query, "client": (peer, 1), "raw_path": path}
        return await self.callers.identify({**scope, "method": method})

    async def code(self, *headers, **more):
        try:
            await self.ask(*headers, **more)
        except (CallerError, InputError, UnavailableError) as err:
            return err.code
        return "known"


def bearer(text):
    return (b"authorization", b"Bearer " + (text if isinstance(text, bytes) else text.encode()))


def static(name):
    return bearer(key_of(name, "s" * 32))


def proved(text, **over):
    return (b"authorization", b"DPoP " + text), (b"dpop", proof(text, **over))


def bound_token(**over):
    return token(cnf={"jkt": own_key()[1]}, **over)


def end_user(now=NOON, *, signer=SIGNER, kid="k1", lifetime=5 * MINUTE, **over):
    values = {
        "issuer": "acme",
        "audience": "licet-here",
        "subject": "P1",
        "number": secrets.token_urlsafe(8),
        "issued_at": now,
        "expires_at": now + lifetime,
        **over,
    }
    return (b"licet-end-user", sign_end_user(EndUser(**values), signer.as_dict(private=True), kid))


# Access tokens.


async def test_a_token_of_a_linked_subject_is_that_party():
    house = House()
    assert await house.ask(bearer(token())) == Caller(LINK.id, "P1", issuer="idp")
    assert await house.ask((b"x-api-key", token())) == Caller(LINK.id, "P1", issuer="idp")
    assert house.replica.holds(LINK.id)
    assert house.keys.asked == [ISSUER + "keys"]


NOBODY = [
    ([bearer(token(sub="bob@example"))], "invalid_token"),
    ([bearer(token(sub="ALICE@example"))], "invalid_token"),
    ([bearer(token(iss="https://other.test/"))], "invalid_token"),
    ([bearer(token(aud="https://other.example"))], "invalid_token"),
    ([bearer(token(now=NOON - 11 * MINUTE))], "invalid_token"),
    ([bearer(token(header={"kid": "another"}))], "invalid_token"),
    ([bearer(token(algorithm="ES384"))], "invalid_token"),
    ([bearer(b"a.b.c")], "invalid_token"),
    ([bearer(b"a.b")], "invalid_token"),
    ([bearer(b"lk_one_" + b"t" * 32)], "invalid_api_key"),
    ([bearer(b"abc")], "invalid_api_key"),
    ([], "invalid_api_key"),
    # Of one request one token.
    ([bearer(token()), (b"x-api-key", token(jti="n2"))], "ambiguous_credentials"),
    ([bearer(token()), static("one")], "ambiguous_credentials"),
    # A key of this gateway is bound to nothing, and no proof makes it so.
    ([*proved(key_of("one", "s" * 32).encode())], "invalid_api_key"),
]


@pytest.mark.parametrize(("headers", "code"), NOBODY)
async def test_whose_credentials_do_not_hold_is_nobody(headers, code):
    assert await House().code(*headers) == code


async def test_a_token_ends_with_its_link_its_issuer_and_its_time():
    house = House()
    text = bearer(token())
    assert await house.code(text) == "known"
    house.put(LINK, gone=True)
    assert not house.replica.holds(LINK.id)
    assert await house.code(text) == "invalid_token"
    house.put(LINK)
    assert await house.code(text) == "known"
    house.put(ISSUED, gone=True)
    assert not house.replica.holds(LINK.id)
    assert await house.code(text) == "invalid_token"
    # The same name with other readings is another issuer.
    house.put(replace(ISSUED, audience="https://other.example"))
    assert await house.code(text) == "invalid_token"
    house.put(ISSUED)
    assert await house.code(text) == "known"
    house.clock.wait(599)
    assert await house.code(text) == "known"
    house.clock.wait(1)
    assert await house.code(text) == "invalid_token"


async def test_a_token_that_was_verified_is_verified_again_only_after_its_keys_were_renewed(monkeypatch):
    house, times = House(), []
    import licet.gateway.callers as module

    real = module.verify_access_token
    monkeypatch.setattr(module, "verify_access_token", lambda *a: times.append(1) or real(*a))
    text = bearer(token(exp=int(NOON.timestamp()) + 3600))
    for _ in range(5):
        await house.ask(text)
    assert len(times) == 1
    house.clock.wait(RENEW_S)
    await house.ask(text)  # begins to renew, and waits for nobody
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await house.ask(text)
    assert len(times) == 2
    assert len(house.keys.asked) == 2


async def test_a_key_that_was_taken_away_signs_no_longer():
    house = House()
    text = bearer(token(exp=int(NOON.timestamp()) + 3600))
    await house.ask(text)
    house.keys.body = key_set("ES384")
    house.clock.wait(RENEW_S)
    await house.ask(text)
    await asyncio.sleep(0.01)
    assert await house.code(text) == "invalid_token"
    assert await house.code(bearer(token(algorithm="ES384", now=house.clock.at))) == "known"


async def test_a_new_key_is_fetched_once_for_all_who_wait():
    house = House()
    await house.ask(bearer(token()))
    house.keys.body = key_set("ES256", "ES384")
    house.clock.wait(RETRY_S)
    house.keys.gate.clear()
    waiting = [asyncio.create_task(house.code(bearer(token(algorithm="ES384", jti=str(n))))) for n in range(20)]
    await asyncio.sleep(0.01)
    house.keys.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"known"}
    assert len(house.keys.asked) == 2


async def test_one_who_leaves_does_not_take_the_keys_of_the_others_with_them():
    house = House()
    house.keys.gate.clear()
    first, second = (asyncio.create_task(house.code(bearer(token(jti=str(n))))) for n in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    house.keys.gate.set()
    assert await second == "known"
    assert len(house.keys.asked) == 1


async def test_made_up_key_ids_reach_the_issuer_at_most_once_in_thirty_seconds():
    house = House()
    for number in range(50):
        assert await house.code(bearer(token(header={"kid": f"made-up-{number}"}))) == "invalid_token"
    assert len(house.keys.asked) == 1
    house.clock.wait(RETRY_S - 0.5)
    assert await house.code(bearer(token(header={"kid": "another"}))) == "invalid_token"
    assert len(house.keys.asked) == 1
    house.clock.wait(0.5)
    assert await house.code(bearer(token(header={"kid": "another"}))) == "invalid_token"
    assert len(house.keys.asked) == 2


async def test_keys_that_cannot_be_renewed_are_believed_for_an_hour_and_no_longer():
    house = House()
    text = bearer(token(exp=int(NOON.timestamp()) + 86400))
    await house.ask(text)
    house.keys.body = UnavailableError("down")
    house.clock.wait(STALE_S - 1)
    assert await house.code(text) == "known"
    await asyncio.sleep(0.01)
    house.clock.wait(1)
    assert await house.code(text) == "issuer_keys_unavailable"
    house.keys.body = key_set("ES256")
    house.clock.wait(RETRY_S)
    assert await house.code(text) == "known"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys":1}', b'{"keys":[],"keys":[]}', b"\xff", b"[" * 9999])
async def test_what_is_no_key_set_is_no_news(body):
    house = House(keys=Keys(body or b" "))
    assert await house.code(bearer(token())) == "issuer_keys_unavailable"
    await house.sets.close()


def test_a_name_that_two_keys_have_is_no_keys_and_what_cannot_be_used_is_left_out():
    first, second = public(key_for("ES256"), kid="a"), public(key_for("ES384"), kid="a")
    third = public(key_for("ES384"), kid="b")
    listed = [first, second, third, {"kty": "EC"}, {"kty": "oct", "k": "AA", "kid": "c"}, 7, {"kid": 7}]
    assert set(read_key_set(json.dumps({"keys": listed}).encode())) == {"b"}
    with pytest.raises(InputError):
        read_key_set(json.dumps({"keys": [first] * 101}).encode())


# Proofs of possession.


async def test_a_bound_token_comes_with_a_proof_and_each_proof_once():
    house = House()
    headers = proved(bound_token())
    found = await house.ask(*headers)
    assert (found.party, found.binding) == ("P1", "dpop")
    assert await house.code(*headers) == "invalid_dpop_proof"
    assert await house.code(*proved(bound_token())) == "known"


TEXT, FREE = bound_token(), token()
UNPROVED = [
    ([bearer(TEXT)], "invalid_token"),
    ([(b"x-api-key", TEXT)], "invalid_token"),
    ([bearer(TEXT), (b"dpop", proof(TEXT))], "invalid_token"),
    ([*proved(FREE)], "invalid_token"),
    ([(b"authorization", b"DPoP " + TEXT)], "invalid_dpop_proof"),
    ([*proved(TEXT), (b"dpop", proof(TEXT))], "invalid_dpop_proof"),
    ([*proved(TEXT, key=own_key(2)[0])], "invalid_dpop_proof"),
    ([*proved(TEXT, ath=thumbprint(FREE))], "invalid_dpop_proof"),
    ([*proved(TEXT, method="GET")], "invalid_dpop_proof"),
    ([*proved(TEXT, url="https://gate.example/v1/messages")], "invalid_dpop_proof"),
    ([*proved(TEXT, now=NOON - 2 * MINUTE)], "invalid_dpop_proof"),
    ([(b"authorization", b"DPoP " + TEXT), (b"dpop", b"a.b.c")], "invalid_dpop_proof"),
]


@pytest.mark.parametrize(("headers", "code"), UNPROVED)
async def test_a_token_is_used_as_it_is_bound(headers, code):
    assert await House().code(*headers) == code


async def test_a_challenge_says_what_is_asked_for():
    with pytest.raises(CallerError) as caught:
        await House().ask(bearer(TEXT))
    assert caught.value.challenge.startswith('DPoP realm="licet", error="invalid_token"')
    assert 'algs="ES256 ' in caught.value.challenge
    with pytest.raises(CallerError) as caught:
        await House().ask(*proved(TEXT, method="GET"))
    assert 'error="invalid_dpop_proof"' in caught.value.challenge
    with pytest.raises(CallerError) as caught:
        await House().ask(bearer(token(sub="bob@example")))
    assert caught.value.challenge.startswith('Bearer realm="licet", error="invalid_token"')


async def test_a_gateway_that_does_not_know_its_address_checks_no_proof():
    assert await House(public_url=None).code(*proved(TEXT)) == "invalid_dpop_proof"
    prefixed = House(public_url="https://api.example/llm/")
    url = "https://api.example/llm/v1/chat/completions"
    assert await prefixed.code(*proved(TEXT, url=url)) == "known"
    assert await prefixed.code(*proved(TEXT)) == "invalid_dpop_proof"


async def nonce_asked_for(house, *headers):
    """The nonce of a challenge; None where there is none."""
    try:
        await house.ask(*headers)
    except CallerError as err:
        is_asked = err.code == "use_dpop_nonce" and 'error="use_dpop_nonce"' in err.challenge
        return err.nonce if is_asked else None
    return None


async def test_a_proof_holds_the_nonce_of_its_time_where_one_is_asked_for():
    house = House(nonces=Nonces(PEPPER))
    text = bound_token(exp=int(NOON.timestamp()) + 3600)
    nonce = await nonce_asked_for(house, *proved(text))
    assert nonce
    assert await house.code(*proved(text, nonce=nonce)) == "known"
    for wrong in ("", nonce[:-1], nonce + "A", nonce.swapcase(), 7, None, "é", Nonces(b"another").current(NOON)):
        assert await nonce_asked_for(house, *proved(text, nonce=wrong)) == nonce


async def test_a_nonce_is_taken_for_its_window_and_the_next():
    house = House(nonces=Nonces(PEPPER))
    text = bound_token(exp=int(NOON.timestamp()) + 3600)
    first = await nonce_asked_for(house, *proved(text))
    seconds = WINDOW_S - int(NOON.timestamp()) % WINDOW_S
    for wait_s, is_taken in ((seconds - 1, True), (1, True), (WINDOW_S - 1, True), (1, False)):
        house.clock.wait(wait_s)
        made = proved(text, nonce=first, iat=int(house.clock.now().timestamp()))
        asked = await nonce_asked_for(house, *made)
        assert (asked is None) == is_taken
        assert asked != first


async def test_a_proof_that_was_refused_for_its_nonce_is_not_used_up():
    house = House(nonces=Nonces(PEPPER))
    nonce = await nonce_asked_for(house, *proved(bound_token()))
    made = proved(bound_token(), nonce=nonce, jti="once")
    assert await nonce_asked_for(house, *proved(bound_token(), jti="once")) == nonce
    assert await house.code(*made) == "known"
    assert await house.code(*made) == "invalid_dpop_proof"


async def test_a_bearer_s_token_and_a_key_need_no_nonce():
    house = House(nonces=Nonces(PEPPER))
    assert await house.code(bearer(token())) == "known"
    assert await house.code(bearer(key_of("one", "s" * 32))) == "known"


# Client certificates.


async def test_a_token_that_is_bound_to_a_certificate_needs_it_from_a_proxy_that_is_trusted():
    house = House()
    text = bearer(token(cnf={"x5t#S256": thumbprint(CERTIFICATE)}))
    found = await house.ask(text, HANDED_OVER, peer=PROXY)
    assert (found.party, found.binding) == ("P1", "mtls")
    assert await house.code(text, peer=PROXY) == "invalid_token"
    assert await house.code(text, (b"client-cert", b":AQID:"), peer=PROXY) == "invalid_token"
    assert await house.code(text, (b"client-cert", b"AQID"), peer=PROXY) == "invalid_token"
    assert await house.code(text, HANDED_OVER, HANDED_OVER, peer=PROXY) == "untrusted_header"
    assert await house.code(text, HANDED_OVER) == "untrusted_header"
    assert await house.code(static("one"), HANDED_OVER) == "untrusted_header"
    assert await house.code(static("one"), (b"client-cert-chain", b":AQID:")) == "untrusted_header"
    assert await House(trusted=()).code(text, HANDED_OVER, peer=PROXY) == "untrusted_header"
    assert (await house.ask(static("one"), HANDED_OVER, peer=PROXY)).binding == "bearer"


async def test_a_token_that_is_bound_twice_needs_both():
    house = House()
    text = token(cnf={"x5t#S256": thumbprint(CERTIFICATE), "jkt": own_key()[1]})
    assert (await house.ask(*proved(text), HANDED_OVER, peer=PROXY)).binding == "mtls"
    assert await house.code(*proved(text), peer=PROXY) == "invalid_token"
    assert await house.code(bearer(text), HANDED_OVER, peer=PROXY) == "invalid_token"


# People of an organization.


async def test_a_key_that_serves_people_with_a_token_is_that_person():
    house = House()
    assert await house.ask(static("people"), end_user()) == Caller("people", "P1")
    assert await house.ask(static("people")) == Caller("people", organization="acme", serves=Serves.PEOPLE)


END_USERS = [
    ([end_user(audience="elsewhere")], "invalid_end_user"),
    ([end_user(subject="P9")], "invalid_end_user"),  # another organization's person
    ([end_user(subject="nobody")], "invalid_end_user"),
    ([end_user(issuer="rival")], "invalid_end_user"),
    ([end_user(issuer="rival", signer=OTHER_SIGNER, subject="P9")], "invalid_end_user"),
    ([end_user(signer=OTHER_SIGNER)], "invalid_end_user"),
    ([end_user(kid="k2")], "invalid_end_user"),
    ([end_user(lifetime=5 * MINUTE + SECOND)], "invalid_end_user"),
    ([end_user(lifetime=timedelta())], "invalid_end_user"),
    ([end_user(NOON - 5 * MINUTE + SECOND)], "known"),
    ([end_user(NOON - 5 * MINUTE)], "invalid_end_user"),
    ([end_user(NOON + MINUTE)], "known"),
    ([end_user(NOON + MINUTE + SECOND)], "invalid_end_user"),
    ([end_user(number="")], "invalid_end_user"),
    ([(b"licet-end-user", b"")], "invalid_end_user"),
    ([(b"licet-end-user", b"P1")], "invalid_end_user"),
    ([(b"licet-end-user", token())], "invalid_end_user"),
    ([end_user(), end_user()], "ambiguous_credentials"),
]


@pytest.mark.parametrize(("headers", "code"), END_USERS)
async def test_an_end_user_token_holds_or_refuses_and_is_never_overlooked(headers, code):
    assert await House().code(static("people"), *headers) == code


@pytest.mark.parametrize("key", ["one", "machine"])
async def test_an_end_user_token_beside_another_key_is_refused(key):
    assert await House().code(static(key), end_user()) == "unexpected_end_user"


async def test_an_end_user_token_beside_an_access_token_or_of_a_suspended_organization_is_refused():
    assert await House().code(bearer(token()), end_user()) == "unexpected_end_user"
    assert await House().code(static("held"), end_user(issuer="held")) == "invalid_end_user"


async def test_an_end_user_token_is_good_for_a_hundred_requests():
    house, user = House(), end_user()
    for _ in range(END_USER_USES):
        assert await house.code(static("people"), user) == "known"
    assert await house.code(static("people"), user) == "invalid_end_user"
    assert await house.code(static("people"), end_user()) == "known"


# What may be used only so often.


def test_what_was_used_is_forgotten_when_it_has_expired_and_not_before():
    uses = Uses(most=2)
    assert uses.take("a", NOON + SECOND, NOON)
    assert not uses.take("a", NOON + SECOND, NOON)
    assert uses.take("b", NOON + MINUTE, NOON)
    with pytest.raises(UnavailableError):
        uses.take("c", NOON + MINUTE, NOON)
    assert not uses.take("a", NOON + MINUTE, NOON + SECOND - timedelta.resolution)
    assert uses.take("c", NOON + MINUTE, NOON + SECOND)


def test_what_was_used_at_one_worker_was_used_at_every_one(tmp_path):
    one, other = (Uses(tmp_path / "uses.db", most=2) for _ in range(2))
    assert one.take("a", NOON + SECOND, NOON)
    assert not other.take("a", NOON + SECOND, NOON)
    assert [each.take("b", NOON + SECOND, NOON, allowed=2) for each in (one, other, one)] == [True, True, False]
    with pytest.raises(UnavailableError):  # together they remember as many as one would
        other.take("c", NOON + SECOND, NOON)
    assert other.take("c", NOON + MINUTE, NOON + SECOND)
    assert (tmp_path / "uses.db").stat().st_mode & 0o777 == 0o600
    one.close()
    other.close()


def test_what_cannot_be_looked_up_is_not_taken(tmp_path):
    uses, other = Uses(tmp_path / "uses.db"), sqlite3.connect(tmp_path / "uses.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError):
        uses.take("a", NOON + SECOND, NOON)
    other.execute("ROLLBACK")
    assert uses.take("a", NOON + SECOND, NOON)
    other.close()
    uses.close()
    (tmp_path / "none.db").write_text("not a database, and long enough to be looked at as one")
    with pytest.raises(ConfigurationError):
        Uses(tmp_path / "none.db")


def test_requests_of_a_key_are_counted_while_they_run():
    running = Running(2)
    assert [running.enter("k"), running.enter("k"), running.enter("k"), running.enter("other")] == [1, 1, 0, 1]
    running.leave("k")
    assert [running.enter("k"), running.enter("k")] == [1, 0]
    for key in ("k", "k", "other"):
        running.leave(key)
    assert running._count == {}


# Where.

WHERE = [
    # Peer, header, and the address that counts.
    (STRANGER, [], STRANGER),
    (STRANGER, [b"198.51.100.1"], STRANGER),  # anybody may write that
    (PROXY, [b"198.51.100.1"], "198.51.100.1"),
    (PROXY, [b"192.0.2.66, 198.51.100.1"], "198.51.100.1"),  # what is further left, the caller may have written
    (PROXY, [b"198.51.100.1, 10.0.0.8"], "198.51.100.1"),
    (PROXY, [b"192.0.2.66", b"198.51.100.1"], "198.51.100.1"),
    (PROXY, [b"198.51.100.1, 10.0.0.8, 10.1.2.3"], "198.51.100.1"),
    (PROXY, [b"198.51.100.1:4711"], "198.51.100.1"),
    (PROXY, [b"[2001:db8::1]:4711"], "2001:db8::1"),
    (PROXY, [b"2001:db8::1"], "2001:db8::1"),
    (PROXY, [b"::ffff:198.51.100.1"], "198.51.100.1"),
    ("::ffff:10.0.0.7", [b"198.51.100.1"], "198.51.100.1"),
    (PROXY, [], None),
    (PROXY, [b""], None),
    (PROXY, [b"10.0.0.8"], None),
    (PROXY, [b"198.51.100.1, unknown"], None),
    (PROXY, [b"198.51.100.1, nonsense, 10.0.0.8"], None),
    (PROXY, [b"198.51.100.1,"], None),
    (PROXY, [b"198.51.100.1 , "], None),
    (PROXY, [b"fe80::1%eth0"], None),
    (PROXY, [b"198.51.100.01"], None),
    (PROXY, [b"3325256705"], None),
]


@pytest.mark.parametrize(("peer", "lines", "expected"), WHERE)
def test_the_address_is_the_one_that_is_vouched_for(peer, lines, expected):
    network = Network((ipaddress.ip_network("10.0.0.0/8"),), b"x-forwarded-for")
    headers = [(b"x-forwarded-for", line) for line in lines]
    found = network.client({"client": (peer, 1), "headers": headers})
    assert found == (None if expected is None else ipaddress.ip_address(expected))


def test_without_a_peer_or_a_header_to_trust_the_address_is_unknown():
    network = Network((ipaddress.ip_network("10.0.0.0/8"),))
    assert network.client({"client": None, "headers": []}) is None
    assert network.client({"client": (PROXY, 1), "headers": [(b"x-forwarded-for", b"198.51.100.1")]}) is None


async def test_the_place_goes_with_the_caller():
    house = House(country={ipaddress.ip_address(STRANGER): "FR"}.get)
    assert (await house.ask(static("one"))).place == "FR"
    assert (await house.ask(static("one"), peer="198.51.100.1")).place is None
    assert (await house.ask(static("one"), peer=PROXY)).place is None
