"""Whose word is taken, and what becomes of what it said: at a real instance, by whom it serves."""

import json

import pytest
from joserfc.jwk import OKPKey

from directives_for_tests import directive
from instance_for_tests import fresh_instance
from licet.cli import run
from licet.parties import Relation
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in

NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"
WHY = {"reason": "counsel's finding for this test"}


@pytest.fixture(scope="module")
def instance():
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as found:
        found.items("fable-5")
        found.act("/directives", {"text": directive()})
        yield found


@pytest.fixture(scope="module")
def names():
    return iter(range(1_000))


@pytest.fixture
def office(instance, names):
    return Office(instance, f"acme-{next(names)}")


@pytest.fixture
def person(office, names):
    name = f"p-{next(names)}"
    return name, office.employs(name, NOT_FOREIGN)


def served(instance, key):
    return instance.chat(key, "fable-5").status == 200


def standings(instance, party):
    return instance.act(f"/parties/{party}")["standings"]


def test_an_organization_that_is_suspended_serves_nobody_until_it_is_believed_again(instance, office, person):
    name, key = person
    assert served(instance, key)
    instance.act(f"/organizations/{office.organization}/suspend", {})
    assert not served(instance, key)
    assert office.attest(key, name, NOT_FOREIGN).json["code"] == "issuer_suspended"
    instance.act(f"/organizations/{office.organization}/resume", {})
    assert served(instance, key)


def test_a_key_changes_over_without_anybody_being_refused(instance, office, person):
    name, key = person
    path = f"/organizations/{office.organization}/keys"
    fresh = OKPKey.generate_key("Ed25519")
    instance.act(path, {"kid": "k2", "jwk": fresh.as_dict(private=False)})
    assert instance.act(path, {"kid": "k2", "jwk": fresh.as_dict(private=False)}, expect=409)["code"] == (
        "attestation_key_exists"
    )
    instance.act(f"{path}/k1/remove", {})
    assert served(instance, key)
    assert office.attest(key, name, NOT_FOREIGN).json["code"] == "unknown_key"
    assert instance.act(f"{path}/k1/remove", {}, expect=404)["code"] == "unknown_key"


def test_what_a_stolen_key_signed_is_taken_back_together(instance, office, person, names):
    _, key = person
    other = office.employs(f"p-{next(names)}", NOT_FOREIGN)
    elsewhere = Office(instance, f"globex-{next(names)}").employs(f"p-{next(names)}", NOT_FOREIGN)
    done = instance.act(f"/organizations/{office.organization}/keys/k1/remove", {"take_back": True})
    assert done["result"] == {"attestation_key": "k1", "withdrawn": 2}
    assert [served(instance, one) for one in (key, other, elsewhere)] == [False, False, True]
    assert {row["withdrawal"] for row in standings(instance, person[0])} == {"by_officer"}


@pytest.mark.parametrize("jwk", [{"kty": "oct", "k": "AAAA"}, OKPKey.generate_key("Ed25519").as_dict(private=True), {}])
def test_what_is_no_public_key_is_not_believed(instance, office, jwk):
    instance.act(f"/organizations/{office.organization}/keys", {"kid": "k3", "jwk": jwk}, expect=400)


def test_a_word_is_taken_within_its_limits(instance, office, names):
    path = f"/organizations/{office.organization}/limits"
    instance.act(path, {"statuses": [NOT_FOREIGN], "relations": ["employee"], "statements": ["2026-06"]})
    name = f"p-{next(names)}"
    key = office.employs(name)
    assert office.attest(key, name, FOREIGN).json["code"] == "status_not_allowed"
    assert office.attest(key, name, NOT_FOREIGN, relation=Relation.MEMBER).json["code"] == "relation_not_allowed"
    assert office.attest(key, name, NOT_FOREIGN, statement_version="2025-01").json["code"] == "statement_unknown"
    assert not served(instance, key)
    assert office.attest(key, name, NOT_FOREIGN).status == 200
    assert served(instance, key)


