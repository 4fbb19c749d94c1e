"""`licet prove` and `licet directive diff`, as typed, without an instance."""

import json

import pytest

from directives_for_tests import directive
from licet.cli import run
from proofs_for_tests import D5, EXEMPT

OWN = """
format = "licet-invariants/1"
[[invariant]]
name = "nobody-at-all"
sentence = "Nobody is permitted anything."
citation = "house rule"
about = "answers"
claim = { outcome = ["deny"] }
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    for name in ("LICET_DIR", "LICET_CONTROL", "LICET_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def told(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_policy_of_files_is_proved_and_its_digest_told(file, capsys):
    first = file("a.yaml", directive())
    then = {"relations": [{"kind": "supersedes", "directive": "DIR-1"}], "effective_at": "2026-06-14T00:00:00Z"}
    second = file("b.yaml", directive(id="DIR-2", **then))
    assert run(["prove", "--policy", first, "--policy", second, "--json"]) == 0
    found = told(capsys)
    assert found["holds"]
    assert found["requirements"] == 9
    assert len(found["digest"]) == 64
    assert run(["prove", "--policy", first]) == 0
    out = capsys.readouterr().out
    assert "every one holds" in out
    assert "ignorance-asks" in out


def test_an_own_invariant_that_fails_is_said_in_words_and_exits_with_one(file, capsys):
    arguments = ["prove", "--policy", file("a.yaml", directive()), "--invariants", file("own.toml", OWN)]
    assert run(arguments) == 1
    out = capsys.readouterr().out
    assert "nobody-at-all [house rule]: FAILS" in out
    assert "asking for" in out
    assert run([*arguments, "--json"]) == 1
    failed = [x for x in told(capsys)["invariants"] if x["standing"] == "fails"]
    assert [x["name"] for x in failed] == ["nobody-at-all"]
    assert failed[0]["counterexample"]["facts"]["mode"]


def test_readings_may_be_typed_and_leave_sentences_unsaid(file, capsys):
    one = file("a.yaml", directive())
    assert run(["prove", "--policy", one, "--parameter", "org_is_recipient=false"]) == 0
    assert "not said here" in capsys.readouterr().out


WRONG = [
    (["prove", "--policy", "A", "--invariants", "BAD"], 1, "bad_invariant"),
    (["prove", "--policy", "A", "--policy", "A"], 1, "invalid_input"),
    (["prove", "--policy", "A", "--parameter", "macau"], 2, "usage"),
    (["prove", "--policy", "A", "--parameter", "macau=atlantis"], 1, "bad_parameter"),
    (["prove", "--policy", "A", "--at", "soon"], 1, "invalid_input"),
    (["prove"], 2, "usage"),
    (["directive", "diff", "A", "READINGS"], 1, "different_formats"),
    (["directive", "diff", "A", "BAD"], 1, "unknown_format"),
    (["directive", "diff", "A", "DIR-7"], 2, "usage"),
    (["directive", "diff", "READINGS", "READINGS"], 2, "usage"),
    (["directive", "diff", "READINGS", "ODD", "--policy", "A"], 1, "bad_parameters"),
    (["directive", "diff", "READINGS", "WILD", "--policy", "A"], 1, "bad_parameter"),
    (["directive", "diff", "DIR-7", "A", "--policy", "A"], 1, "unknown_directive"),
]


@pytest.mark.parametrize(("arguments", "code", "name"), WRONG)
def test_what_cannot_be_proved_or_compared_is_refused_with_a_code(arguments, code, name, file, capsys):
    files = {
        "A": file("a.yaml", directive()),
        "BAD": file("bad.yaml", "format: x\n"),
        "READINGS": file("r.yaml", "format: licet-parameters/1\nparameters:\n  macau: literal\n"),
        "ODD": file("odd.yaml", "format: licet-parameters/1\nreadings: {}\n"),
        "WILD": file("wild.yaml", "format: licet-parameters/1\nparameters:\n  macau: atlantis\n"),
    }
    assert run([files.get(word, word) for word in arguments] + ["--json"]) == code
    assert json.loads(capsys.readouterr().err)["error"]["code"] == name


def test_two_directives_are_compared_with_examples_in_words(file, capsys):
    before, after = file("a.yaml", directive(persons=D5)), file("b.yaml", directive())
    assert run(["directive", "diff", before, after]) == 0
    out = capsys.readouterr().out
    assert "only narrows: yes" in out
    assert "newly refused, for example:" in out
    assert "no log" in out
    assert run(["directive", "diff", after, before, "--json"]) == 0
    found = told(capsys)
    assert not found["only_narrows"]
    assert found["recorded_decisions"] is None
    assert all(len(x["examples"]) <= 5 for x in found["differences"])


def test_a_draft_is_compared_as_if_confirmed_and_a_successor_as_if_both_stood(file, capsys):
    first = file("a.yaml", directive(superseded_by={"id": "DIR-2", "at": "2026-06-14T00:00:00Z"}))
    draft = directive(id="DIR-2", status="draft", effective_at="2026-06-14T00:00:00Z", exemptions=[EXEMPT])
    assert run(["directive", "diff", first, file("b.yaml", draft), "--json"]) == 0
    kinds = {x["kind"]: x["requests"] for x in told(capsys)["differences"]}
    assert kinds["newly_permitted"] > 0
    assert kinds["newly_refused"] == 0


def test_sets_of_readings_are_compared_over_directives(file, capsys):
    plain = file("p.yaml", "format: licet-parameters/1\nparameters:\n  nationality_rule: most_recent\n")
    strict = file("s.yaml", "format: licet-parameters/1\nparameters:\n  nationality_rule: any\n")
    assert run(["directive", "diff", plain, strict, "--policy", file("a.yaml", directive(persons=D5)), "--json"]) == 0
    found = told(capsys)
    assert found["only_narrows"]
    assert sum(x["requests"] for x in found["differences"]) > 0
