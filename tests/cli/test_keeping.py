"""Past decisions explained and made again; records read, held and erased on record; receipts for their holders."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from directives_for_tests import directive
from instance_for_tests import call
from licet.receipts import verify_receipt
from licet.records import SINGLE_PERSON
from licet.records.tlog import read_policy
from people_for_tests import Office
from standin_for_tests import eventually


@pytest.fixture
def on(licet, instance):
    """A command on the instance that all tests share."""
    return lambda *arguments: licet(*arguments, "--dir", instance.directory)


@pytest.fixture(scope="module")
def people(instance):
    """A directive, and people of two organizations who met it."""
    office = Office(instance, "conservatory")
    instance.items("opera-1", "opera-2")
    instance.act("/directives", {"text": directive(id="DIR-OPERA", items=[{"id": "opera-1", "basis": "named"}])})
    keys = {
        "tenor": office.employs("tenor", "not_foreign_person"),
        "bass": office.employs("bass", "foreign_person"),
        "alto": office.employs("alto"),
    }
    keys["usher"] = instance.act("/keys", {"organization": "conservatory", "serves": "machine"})["result"]["key"]
    return keys


@pytest.fixture
def ask(instance, people):
    """Ask as somebody, and give the decision's id once it is on record."""

    def asked(name, model):
        found = instance.chat(people[name], model).headers["licet-decision"]
        eventually(lambda: any(record["id"] == found for record in instance.records(kind="decision")))
        return found

    return asked


@pytest.mark.parametrize(
    ("name", "model", "outcome", "by_operation"),
    [
        ("tenor", "opera-1", "permit", False),
        ("bass", "opera-1", "license_required", False),
        ("alto", "opera-1", "needs_evidence", False),
        ("usher", "opera-1", None, False),
        ("tenor", "opera-2", "permit", False),
        ("tenor", "no-such-model", "deny", True),
    ],
)
def test_a_past_decision_is_made_again_and_agrees(on, ask, name, model, outcome, by_operation):
    decision = ask(name, model)
    again = on("record", "redecide", decision, "--json").json
    assert (again["answer"], again["by_operation"], again["differing"]) == ("agrees", by_operation, [])
    assert again["outcome"] == again["recorded"] == (outcome or again["recorded"])
    assert on("record", "redecide", decision).out.startswith("agrees")


def test_it_is_made_again_under_the_policy_of_then(on, instance, ask):
    """What was decided stays decided when the directive is lifted."""
    instance.act("/directives", {"text": directive(id="DIR-LATER", items=[{"id": "opera-2", "basis": "named"}])})
    before = ask("bass", "opera-2")
    instance.act("/directives/DIR-LATER/lift", {"at": None})
    after = ask("bass", "opera-2")
    told = [on("record", "redecide", each, "--json").json for each in (before, after)]
    assert [(each["answer"], each["outcome"]) for each in told] == [
        ("agrees", "license_required"),
        ("agrees", "permit"),
    ]
    assert on("record", "redecide", before).code == 0


def test_a_policy_that_is_not_kept_is_unknown(on, instance, ask):
    decision = ask("tenor", "opera-1")
    (record,) = [x for x in instance.records(kind="decision") if x["id"] == decision]
    with closing(sqlite3.connect(instance.directory / "licet.db")) as store:
        digest = record["body"]["policy"]["digest"]
        kept = store.execute("SELECT * FROM policies WHERE digest = ?", (digest,)).fetchone()
        store.execute("DELETE FROM policies WHERE digest = ?", (digest,))
        store.commit()
        assert on("record", "redecide", decision, "--json").json["answer"] == "policy_unknown"
        store.execute("INSERT INTO policies VALUES (?, ?)", kept)
        store.commit()


def test_only_a_decision_is_decided_again(on, instance):
    act = instance.records(act="directive.activate")[0]["id"]
    ran = on("record", "redecide", act, "--json")
    assert (ran.code, ran.error["code"]) == (1, "not_a_decision")
    assert on("record", "redecide", "nothing", "--json").error["code"] == "not_found"


def test_a_record_is_explained_in_words(on, ask):
    decision = ask("bass", "opera-1")
    told = " ".join(on("record", "show", decision, "--json").json["words"])
    assert "the person bass of conservatory asked for `opera-1`" in told
    assert "refused for want of a license" in told
    assert "Under DIR-OPERA" in told
    assert "asked for `opera-1`" in on("record", "show", decision).out


