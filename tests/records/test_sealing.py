"""The leaf commits and tells nothing; the body opens under every key, and under no fewer."""

import hmac
import json
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError, NotFoundError, TrustError
from licet.records import Leaf, Record, RecordKind, read_entry
from licet.records.sealing import SealingKey, commit, disclosed, key_ids, keyed_hash, open_sealed, seal, subjects_of
from log_samples import NOON, record

KEYS = (SealingKey(b"org-key1", b"o" * 32), SealingKey(b"person-1", b"p" * 32))
SECRETS = {key.id: key.secret for key in KEYS}
BODY = {
    "outcome": "permit",
    "act": "inference",
    "item": "fable",
    "party": "P-7",
    "organization": "acme",
    "licenses": ["D-1"],
    "model": None,
    "policy": {"epoch": 3, "digest": "ab", "feed": 9},
    "age_ms": 12,
    "gateway": "g",
    "requirements": [{"requirement": "BIS", "rules": ["r/2", "r/1"], "facts": {"status": "us_person"}}],
    "grounds": ["r/3", "r/4"],
    "undisclosed": ["r/4", "r/5"],
}


def sealed(told, keys=KEYS):
    return seal(told, told.to_bytes(), keys)


def opened(one, keys=SECRETS):
    return open_sealed(one.leaf, one.body, keys.get)


def test_a_leaf_tells_the_form_of_the_decision_and_hides_who_and_what():
    one = sealed(record("A", BODY))
    members = json.loads(one.leaf)
    names = {"item", "party", "organization", "licenses", "grounds", "undisclosed", "requirements"}
    assert set(members.pop("commitments")) == names
    assert members.pop("sealed") == sha256(one.body).hexdigest()
    assert members == {
        "v": 2,
        "id": "A",
        "at": "2026-06-12T12:00:00.000000Z",
        "kind": "decision",
        "outcome": "permit",
        "act": "inference",
        "rules": ["r/1", "r/2", "r/3"],
        "policy": BODY["policy"],
        "age_ms": 12,
        "gateway": "g",
    }
    for secret in (b"fable", b"P-7", b"acme", b"D-1", b"us_person", b"r/4", b"r/5"):
        assert secret not in one.leaf + one.body
    assert Leaf.from_bytes(one.leaf).to_bytes() == one.leaf


@pytest.mark.parametrize(
    ("body", "subjects"),
    [
        (BODY, ("organization:acme", "party:P-7")),
        ({"party": "P-7"}, ("party:P-7",)),
        ({"party": None, "organization": "acme"}, ("organization:acme",)),
        ({"party": 7}, ("instance",)),
        ({"holders": ["acme"]}, ("instance",)),
        ({"subject": "party:P-7"}, ("instance",)),
        ({}, ("instance",)),
    ],
)
def test_whose_keys_seal_a_record(body, subjects):
    assert subjects_of(record("A", body)) == subjects


@given(st.dictionaries(st.sampled_from("abcdef"), st.text() | st.integers() | st.lists(st.text(), max_size=3)))
def test_opening_gives_back_what_was_sealed(body):
    told = record("A", body)
    assert opened(sealed(told)) == told


@pytest.mark.parametrize("gone", [key.id for key in KEYS])
def test_without_either_key_it_is_erased(gone):
    one = sealed(record("A", BODY))
    assert key_ids(one.body) == tuple(SECRETS)
    with pytest.raises(NotFoundError) as caught:
        opened(one, {name: secret for name, secret in SECRETS.items() if name != gone})
    assert caught.value.code == "erased"


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda one: replace(one, body=one.body[:-1] + bytes([one.body[-1] ^ 1])), id="tag"),
        pytest.param(
            lambda one: replace(one, body=one.body[:20] + bytes([one.body[20] ^ 1]) + one.body[21:]), id="nonce"
        ),
        pytest.param(lambda one: replace(one, body=one.body[:17]), id="cut"),
        pytest.param(lambda one: replace(one, leaf=sealed(record("B", BODY)).leaf), id="other id"),
        pytest.param(lambda one: replace(one, leaf=sealed(record("A", {**BODY, "item": "x"})).leaf), id="other item"),
        pytest.param(lambda one: replace(one, leaf=one.leaf.replace(b'"permit"', b'"deny"')), id="other outcome"),
        pytest.param(
            lambda one: sealed(record("A", BODY), KEYS[::-1]) and replace(one, body=b"\x00" + one.body[17:]),
            id="no key",
        ),
    ],
)
def test_an_altered_leaf_or_body_does_not_open(alter):
    with pytest.raises(TrustError) as caught:
        opened(alter(sealed(record("A", BODY))))
    assert caught.value.code == "altered_body"


