"""The commands about people, on a real instance in which two must loosen; and reading, with and without it."""

import json
import stat

import pytest

from directives_for_tests import directive
from instance_for_tests import fresh_instance, serving, single_person, staffed_instance
from licet.records import SINGLE_PERSON
from licet.stores import ACTING, Role
from places_for_tests import short_directory

STAFF = {"ada": ACTING, "ben": ACTING, "cleo": frozenset({Role.OFFICER}), "dora": frozenset({Role.AUDITOR})}


@pytest.fixture(scope="module")
def house():
    with short_directory() as directory, staffed_instance(directory, "http://127.0.0.1:9", STAFF) as found:
        yield found


@pytest.fixture
def as_(licet, house, monkeypatch):
    """A command of somebody, who has the files."""

    def call(name, *arguments):
        monkeypatch.setenv("LICET_ADMINISTRATOR", name)
        return licet(*arguments, "--dir", house.directory)

    return call


@pytest.fixture
def afar(licet, house, monkeypatch):
    """A command of somebody who has nothing but a URL and a token."""

    def call(name, *arguments):
        monkeypatch.setenv("LICET_CONTROL", house.control)
        monkeypatch.setenv("LICET_TOKEN", (house.directory / "tokens" / f"{name}.token").read_text().strip())
        return licet(*arguments)

    return call


def agreed(as_, *arguments):
    pending = as_("ada", *arguments, "--json").json["pending"]["id"]
    return as_("ben", "pending", "approve", pending, "--json").json


def test_what_waits_is_said_and_shown_and_decided(as_):
    ran = as_("ada", "item", "add", "fable-5", "--upstream", "main")
    assert ran.code == 0
    assert ran.out.startswith("proposed, and not done: `item.add` takes a second person\n")
    (row,) = as_("ben", "pending", "list", "--json").json
    assert (row["act"], row["proposed_by"], row["meaning"]["item"]) == ("item.add", "ada", "fable-5")
    assert "fable-5" in as_("ben", "pending", "list").out
    assert "fable-5" in as_("ben", "pending", "show", row["id"]).out
    assert as_("ada", "pending", "approve", row["id"], "--json").error["code"] == "own_act"
    assert as_("dora", "pending", "approve", row["id"], "--json").error["code"] == "not_permitted"
    assert "approved by ben" in as_("ben", "pending", "approve", row["id"]).out
    assert as_("cleo", "pending", "approve", row["id"], "--json").error["code"] == "already_decided"
    assert as_("ben", "pending", "list").out == "nothing is pending\n"
    assert [x["id"] for x in as_("ben", "pending", "list", "--state", "approved", "--json").json] == [row["id"]]


def test_a_directive_is_shown_to_the_second_person_as_it_was_written(as_, tmp_path):
    file = tmp_path / "d.yaml"
    file.write_text(directive())
    as_("ada", "directive", "activate", file)
    file.write_text(
        directive(
            id="DIR-2",
            effective_at="2026-06-14T00:00:00Z",
            relations=[{"kind": "supersedes", "directive": "DIR-1"}],
        )
    )
    pending = as_("ada", "directive", "activate", file, "--json").json["pending"]["id"]
    assert file.read_text().splitlines()[2] in as_("ben", "pending", "show", pending).out
    file.write_text("another file by now")
    assert as_("ben", "pending", "approve", pending, "--json").json["result"] == "DIR-2"
    assert as_("ada", "pending", "withdraw", pending, "--json").error["code"] == "already_decided"


