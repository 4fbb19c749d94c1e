"""Secrets are replaced, interrupted at every step and gone on with, and nobody loses what they had."""

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

import licet.app.rotate as rotating
from decisions_for_tests import NOT_FOREIGN, attested
from instance_for_tests import configure, serving, single_person
from licet.app import read_config, rotate_log_keys, rotate_pepper, rotate_policy_key
from licet.decisions import RowKind
from licet.demo.standin import StandIn
from licet.errors import ConfigurationError, ConflictError, TrustError
from licet.logwriter import open_reader, policy_path, verify_log
from licet.orders import OrderFolder, StopOrder
from licet.parties import PartyLink, link_id, link_wrapped, wrapped
from licet.receipts import Policy
from licet.stores import Store
from licet.terms import parse_instant
from places_for_tests import short_directory
from servers_for_tests import running
from standin_for_tests import eventually

AT = parse_instant("2026-07-01T12:00:00Z")


@pytest.fixture
def directory():
    with short_directory() as place, running(StandIn()) as upstream:
        single_person(place)
        configure(place, upstream)
        yield place


def watch(_done, _whole):
    """Nobody waits."""


def why_it_is_not_served(directory):
    """The code of the error with which `licet serve` ends."""
    command = [sys.executable, "-m", "licet", "serve", "--dir", str(directory), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    return json.loads(done.stderr.splitlines()[-1])["error"]["code"]


def interrupted(monkeypatch, at):
    """The next call of a function of the module fails, as if the machine had stopped there."""

    def stop(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(rotating, at, stop)


def test_a_key_stays_good_under_each_layer_and_records_say_so(directory):
    with serving(directory) as made:
        made.items("sonata-3")
        key = made.party_key("p-1")
    for layers in (2, 3):
        assert rotate_pepper(directory, "someone", watch) == layers
        with serving(directory) as made:
            assert made.chat(key, "sonata-3").status == 200
            assert made.chat(key[:-1] + ("a" if key[-1] != "a" else "b"), "sonata-3").status == 401
            newer = made.act("/keys", {"party": "p-1"})["result"]["key"]
            assert made.chat(newer, "sonata-3").status == 200
            (*_, told) = made.records(act="secret.rotate")
    assert (told["body"]["by"], told["body"]["secret"]) == ("someone", "pepper")


def test_links_and_evidence_are_digested_again(directory):
    store = Store(read_config(directory / "licet.toml").store_url)
    pepper = bytes.fromhex((directory / "secrets" / "pepper").read_text().strip())
    standing = attested("p-1", NOT_FOREIGN, evidence_digest="ab" * 32)
    with store.write() as tx:
        tx.put(PartyLink(link_id(pepper, "idp", "ann"), "idp", "p-1"))
        tx.put(standing)
    rotate_pepper(directory, "someone", watch)
    after = bytes.fromhex("".join((directory / "secrets" / "pepper").read_text().split()))
    with store.read() as tx:
        assert tx.keys_of(RowKind.LINK) == [link_id(after, "idp", "ann")]
        assert tx.get(RowKind.STANDING, standing.id).evidence_digest == wrapped(after[32:], "ab" * 32)
    store.close()


def test_a_link_is_the_same_whenever_its_layer_came():
    first, second = b"1" * 32, b"2" * 32
    assert link_wrapped(second, link_id(first, "idp", "ann")) == link_id(first + second, "idp", "ann")


@pytest.mark.parametrize("step", ["_wrap", "_record", "_sync"])
def test_an_interrupted_pepper_keeps_from_starting_and_goes_on(directory, monkeypatch, step):
    with serving(directory) as made:
        made.items("sonata-3")
        key = made.party_key("p-1")
    with monkeypatch.context() as patched:
        interrupted(patched, step)
        with pytest.raises(KeyboardInterrupt):
            rotate_pepper(directory, "someone", watch)
    if step != "_sync":  # by then the file has its new name
        assert why_it_is_not_served(directory) == "rotation_unfinished"
        assert rotate_pepper(directory, "someone", watch) == 2
    with serving(directory) as made:
        assert made.chat(key, "sonata-3").status == 200


def test_a_kill_between_store_and_file_is_gone_on_from(directory, monkeypatch):
    with serving(directory) as made:
        made.items("sonata-3")
        key = made.party_key("p-1")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        patched.setattr(rotating, "_put_secret", lambda path, text: path.write_text(text) and path.chmod(0o600))
        with pytest.raises(KeyboardInterrupt):
            rotate_pepper(directory, "someone", watch)
    assert rotate_pepper(directory, "someone", watch) == 2
    with serving(directory) as made:
        assert made.chat(key, "sonata-3").status == 200


def test_an_old_pepper_under_a_rotated_store_is_refused(directory):
    shutil.copy2(directory / "secrets" / "pepper", directory / "old")
    rotate_pepper(directory, "someone", watch)
    shutil.copy2(directory / "old", directory / "secrets" / "pepper")
    assert why_it_is_not_served(directory) == "other_pepper"
    with pytest.raises(ConfigurationError):
        rotate_pepper(directory, "someone", watch)


def test_there_are_so_many_layers_and_no_more(directory):
    for _ in range(7):
        rotate_pepper(directory, "someone", watch)
    with pytest.raises(ConflictError, match="fewer than 8"):
        rotate_pepper(directory, "someone", watch)


def test_a_served_instance_is_not_rotated(directory):
    with serving(directory):
        for act in (
            lambda: rotate_pepper(directory, "someone", watch),
            lambda: rotate_policy_key(directory, "someone"),
            lambda: rotate_log_keys(directory, "someone", finish=False),
        ):
            with pytest.raises(ConflictError, match="served already"):
                act()


def stop_everything(directory):
    key = OKPKey.import_key(json.loads((directory / "secrets" / "policy.jwk").read_text()))
    OrderFolder(directory / "orders").give(StopOrder("0" * 26, (), True, "officer", AT), key)


def test_an_order_stays_in_force_under_another_policy_key(directory):
    with serving(directory) as made:
        made.items("sonata-3")
        key = made.party_key("p-1")
    before = (directory / "secrets" / "policy.jwk").read_text()
    stop_everything(directory)
    rotate_policy_key(directory, "someone")
    assert (directory / "secrets" / "policy.jwk").read_text() != before
    with serving(directory) as made:
        assert made.chat(key, "sonata-3").json["error"]["code"] == "item_stopped"
        # Read, and so taken as what it says: an order that cannot be read is never on record.
        assert made.records(act="stop")
        # It stays in force beside the act until every worker has taken that.
        eventually(lambda: not made.act("/status")["orders"])
        made.act("/resume", {"items": ["sonata-3"]})
        # A worker looks at the folder of orders ten times a second, and so learns that one is gone.
        assert eventually(lambda: made.chat(key, "sonata-3").status == 200)


@pytest.mark.parametrize("step", ["_sign_again", "_record"])
def test_an_interrupted_policy_key_goes_on(directory, monkeypatch, step):
    stop_everything(directory)
    with monkeypatch.context() as patched:
        interrupted(patched, step)
        with pytest.raises(KeyboardInterrupt):
            rotate_policy_key(directory, "someone")
    rotate_policy_key(directory, "someone")
    with serving(directory) as made:
        assert made.act("/status")["policy"]["current"]


def test_an_order_that_nobody_signed_ends_the_rotation(directory):
    stop_everything(directory)
    (order,) = (directory / "orders").glob("*.jws")
    order.write_text("e30.e30.AAAA")
    with pytest.raises(TrustError):
        rotate_policy_key(directory, "someone")


def verified(directory, trust):
    with closing(open_reader(directory / "log.db")) as reader:
        assert reader.checkpoint()
    return verify_log(directory / "log.db", Policy.parse(trust.encode())).is_whole


def test_the_log_is_followed_from_one_pair_of_keys_to_the_next(directory):
    trust = policy_path(directory)
    with serving(directory):
        old = trust.read_text()
    trust.write_text(f"# ours\n{old}")
    assert rotate_log_keys(directory, "someone", finish=False) == 4
    with pytest.raises(ConflictError, match="serve the instance once"):
        rotate_log_keys(directory, "someone", finish=True)
    with pytest.raises(ConflictError, match="finish that rotation"):
        rotate_log_keys(directory, "someone", finish=False)
    with serving(directory):
        both = trust.read_text()
    assert verified(directory, old)
    assert verified(directory, both)
    assert rotate_log_keys(directory, "someone", finish=True) == 2
    new = trust.read_text()
    assert new.startswith("# ours\nlog ")
    assert (old.count("log "), both.count("log "), new.count("log ")) == (2, 4, 2)
    assert verified(directory, new)
    with serving(directory) as made:
        assert [x["body"]["secret"] for x in made.records(act="secret.rotate")] == ["log_keys", "log_keys_finished"]
    assert verified(directory, new)
    assert not verified(directory, old)
    with pytest.raises(ConflictError, match="begin a rotation first"):
        rotate_log_keys(directory, "someone", finish=True)


def test_the_command_says_what_comes_next(directory):
    done = subprocess.run(
        [sys.executable, "-m", "licet", "rotate", "log-keys", "--dir", str(directory)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--finish" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "licet", "rotate", "pepper", "--dir", str(directory), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"layers": 2}
