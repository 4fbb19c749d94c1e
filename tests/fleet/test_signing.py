"""Which policy bundles a gateway believes."""

import base64
import fcntl
import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from licet.directives import PolicyBundle, Setting
from licet.errors import ConfigurationError, TrustError, UnavailableError
from licet.fleet import PolicyVerifier, sign_bundle
from licet.terms import canonical_json

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
KEY = OKPKey.generate_key("Ed25519")
PUBLIC = OKPKey.import_key(KEY.as_dict(private=False))


def bundle(epoch=1, settings=()):
    return PolicyBundle(epoch, NOON, NOON + timedelta(hours=1), settings, (), frozenset({"fable-5"}))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "policy.epoch"


def test_what_was_signed_is_what_is_read(file):
    settings = (Setting("macau", "with_d5", "counsel", NOON, "the reading that was asked for"),)
    assert PolicyVerifier(PUBLIC, file).verify(sign_bundle(bundle(7, settings), KEY)) == bundle(7, settings)
    assert file.read_text() == "7"


def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_header(header, key=KEY):
    """A token with this header, signed as it says."""
    payload = canonical_json(bundle().to_value())
    return jws.serialize_compact(header, payload, key, algorithms=[header["alg"]])


def by_hand(more):
    """A token with a header that the library would not write."""
    header = encode({"alg": "Ed25519", "typ": "licet-policy+jws", **more})
    signed = header + "." + encode(bundle().to_value())
    signature = KEY.private_key.sign(signed.encode())
    return signed + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def test_by_hand_means_the_same(file):
    assert PolicyVerifier(PUBLIC, file).verify(by_hand({})) == bundle()


def with_payload(value):
    header = {"alg": "Ed25519", "typ": "licet-policy+jws"}
    return jws.serialize_compact(header, json.dumps(value).encode(), KEY, algorithms=["Ed25519"])


def unsigned(alg):
    return encode({"alg": alg, "typ": "licet-policy+jws"}) + "." + encode(bundle().to_value()) + "."


def altered():
    header, _, signature = sign_bundle(bundle(), KEY).split(".")
    return ".".join((header, encode(bundle(2).to_value()), signature))


def signed_with_the_public_key_as_a_secret():
    secret = OctKey.import_key(base64.urlsafe_b64decode(PUBLIC.as_dict()["x"] + "=="))
    header = {"alg": "HS256", "typ": "licet-policy+jws"}
    return jws.serialize_compact(header, canonical_json(bundle().to_value()), secret, algorithms=["HS256"])


UNTRUSTED = {
    "another key": lambda: sign_bundle(bundle(), OKPKey.generate_key("Ed25519")),
    "an altered payload": altered,
    "no algorithm": lambda: unsigned("none"),
    "no signature": lambda: unsigned("Ed25519"),
    "the public key as a secret": signed_with_the_public_key_as_a_secret,
    "another algorithm": lambda: with_header({"alg": "ES256", "typ": "licet-policy+jws"}, ECKey.generate_key("P-256")),
    "no type": lambda: with_header({"alg": "Ed25519"}),
    "another type": lambda: with_header({"alg": "Ed25519", "typ": "licet-attestation+jwt"}),
    "a critical header nobody knows": lambda: by_hand({"crit": ["exp"], "exp": 1}),
    "a critical header that is not there": lambda: by_hand({"crit": ["exp"]}),
    "another format": lambda: with_payload(bundle().to_value() | {"format": "licet-policy/2"}),
    "no epoch": lambda: with_payload({k: v for k, v in bundle().to_value().items() if k != "epoch"}),
    "no instant": lambda: with_payload(bundle().to_value() | {"fresh_until": "tomorrow"}),
    "an instant without an offset": lambda: with_payload(bundle().to_value() | {"fresh_until": "2026-06-15T12:00:00"}),
    "a list": lambda: with_payload([]),
    "nothing": lambda: "",
    "two parts": lambda: "e30.e30",
    "something else": lambda: "not a token at all",
    "not ascii": lambda: "é.é.é",
}