def test_every_command_that_loosens_says_that_it_waits(as_, tmp_path):
    law = tmp_path / "law.json"
    law.write_text(json.dumps(as_("ada", "law", "show", "country_groups", "--json").json | {"as_of": "2027-01-01"}))
    until = ["--from", "2026-06-15T00:00:00Z", "--until", "2036-06-15T00:00:00Z"]
    as_("ada", "party", "add", "P1")
    as_("ada", "stop", "fable-5")
    as_("ada", "log", "hold", "set", "h-1", "--all", "--reason", "x")
    for typed in (
        ("resume",),
        ("organization", "add", "o-1", "--name", "O", "--place", "FR"),
        ("license", "grant", "L1", "--item", "fable-5", "--party", "P1", *until),
        ("directive", "lift", "DIR-2"),
        ("parameter", "set", "macau", "literal", "--reason", "x"),
        ("law", "update", "country_groups", law),
        ("log", "hold", "release", "h-1", "--reason", "x"),
        ("record", "erase", "--party", "P1", "--reason", "x"),
        ("administrator", "role", "cleo", "--role", "officer", "--role", "operator"),
    ):
        ran = as_("cleo", *typed)
        assert (ran.code, ran.out.splitlines()[0][:24]) == (0, "proposed, and not done: "), typed
        assert ran.err == ""
    for row in as_("ben", "pending", "list", "--json").json:
        assert as_("ben", "pending", "refuse", row["id"], "--reason", "not today").code == 0
    agreed(as_, "resume")


def test_a_token_is_made_by_its_owner_and_handed_over_as_a_digest(licet, as_, house, tmp_path, monkeypatch):
    out = tmp_path / "eve.token"
    made = licet("administrator", "token", "--out", out, "--json").json
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    token = out.read_text().strip()
    assert (len(token), token in json.dumps(made)) == (43, False)
    added = agreed(as_, "administrator", "add", "eve", "--role", "operator", "--token-sha256", made["token_sha256"])
    assert added["result"]["roles"] == ["operator"]
    assert "eve" in as_("ada", "administrator", "list").out
    monkeypatch.setenv("LICET_TOKEN", token)
    fresh = tmp_path / "fresh.token"
    rotated = licet("administrator", "rotate", "eve", "--out", fresh, "--dir", house.directory)
    assert rotated.code == 0
    assert fresh.read_text().strip() not in rotated.out
    assert licet("status", "--dir", house.directory, "--json").error["code"] == "unauthorized"
    monkeypatch.setenv("LICET_TOKEN", fresh.read_text().strip())
    assert licet("status", "--dir", house.directory).code == 0
    another = licet(
        "administrator", "rotate", "ada", "--out", tmp_path / "no.token", "--dir", house.directory, "--json"
    )
    assert another.error["code"] == "not_permitted"
    assert not (tmp_path / "no.token").exists()
    monkeypatch.delenv("LICET_TOKEN")
    assert as_("ada", "administrator", "remove", "eve").code == 0
    assert as_("ada", "administrator", "two-persons", "--json").error["code"] == "two_persons_already"


def test_an_auditor_needs_no_file_of_the_instance(afar, house, tmp_path):
    found = afar("dora", "record", "list", "--kind", "administrative", "--limit", "500", "--json").json
    assert "instance.create" in {row["body"]["act"] for row in found}
    shown = afar("dora", "record", "show", found[0]["id"], "--json").json
    assert shown["words"]
    assert afar("dora", "record", "show", found[0]["id"]).code == 0
    assert afar("dora", "record", "redecide", found[0]["id"], "--json").error["code"] == "not_a_decision"
    packet = afar("dora", "log", "export", tmp_path / "p", "--profile", "agency", "--json").json
    assert packet["records"] > 5
    assert (tmp_path / "p" / "verifier" / "licet" / "packet.py").exists()
    for typed in (("stop",), ("resume",), ("record", "erase", "--party", "P1", "--reason", "x")):
        assert afar("dora", *typed, "--json").error["code"] == "not_permitted"
    acts = [x["body"] for x in house.records(by="dora")]
    assert {x["act"] for x in acts} >= {"record.read", "record.export"}


