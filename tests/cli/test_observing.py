"""`licet directive observe`, `unobserve` and its report, at a real instance with real requests."""

import pytest

from directives_for_tests import directive


@pytest.fixture
def draft(tmp_path):
    path = tmp_path / "draft.json"
    path.write_text(directive(id="DRAFT-1", status="draft", items=[{"id": "mythos-5", "basis": "x"}]))
    return path


@pytest.fixture(scope="module")
def key(instance):
    return instance.party_key("observed-1")


def report_of(licet, instance, name):
    reports = licet("directive", "observe", "--report", "--dir", instance.directory, "--json").json
    return next(one for one in reports if one["id"] == name)


def test_a_draft_is_watched_reported_and_let_go(licet, instance, draft, key):
    begun = licet("directive", "observe", draft, "--dir", instance.directory)
    assert (begun.code, begun.err) == (0, "")
    assert "enforces nothing" in begun.out
    records = len(instance.records())
    assert [instance.chat(key, model).status for model in ("mythos-5", "mythos-5", "fable-5")] == [200, 200, 200]
    found = report_of(licet, instance, "DRAFT-1")
    assert (found["decisions"], found["same"], found["errors"], found["unknown"]) == (3, 1, 0, 0)
    assert found["would_need_evidence"] == {"decisions": 2, "persons": 1, "at_least": False}
    assert found["rows"] == [
        {
            "difference": "would_need_evidence",
            "item": "mythos-5",
            "organization": None,
            "country": None,
            "decisions": 2,
        }
    ]
    shown = licet("directive", "observe", "--report", "--dir", instance.directory)
    assert "would need evidence: 2 decisions, 1 persons" in shown.out
    ended = licet("directive", "unobserve", "DRAFT-1", "--dir", instance.directory, "--json").json
    assert ended["decisions"] == 3
    instance.chat(key, "mythos-5")
    assert licet("directive", "observe", "--report", "--dir", instance.directory).out == "no draft is watched\n"
    made = [x for x in instance.records()[records:] if x["kind"] != "decision"]
    assert made == []  # neither what was watched nor that it was
    assert not any("DRAFT-1" in str(x) for x in instance.records())


def test_a_reading_is_watched(licet, instance, key):
    arguments = ("--parameter", "embargo_block=false", "--dir", instance.directory)
    begun = licet("directive", "observe", *arguments)
    assert "embargo_block" in begun.out
    assert "place" in begun.out
    instance.chat(key, "fable-5")
    assert report_of(licet, instance, "embargo_block")["unknown"] == 1
    again = licet("directive", "observe", *arguments, "--json")
    assert (again.code, again.error["code"]) == (1, "already_observed")
    shown = licet("directive", "unobserve", "embargo_block", "--dir", instance.directory)
    assert "embargo_block=false, beside 1 decisions" in shown.out


def test_what_is_active_cannot_be_watched(licet, instance, tmp_path):
    item = "watched-1"
    instance.items(item)
    order = directive(id="ACTIVE-1", items=[{"id": item, "basis": "x"}])
    instance.act("/directives", {"text": order})
    path = tmp_path / "same.json"
    for name in ("ACTIVE-1", "ANOTHER-NAME"):
        path.write_text(directive(id=name, items=[{"id": item, "basis": "x"}]))
        refused = licet("directive", "observe", path, "--dir", instance.directory, "--json")
        assert (refused.code, refused.error["code"]) == (1, "already_active")
    reading = licet(
        "directive", "observe", "--parameter", "nationality_tie=unset", "--dir", instance.directory, "--json"
    )
    assert reading.error["code"] == "already_active"


BAD = [
    ((), "usage", 2),
    (("--report", "--parameter", "macau=literal"), "usage", 2),
    (("--parameter", "macau"), "usage", 2),
    (("--parameter", "macau=never"), "bad_parameter", 1),
    (("--parameter", "no_such=1"), "unknown_parameter", 1),
]


@pytest.mark.parametrize(("arguments", "code", "exit_code"), BAD)
def test_bad_input(licet, instance, arguments, code, exit_code):
    refused = licet("directive", "observe", *arguments, "--dir", instance.directory, "--json")
    assert (refused.code, refused.error["code"]) == (exit_code, code)


def test_a_bad_file_is_named_with_its_faults(licet, instance, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(directive(items=[{"id": "no-such-model", "basis": "x"}]))
    refused = licet("directive", "observe", path, "--dir", instance.directory)
    assert refused.code == 1
    assert str(path) in refused.err
    assert (
        licet("directive", "unobserve", "NOBODY", "--dir", instance.directory, "--json").error["code"] == "not_observed"
    )


def test_a_bad_body_is_refused(instance):
    assert instance.act("/observations", {}, expect=400)["code"] == "bad_draft"
    assert instance.act("/observations", {"parameter": "macau"}, expect=400)["code"] == "bad_draft"
    assert instance.act("/observations", {"unknown": 1}, expect=422)["code"] == "invalid_input"