def test_records_are_found_by_organization_name_country_and_document(on, ask):
    decision = ask("tenor", "opera-1")

    def found(*search):
        return {row["id"] for row in on("record", "list", *search, "--json", "--limit", "9999").json}

    assert decision in found("--organization", "conservatory") & found("--organization", "Conservatory")
    assert decision in found("--country", "US") & found("--country", "US-DE") & found("--document", "DIR-OPERA")
    assert decision in found("--party", "tenor", "--outcome", "permit")
    assert decision not in found("--outcome", "deny") | found("--country", "FR") | found("--organization", "Other")


def test_reading_through_the_control_api_is_on_record(instance, ask):
    decision = ask("tenor", "opera-1")
    found = instance.act("/records?party=tenor&kind=decision")
    assert decision in {row["id"] for row in found}
    assert {row["body"]["party"] for row in found} == {"tenor"}
    (one,) = instance.act(f"/records?id={decision}")
    assert one["body"]["item"] == "opera-1"
    reads = [read["body"] for read in instance.records(act="record.read")[-2:]]
    assert [read["search"] for read in reads] == [{"party": "tenor", "kind": "decision"}, {"id": decision}]
    assert [read["results"] for read in reads] == [len(found), 1]
    assert {read["by"] for read in reads} == {"officer"}
    for wrong, status in (("kind=bogus", 400), ("since=yesterday", 400), ("bogus=1", 422), ("id=none", 404)):
        instance.act(f"/records?{wrong}", expect=status)
    assert call(instance.control + "/records").status == 401


def receipt(instance, key, record):
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return call(f"{instance.gateway}/records/{record}/receipt", headers=headers)


def test_a_receipt_is_given_to_its_holder_alone(instance, people, ask):
    policy = read_policy((instance.directory / "log.policy").read_bytes())
    own, organizations = ask("tenor", "opera-1"), ask("usher", "opera-2")
    answer = receipt(instance, people["tenor"], own)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    entry = verify_receipt(answer.body, policy).entry
    assert own.encode() in entry
    assert b"tenor" not in entry
    statuses = {
        (name, about): receipt(instance, people[name], record).status
        for name in ("tenor", "bass", "usher")
        for about, record in (("tenor", own), ("usher", organizations))
    }
    assert statuses == {
        ("tenor", "tenor"): 200,
        ("tenor", "usher"): 404,
        ("bass", "tenor"): 404,
        ("bass", "usher"): 404,
        ("usher", "tenor"): 200,
        ("usher", "usher"): 200,
    }
    act = instance.records(act="directive.activate")[0]["id"]
    strangers = [receipt(instance, people["tenor"], each) for each in (act, "none", "a.b", organizations)]
    assert {(each.status, each.body) for each in strangers} == {(404, strangers[0].body)}
    assert receipt(instance, None, own).status == 401
    assert call(f"{instance.gateway}/records/{own}", headers={"authorization": "Bearer x"}).status == 404


def test_holds_are_set_listed_and_released_on_record(on, instance):
    assert on("log", "hold", "set", "case-7", "--party", "tenor", "--reason", "subpoena").out.startswith(
        "held: party:tenor"
    )
    (row,) = on("log", "hold", "list", "--json").json
    assert {name: row[name] for name in ("hold", "subject", "by", "reason")} == {
        "hold": "case-7",
        "subject": "party:tenor",
        "by": "officer",
        "reason": "subpoena",
    }
    again = on("log", "hold", "set", "case-7", "--all", "--reason", "x", "--json")
    assert (again.code, again.error["code"]) == (1, "hold_exists")
    due = {row["subject"]: row for row in on("log", "expire", "--dry-run", "--json").json}
    assert due["party:tenor"]["holds"] == ["case-7"]
    released = on("log", "hold", "release", "case-7", "--reason", "closed", "--json").json
    assert released["loosened_by_one_person"]
    assert instance.records(act="hold.release")[-1]["body"]["effect"] == "loosens"
    assert "no hold is set" in on("log", "hold", "list").out
    assert on("log", "hold", "release", "case-7", "--reason", "x", "--json").error["code"] == "unknown_hold"
    assert on("log", "hold", "set", "h", "--reason", "x").code == 2
    assert on("log", "hold", "set", "h", "--all", "--reason", " ", "--json").error["code"] == "reason_missing"