@pytest.mark.parametrize("make", UNTRUSTED.values(), ids=UNTRUSTED)
def test_what_is_not_to_be_believed(file, make):
    with pytest.raises(TrustError) as caught:
        PolicyVerifier(PUBLIC, file).verify(make())
    assert caught.value.code == "policy_untrusted"
    assert not file.exists()


@given(st.data())
def test_a_token_with_one_character_changed_is_not_believed(tmp_path_factory, data):
    token = sign_bundle(bundle(), KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AQgw05-_.=").filter(lambda c: c != token[place]))
    changed = token[:place] + other + token[place + 1 :]
    verifier = PolicyVerifier(PUBLIC, tmp_path_factory.getbasetemp() / "none.epoch")
    try:
        found = verifier.verify(changed)
    except TrustError:
        return
    # The last character of a base64 text has bits that mean nothing; nothing else may differ.
    assert found == bundle()
    (tmp_path_factory.getbasetemp() / "none.epoch").unlink(missing_ok=True)


@pytest.mark.parametrize(("seen", "offered", "believed"), [(5, 6, True), (5, 5, True), (5, 4, False), (0, 0, True)])
def test_an_epoch_never_goes_back_also_over_a_restart(file, seen, offered, believed):
    PolicyVerifier(PUBLIC, file).verify(sign_bundle(bundle(seen), KEY))
    again = PolicyVerifier(PUBLIC, file)
    if believed:
        assert again.verify(sign_bundle(bundle(offered), KEY)).epoch == offered
        return
    with pytest.raises(TrustError) as caught:
        again.verify(sign_bundle(bundle(offered), KEY))
    assert caught.value.code == "policy_rollback"
    assert "at least epoch `5`, found `4`" in str(caught.value)
    assert again.verify(sign_bundle(bundle(5), KEY)).epoch == 5


def test_an_epoch_that_cannot_be_written_down_is_not_relied_on(tmp_path):
    verifier = PolicyVerifier(PUBLIC, tmp_path / "gone" / "policy.epoch")
    for _ in range(2):
        with pytest.raises(UnavailableError):
            verifier.verify(sign_bundle(bundle(), KEY))


@pytest.mark.parametrize("text", [b"", b"soon", b"-1", b"1.5", b"\xff", b"1 2"])
def test_an_epoch_file_that_holds_no_epoch_refuses_to_start(file, text):
    file.write_bytes(text)
    with pytest.raises(ConfigurationError, match="highest policy epoch"):
        PolicyVerifier(PUBLIC, file)


def test_what_one_process_has_seen_none_goes_back_behind(file):
    """Each process of a host has a verifier of its own; they share the file."""
    early, late = PolicyVerifier(PUBLIC, file), PolicyVerifier(PUBLIC, file)
    early.verify(sign_bundle(bundle(5), KEY))
    with pytest.raises(TrustError) as caught:
        late.verify(sign_bundle(bundle(4), KEY))
    assert caught.value.code == "policy_rollback"
    late.verify(sign_bundle(bundle(6), KEY))
    with pytest.raises(TrustError):
        early.verify(sign_bundle(bundle(5), KEY))


def test_whoever_writes_at_once_the_highest_stays(file):
    tokens = [sign_bundle(bundle(epoch), KEY) for epoch in range(1, 41)]

    def verify(order):
        verifier, highest = PolicyVerifier(PUBLIC, file), 0
        for token in order:
            try:
                highest = max(highest, verifier.verify(token).epoch)
            except TrustError:
                continue
        return highest

    dice = random.Random(7)  # noqa: S311  # the same orders in every run
    with ThreadPoolExecutor(6) as pool:
        highest = list(pool.map(verify, [dice.sample(tokens, len(tokens)) for _ in range(6)]))
    assert max(highest) == 40
    assert file.read_text() == "40"


def test_a_lock_that_is_held_for_long_is_not_waited_for_without_end(file):
    verifier = PolicyVerifier(PUBLIC, file)
    with file.with_name(f"{file.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError):
            verifier.verify(sign_bundle(bundle(), KEY))
    assert verifier.verify(sign_bundle(bundle(), KEY)).epoch == 1