def test_the_same_record_is_sealed_the_same_and_no_two_bodies_share_a_nonce():
    one, again = sealed(record("A", BODY)), sealed(record("A", BODY))
    other = sealed(record("A", {**BODY, "item": "x"}))
    assert one == again
    nonce = slice(17, 29)
    assert one.body[nonce] != other.body[nonce]


def test_equal_values_have_other_commitments_in_each_record():
    first, second = (json.loads(sealed(record(name, BODY)).leaf)["commitments"] for name in "AB")
    assert not set(first.values()) & set(second.values())


def test_a_salt_and_a_value_open_their_commitment_and_no_other():
    one = sealed(record("A", BODY))
    commitments = Leaf.from_bytes(one.leaf).commitments
    told = disclosed(record("A", BODY), one.body, SECRETS.get)
    assert {name: commit(bytes.fromhex(salt), value) for name, (salt, value) in told.items()} == commitments
    salt, _ = told["item"]
    assert commit(bytes.fromhex(salt), "mythos") != commitments["item"]
    assert commit(bytes.fromhex(told["party"][0]), "fable") != commitments["item"]


def test_the_key_derivation_is_hkdf():
    """The body opens under keys derived by the library's HKDF."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    told = record("A", BODY)
    one = sealed(told)

    def derive(key, info, salt=None):
        if salt is not None:
            return HKDF(SHA256(), 32, salt, info).derive(key)
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

        return HKDFExpand(SHA256(), 32, info).derive(key)

    root = derive(b"o" * 32 + b"p" * 32, b"record A", b"licet record/2")
    entry = AESGCM(derive(root, b"key")).decrypt(one.body[17:29], one.body[29:], one.body[:17] + b"A")
    assert entry == told.to_bytes()


@given(st.binary(max_size=64), st.binary(max_size=200))
def test_the_keyed_hash_is_hmac(key, message):
    assert keyed_hash(key, message) == hmac.digest(key, message, "sha256")


def test_both_forms_of_an_entry_are_read():
    told = record("A", BODY)
    assert read_entry(told.to_bytes()) == told
    assert read_entry(sealed(told).leaf).id == "A"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda leaf: leaf.replace(b'"v":2', b'"v":3'),
        lambda leaf: leaf.replace(b'"v":2', b'"v": 2'),
        lambda leaf: leaf.replace(b'"gateway":"g",', b'"gatewax":"g",'),
        lambda leaf: leaf.replace(b".000000Z", b"Z"),
        lambda leaf: leaf.replace(b"T12:", b"T24:"),
        lambda leaf: leaf.replace(b'"kind":"decision",', b'"kind":"decision","outcome":null,').replace(
            b'"outcome":"permit",', b""
        ),
        lambda leaf: leaf.replace(b',"sealed":', b',"rules":[],"sealed":'),
        lambda leaf: leaf.replace(b'"v":2', b'"v":2,"w":1'),
        lambda leaf: leaf[:-8] + b'"v":2}',
        lambda leaf: leaf.replace(b'"sealed":"', b'"sealed":"0'),
        lambda leaf: leaf.replace(b'"id":"A"', b'"id":"a b"'),
        lambda leaf: b"\xff" + leaf,
    ],
)
def test_a_leaf_has_one_spelling(spoil):
    with pytest.raises(InputError):
        Leaf.from_bytes(spoil(sealed(record("A", BODY)).leaf))


def test_a_leaf_that_would_be_too_long_is_refused():
    body = {f"m{n}": n for n in range(1200)}
    with pytest.raises(InputError) as caught:
        sealed(record("A", body))
    assert caught.value.code == "record_too_large"
    assert sealed(Record("A", NOON, RecordKind.STARTUP, {"a": 1})).leaf