def test_nothing_young_is_erased(on, instance, ask):
    ask("tenor", "opera-1")
    refused = on("record", "erase", "--party", "tenor", "--reason", "asked", "--json")
    assert (refused.code, refused.error["code"]) == (1, "retention_runs")
    assert "15 CFR 762.6(a)" in refused.error["message"]
    assert instance.records(act="record.erase") == []
    assert on("record", "erase", "--reason", "x").code == 2
    assert on("record", "erase", "--party", "nobody", "--reason", "x", "--json").error["code"] == "nothing_to_erase"


def test_what_would_expire_is_told_without_doing_it(on):
    rows = {row["subject"]: row for row in on("log", "expire", "--dry-run", "--json").json}
    assert rows["party:tenor"]["by"] == "15 CFR 762.6(a)"
    assert not any(row["erased"] for row in rows.values())
    later = on("log", "expire", "--dry-run", "--at", "2099-01-01T00:00:00Z", "--json").json
    assert {row["subject"] for row in later if row["erased"]} >= {"party:tenor", "organization:conservatory"}
    assert on("log", "expire", "--at", "2099-01-01T00:00:00Z").code == 2
    assert not any(row["erased"] for row in on("log", "expire", "--json").json)


def packet(on, target, *arguments):
    value = on("log", "export", target, *arguments, "--json").json
    told = json.loads((target / "records.json").read_text())
    assert value == {
        "directory": str(target),
        "records": len(told["records"]),
        "profile": told["profile"],
        "notice": SINGLE_PERSON,
    }
    assert told["notice"] == SINGLE_PERSON
    assert all(SINGLE_PERSON in (target / name).read_text() for name in ("README.txt", "records.html"))
    return {record["id"]: record for record in told["records"]}


def check(target):
    """As an outsider does it: with the packet's own files, and nothing of ours to import."""
    ran = subprocess.run(
        [sys.executable, "-m", "licet.packet", ".."],
        cwd=target / "verifier",
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_a_packet_for_an_agency_is_checked_without_us(on, ask, tmp_path):
    decision = ask("bass", "opera-1")
    records = packet(on, tmp_path / "p", "--profile", "agency", "--organization", "Conservatory")
    assert check(tmp_path / "p") == (0, "the packet is whole\n")
    one = records[decision]
    assert one["withheld"] == {}
    assert (one["shown"]["party"]["value"], one["entry"]["outcome"]) == ("bass", "license_required")
    assert any("the person bass" in sentence for sentence in one["words"])
    assert any(record["entry"].get("act") == "party.add" for record in records.values())
    page = (tmp_path / "p" / "records.html").read_text()
    assert "the person bass" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert (tmp_path / "p").stat().st_mode & 0o077 == 0


def test_a_packet_for_a_holder_says_what_was_left_out(on, ask, tmp_path):
    decision = ask("bass", "opera-1")
    records = packet(on, tmp_path / "p", "--profile", "holder", "--party", "bass")
    assert check(tmp_path / "p") == (0, "the packet is whole\n")
    one = records[decision]
    assert one["shown"]["item"]["value"] == "opera-1"
    assert set(one["withheld"]) >= {"requirements", "grounds", "undisclosed"}
    assert one["words"] == []
    text = (tmp_path / "p" / "records.json").read_text() + (tmp_path / "p" / "records.html").read_text()
    assert "in_scope" not in text
    assert "officer" not in text.replace("officers", "")
    assert "tenor" not in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"bass"', '"tenor"', "`party` is not what the log committed to"),
        ('"outcome": "license_required"', '"outcome": "permit"', "the entry shown is not the one"),
        ('"undisclosed": "rules', '"undisclosex": "rules', "neither shown nor said to be withheld: undisclosed"),
    ],
)
def test_an_altered_packet_is_refused(on, ask, tmp_path, old, new, said):
    ask("bass", "opera-1")
    packet(on, tmp_path / "p", "--profile", "holder", "--party", "bass")
    path = tmp_path / "p" / "records.json"
    path.write_text(path.read_text().replace(old, new))
    code, told = check(tmp_path / "p")
    assert (code, said in told) == (1, True)


def test_a_packet_is_about_somebody_and_goes_where_nothing_is(on, tmp_path):
    assert on("log", "export", tmp_path / "p", "--profile", "holder").code == 2
    assert on("log", "export", tmp_path / "p").code == 2
    ran = on("log", "export", tmp_path, "--profile", "agency", "--json")
    assert (ran.code, ran.error["code"]) == (1, "invalid_input")
