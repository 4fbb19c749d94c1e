"""A policy is proved before it takes effect, on a running instance."""

import json

import pytest

from directives_for_tests import directive
from licet.cli import run
from licet.directives import PolicyBundle, compile_policy
from licet.proofs import prove, shipped_invariants
from licet.terms import parse_instant
from people_for_tests import Office
from proofs_for_tests import D5

ITEM = [{"id": "fable-p", "basis": "x"}]
ANOTHER_AGENCY = {"id": "DIR-1", "at": "2036-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def ruled(instance):
    instance.items("fable-p", "fable-q")
    instance.act("/directives", {"text": directive(items=ITEM, persons=D5)})
    return instance


def test_the_record_of_an_act_holds_the_digest_of_the_proof(ruled):
    (record,) = ruled.records(act="directive.activate", directive="DIR-1")
    bundle = PolicyBundle.from_value(ruled.act("/policy"))
    assert record["body"]["policy"] == {"epoch": bundle.epoch, "digest": bundle.digest}
    report = prove(compile_policy(bundle), shipped_invariants(), parse_instant(record["at"]))
    assert record["body"]["proof"] == {"digest": report.digest, "invariants": len(report.findings)}


def test_the_command_finds_the_same_proof(ruled, capsys):
    assert run(["prove", "--dir", str(ruled.directory), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    recorded = [x["body"]["proof"] for x in ruled.records() if "proof" in x["body"]]
    assert found["digest"] == recorded[-1]["digest"]


def test_a_policy_that_breaks_an_invariant_is_refused_and_nothing_changes(ruled):
    """One agency's order is said to end another's: no check of the file alone can see it."""
    before = ruled.act("/policy")
    strange = directive(id="DIR-9", issuer="OFAC", items=ITEM, superseded_by=ANOTHER_AGENCY)
    problem = ruled.act("/directives", {"text": strange}, expect=409)
    assert problem["code"] == "proof_failed"
    assert "one agency's order never ends another's" in problem["detail"]
    assert "directive `DIR-9`" in problem["detail"]
    after = ruled.act("/policy")
    assert {name: after[name] for name in ("epoch", "directives")} == {
        name: before[name] for name in ("epoch", "directives")
    }
    assert ruled.records(act="directive.activate", directive="DIR-9") == []


def test_readings_dated_data_and_lifts_are_proved_too(ruled):
    ruled.act("/parameters/macau", {"value": "with_d5", "reason": "for this test"})
    ruled.act("/directives", {"text": directive(id="DIR-2", items=[{"id": "fable-q", "basis": "x"}])})
    ruled.act("/directives/DIR-2/lift", {})
    (groups,) = [row for row in ruled.act("/law") if row["name"] == "country_groups"]
    ruled.act("/law/country_groups", {"text": json.dumps({**groups["document"], "as_of": "2027-01-01"})})
    for act in ("parameter.set", "directive.activate", "directive.lift", "law.update"):
        assert all("proof" in x["body"] for x in ruled.records(act=act)), act


def test_a_stop_waits_for_no_proof(ruled):
    ruled.act("/stop", {"items": ["fable-p"]})
    ruled.act("/resume", {"items": ["fable-p"]})
    for act in ("stop", "resume"):
        assert all("proof" not in x["body"] for x in ruled.records(act=act))


def test_recorded_decisions_are_counted_by_difference(ruled, tmp_path, capsys):
    office = Office(ruled, "lawful-p")
    key = office.employs("citizen-of-fr", "foreign_person", nationalities=("FR",))
    assert ruled.chat(key, "fable-p").status == 502  # permitted, and nobody stands behind the gateway here
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(directive(id="DIR-1", items=ITEM))
    assert run(["directive", "diff", "DIR-1", str(stricter), "--dir", str(ruled.directory), "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)["recorded_decisions"]
    assert counted["newly_refused"] >= 1
    assert counted["newly_permitted"] == 0
