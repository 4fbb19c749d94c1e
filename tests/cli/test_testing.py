"""`licet test`: what it prints, and with which code it exits."""

import json
from pathlib import Path

import pytest

ORACLE = Path(__file__).parents[1] / "oracle"
PUBLIC = ORACLE / "public.json"


@pytest.fixture
def few(tmp_path):
    """A file of the first public cases."""
    value = json.loads(PUBLIC.read_text())
    value["cases"] = value["cases"][:3]
    path = tmp_path / "few.json"
    path.write_text(json.dumps(value))
    return path


def test_cases_that_hold_exit_with_0(licet, few):
    ran = licet("test", few)
    assert (ran.code, ran.out, ran.err) == (0, "3 passed, 0 failed, with 3 rows of other readings\n", "")


def test_a_mismatch_is_told_with_its_grounds_and_exits_with_1(licet, few):
    value = json.loads(few.read_text())
    value["cases"][0]["expected"]["outcome"] = "permit"
    few.write_text(json.dumps(value))
    ran = licet("test", few)
    first, ground, last = ran.out.splitlines()
    assert ran.code == 1
    assert first == "LAW-002: expected permit, found license_required"
    assert ground.startswith("  DIR-2026-06-12/foreign-person [15 CFR 744.22(b); 50 USC 4817(b)(1)]: ")
    assert last == "2 passed, 1 failed, with 3 rows of other readings"


def test_a_row_that_fails_fails_its_case(licet, few):
    value = json.loads(few.read_text())
    value["cases"][0]["policy_sensitivity"][0]["outcome"] = "deny"
    few.write_text(json.dumps(value))
    ran = licet("test", few)
    assert ran.code == 1
    assert ran.out.startswith("LAW-002 under remote_inference: not_export: expected deny, found permit\n")
    assert ran.out.endswith("2 passed, 1 failed, with 3 rows of other readings\n")


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json")])
def test_json_is_one_object(licet, few, arguments):
    ran = licet("test", few, few, *arguments)
    assert (ran.code, ran.json["passed"], ran.json["failed"]) == (0, 6, 0)
    first = ran.json["cases"][0]
    assert list(first) == ["id", "expected", "actual", "grounds", "rows"]
    assert (first["id"], first["expected"], first["actual"]) == ("LAW-002", "license_required", "license_required")
    assert set(first["grounds"][0]) == {"rule", "citation", "text"}
    assert first["rows"][0]["policy"] == {"remote_inference": "not_export"}


def test_a_reading_replaces_the_files(licet, few):
    ran = licet("test", few, "--parameter", "remote_inference=not_export", "--json")
    assert ran.code == 1
    assert {case["actual"] for case in ran.json["cases"]} == {"permit"}


def test_all_public_cases_hold(licet):
    assert licet("test", PUBLIC, ORACLE / "own.json").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--parameter", "bogus=1"), "unknown_parameter"),
        (("--parameter", "macau=maybe"), "bad_parameter"),
    ],
)
def test_a_reading_that_does_not_exist_is_an_error(licet, few, arguments, code):
    ran = licet("test", few, *arguments, "--json")
    assert (ran.code, ran.out, ran.error["code"]) == (1, "", code)


@pytest.mark.parametrize("arguments", [(), ("--format", "xml"), ("--parameter", "macau")])
def test_what_is_not_understood_exits_with_2(licet, few, arguments):
    ran = licet("test", *([few] if arguments else []), *arguments, "--json")
    assert (ran.code, ran.error["code"]) == (2, "usage")


def test_an_unknown_member_is_an_error_that_names_it(licet, few):
    value = json.loads(few.read_text())
    value["cases"][1]["facts"]["mood"] = "good"
    few.write_text(json.dumps(value))
    ran = licet("test", few, "--json")
    assert (ran.code, ran.error["code"]) == (1, "bad_case_file")
    assert "LAW-003" in ran.error["message"]
    assert "mood" in ran.error["message"]