def test_no_more_people_than_agreed_and_one_who_is_counted_may_be_attested_again(instance, office, names):
    instance.act(f"/organizations/{office.organization}/limits", {"most_people": 1})
    first, second = f"p-{next(names)}", f"p-{next(names)}"
    one, two = office.employs(first, NOT_FOREIGN), office.employs(second)
    assert office.attest(two, second, NOT_FOREIGN).json["code"] == "too_many_people"
    assert office.attest(one, first, NOT_FOREIGN).status == 200
    (stands,) = [row for row in standings(instance, first) if row["withdrawn_at"] is None]
    instance.act(f"/parties/{first}/standings/{stands['id']}/withdraw", WHY)
    assert office.attest(two, second, NOT_FOREIGN).status == 200


def test_a_limit_that_nobody_could_mean_is_refused(instance, office):
    path = f"/organizations/{office.organization}/limits"
    assert instance.act(path, {"statements": ["2025-01"]}, expect=400)["code"] == "statement_unknown"
    for body in ({"most_people": -1}, {"max_age_days": 0}, {"statuses": ["citizen"]}, {"unknown": 1}):
        instance.act(path, body, expect=422)
    assert instance.act("/organizations/nobody/limits", {}, expect=404)["code"] == "unknown_organization"


def test_a_standing_that_is_withdrawn_serves_nobody_and_ends_once(instance, person):
    name, key = person
    (row,) = standings(instance, name)
    path = f"/parties/{name}/standings/{row['id']}/withdraw"
    instance.act(path, {"reason": "  "}, expect=422)
    assert served(instance, key)
    instance.act(path, WHY)
    assert not served(instance, key)
    assert instance.act(path, WHY, expect=409)["code"] == "standing_withdrawn"
    (record,) = eventually(lambda: instance.records(act="standing.withdraw", standing=row["id"]))
    assert (record["body"]["effect"], record["body"]["reason"]) == ("tightens", WHY["reason"])


def test_a_standing_is_found_under_its_own_party_only(instance, person, names):
    name, key = person
    (row,) = standings(instance, name)
    instance.party_key(other := f"p-{next(names)}")
    for act in ("withdraw", "clear"):
        path = f"/parties/{other}/standings/{row['id']}/{act}"
        assert instance.act(path, WHY, expect=404)["code"] == "unknown_standing"
    assert served(instance, key)


def test_what_was_shown_against_somebody_by_error_is_forgotten(instance, office, names):
    instance.party_key(name := f"p-{next(names)}", office.organization)
    key = instance.act("/keys", {"party": name})["result"]["key"]
    office.attest(key, name, FOREIGN, nationalities=("CN",))
    (row,) = standings(instance, name)
    instance.act(f"/parties/{name}/standings/{row['id']}/clear", WHY)
    (after,) = standings(instance, name)
    assert (after["facts"], after["withdrawal"]) == ([], "error")
    again = instance.act(f"/parties/{name}/standings/{row['id']}/clear", WHY, expect=409)
    assert again["code"] == "standing_withdrawn"


def command(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_commands_do_the_same(instance, office, person, tmp_path, capsys):
    name, key = person
    here = ("--dir", str(instance.directory))
    command(
        capsys, "attest", "keygen", "--kid", "k9", "--out", str(tmp_path / "own"), "--public", str(tmp_path / "pub")
    )
    command(capsys, "organization", "key", "add", office.organization, "--key", str(tmp_path / "pub"), *here)
    command(capsys, "organization", "limit", office.organization, "--most-people", "5", "--status", FOREIGN, *here)
    rows = {row["id"]: row for row in command(capsys, "organization", "list", *here)}
    assert set(rows[office.organization]["attestation_keys"]) == {"k1", "k9"}
    assert rows[office.organization]["limits"]["most_people"] == 5
    command(capsys, "organization", "suspend", office.organization, *here)
    assert not served(instance, key)
    command(capsys, "organization", "resume", office.organization, *here)
    (row,) = command(capsys, "standing", "list", name, *here)
    command(capsys, "standing", "withdraw", name, row["id"], "--reason", "left", *here)
    assert not served(instance, key)
    command(capsys, "standing", "clear", name, row["id"], "--reason", "a mix-up", *here)
    done = command(capsys, "organization", "key", "remove", office.organization, "k1", "--take-back", *here)
    assert done["result"] == {"attestation_key": "k1", "withdrawn": 0}
    assert command(capsys, "attest", "statement")["version"] == "2026-06"
    assert run(["attest", "statement", "--version", "1999-01"]) == 2