def test_who_reads_the_files_is_on_record_and_must_be_one_who_may(as_, licet, house, tmp_path, monkeypatch):
    as_("cleo", "record", "list", "--party", "P1", "--limit", "7")
    assert house.records(by="cleo", search={"party": "P1", "limit": "7"})[-1]["body"]["act"] == "record.read"
    as_("cleo", "log", "export", tmp_path / "p", "--profile", "agency", "--document", "L1")
    (export,) = house.records(by="cleo", act="record.export")
    assert export["body"]["search"] == {"document": "L1", "profile": "agency"}
    before = len(house.records())
    made = licet("administrator", "token", "--out", tmp_path / "olga.token", "--json").json["token_sha256"]
    agreed(as_, "administrator", "add", "olga", "--role", "operator", "--token-sha256", made)
    monkeypatch.setenv("LICET_TOKEN", (tmp_path / "olga.token").read_text().strip())
    refused = licet("record", "list", "--dir", house.directory, "--json")
    assert (refused.error["code"], refused.out) == ("not_permitted", "")
    copied = licet("record", "list", "--file", house.directory / "log.db", "--dir", house.directory)
    assert copied.code == 0
    assert len(house.records()) == before + 2  # the proposal and the addition


def test_reading_while_nothing_runs_is_on_record_at_the_next_start(licet, monkeypatch):
    with short_directory() as directory:
        with staffed_instance(directory, "http://127.0.0.1:9", STAFF) as first:
            pending = first.act("/items", {"id": "fable-5", "upstream": "main"}, expect=202)["pending"]["id"]
        monkeypatch.setenv("LICET_ADMINISTRATOR", "dora")
        assert licet("record", "list", "--kind", "startup", "--dir", directory).code == 0
        monkeypatch.delenv("LICET_ADMINISTRATOR")
        assert licet("record", "list", "--kind", "stream_cut", "--dir", directory).code == 0
        with serving(directory) as second:
            reads = [x["body"] for x in second.records(act="record.read")]
            assert [(x["search"]["kind"], x["results"]) for x in reads] == [("startup", 1), ("stream_cut", 0)]
            assert reads[0]["by"] == "dora"
            assert reads[1]["by"].startswith("account:")
            # And what was proposed before is still there to be approved.
            second.token = (directory / "tokens" / "ben.token").read_text().strip()
            assert second.act(f"/pending/{pending}/approve", {})["approved_by"] == "ben"


def test_what_one_person_loosens_says_so_everywhere(licet, tmp_path):
    with short_directory() as directory, fresh_instance(directory, "http://127.0.0.1:9") as served:
        on = lambda *typed: licet(*typed, "--dir", directory)  # noqa: E731  # short, and used below only
        added = on("item", "add", "fable-5", "--upstream", "main", "--json").json
        assert (added["loosened_by_one_person"], added["notice"]) == (True, SINGLE_PERSON)
        assert SINGLE_PERSON in on("parameter", "set", "macau", "literal", "--reason", "x").out
        assert "notice" not in on("stop", "fable-5", "--json").json
        assert SINGLE_PERSON in on("status").out
        assert on("status", "--json").json["persons_to_loosen"] == 1
        assert SINGLE_PERSON in on("log", "export-tiles", tmp_path / "tiles").out
        assert SINGLE_PERSON in on("record", "show", added["record"]).out
        file = tmp_path / "d.yaml"
        file.write_text(directive())
        assert on("impact", file, "--html", tmp_path / "impact.html", "--json").json["notice"] == SINGLE_PERSON
        assert SINGLE_PERSON in (tmp_path / "impact.html").read_text()
        on("log", "export", tmp_path / "p", "--profile", "agency")
        for name in ("records.html", "records.json", "README.txt"):
            assert SINGLE_PERSON in (tmp_path / "p" / name).read_text()
        assert served.records(kind="startup")[0]["body"]["persons"] == "one"


def test_editing_the_configuration_does_not_make_one_person_enough(licet):
    with short_directory() as directory:
        single_person(directory)
        (directory / "licet.toml").write_text((directory / "licet.toml").read_text() + "\n[people]\npersons = 1\n")
        assert licet("serve", "--dir", directory, "--json").error["code"] == "invalid_configuration"
