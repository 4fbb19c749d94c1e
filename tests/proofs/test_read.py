"""Invariants in files: what is shipped, and what is refused."""

import re
from pathlib import Path

import pytest

from decisions_for_tests import AT
from licet.errors import InputError
from licet.proofs import prove, read_invariants, shipped_invariants, together
from proofs_for_tests import conjunct, release_says, whole_policy

ROOT = Path(__file__).parents[2]

OWN = """
format = "licet-invariants/1"

[[invariant]]
name = "mine"
sentence = "A contractor is not permitted without leave."
citation = "house rule 7"
about = "requirements"
records = ["release"]
where = { status = ["foreign"], cover = ["none"], act = ["named"], scope = ["in_scope"], force = ["binds"] }
claim = { outcome = ["license_required"] }
"""


def test_what_is_shipped_is_enough_and_each_has_its_sentence_and_citation():
    shipped = shipped_invariants()
    assert len(shipped) >= 17
    for invariant in shipped:
        assert invariant.sentence.endswith(".")
        assert invariant.citation
        assert re.fullmatch(r"[a-z0-9-]+", invariant.name)
    assert len({invariant.sentence for invariant in shipped}) == len(shipped)


def test_the_document_names_exactly_what_is_shipped():
    text = (ROOT / "docs" / "proof.md").read_text()
    text = text.partition("\n## The sentences\n")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", text, re.MULTILINE))
    assert listed == {invariant.name: invariant.sentence for invariant in shipped_invariants()}


def of_document(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", (ROOT / "docs" / "proof.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_example_in_the_document_is_what_is_said():
    broken = release_says(conjunct('context.status == PersonStatus::"foreign"'))
    said = {finding.invariant.name: finding for finding in prove(broken, shipped_invariants(), AT).failures}
    (example,) = of_document("text")
    assert said.keys() >= {"not-foreign-is-free-of-releases", "citizens-at-home-keep-access"}
    for name, rest in re.findall(r"^(\S+) \[[^\n]*: FAILS\n((?:  .*\n)+)", example, re.MULTILINE):
        assert " ".join(rest.split()) == said[name].counterexample.words


def test_the_own_sentence_in_the_document_is_read_and_fails_as_it_says():
    (text,) = of_document("toml")
    (own,) = read_invariants(text, "docs/proof.md")
    (finding,) = prove(whole_policy(), [own], AT).failures
    assert "under a license" in finding.counterexample.words


def test_every_shipped_invariant_speaks_of_something_or_says_so():
    """Over a policy with every kind of thing in it, none holds merely because there is nothing to try."""
    report = prove(whole_policy(), shipped_invariants(), AT)
    assert {x.invariant.name for x in report.findings if not x.combinations} == {"succession-holds"}


def test_an_own_file_is_read_and_checked():
    (mine,) = read_invariants(OWN, "own.toml")
    assert prove(whole_policy(), [mine], AT).holds
    (wrong,) = read_invariants(OWN.replace('["license_required"]', '["permit"]'), "own.toml")
    (finding,) = prove(whole_policy(), [wrong], AT).failures
    assert "shown to be a foreign person" in finding.counterexample.words
    assert finding.counterexample.facts["facts"]["status"] == "foreign"


BAD = [
    ("", "format"),
    ("format = ", "own.toml"),
    (OWN.replace("licet-invariants/1", "licet-invariants/2"), "format"),
    (OWN.replace("citation", "source"), "source"),
    (OWN.replace('sentence = "A contractor is not permitted without leave."', 'sentence = " "'), "sentence"),
    (OWN + 'colour = "red"\n', "colour"),
    (OWN.replace("status =", "mood ="), "mood"),
    (OWN.replace('["foreign"]', '["alien"]'), "alien"),
    (OWN.replace('["foreign"]', "[]"), "status"),
    (OWN.replace('"foreign"', "7"), "int"),
    (OWN.replace('records = ["release"]', 'records = ["relief"]'), "relief"),
    (OWN.replace('records = ["release"]', ""), "records"),
    (OWN.replace('records = ["release"]', 'records = ["release", "bars"]'), "status"),
    (OWN.replace('"requirements"', '"everything"'), "everything"),
    (OWN.replace('claim = { outcome = ["license_required"] }', "claim = {}"), "exactly one claim"),
    (OWN.replace('outcome = ["license_required"]', 'outcome = ["maybe"]'), "maybe"),
    (OWN.replace('outcome = ["license_required"]', 'join = "heaviest"'), "claim"),
    (OWN.replace('outcome = ["license_required"]', 'outcome = ["permit"], grounds = "cited"'), "exactly one claim"),
    (OWN.replace('outcome = ["license_required"]', 'turning = { fact = "mood", from = "a", to = "b" }'), "mood"),
    (OWN.replace('outcome = ["license_required"]', 'turning = { fact = "cover", from = "a", to = "none" }'), "`a`"),
    (OWN.replace('outcome = ["license_required"]', 'turning = { fact = "cover", until = "none" }'), "until"),
    (OWN + "parameters = { embargo_block = [true] }\n", "parameters"),
    (OWN + OWN.partition("\n\n")[2], "twice"),
]


@pytest.mark.parametrize(("text", "named"), BAD)
def test_what_cannot_be_checked_is_refused_with_its_file_and_field(text, named):
    with pytest.raises(InputError) as refused:
        read_invariants(text, "own.toml")
    assert refused.value.code == "bad_invariant"
    assert named in str(refused.value)
    assert "own.toml" in str(refused.value) or "twice" in str(refused.value)


ANSWERS = OWN.replace('about = "requirements"\nrecords = ["release"]', 'about = "answers"')
ANSWERS = re.sub(r"where = .*\n", 'where = { person = ["foreign"] }\n', ANSWERS)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("{ embargo = [true] }", "embargo"),
        ("{ embargo_block = ['on'] }", "on"),
        ("{ embargo_block = [1] }", "embargo_block"),
        ("{ evidence_max_age_days = [true] }", "evidence_max_age_days"),
        ("{ macau = ['atlantis'] }", "atlantis"),
    ],
)
def test_a_parameter_that_does_not_exist_or_cannot_have_the_value_is_refused(parameters, named):
    read_invariants(ANSWERS + "parameters = { embargo_block = [true], macau = ['literal'] }\n", "own.toml")
    with pytest.raises(InputError, match=named):
        read_invariants(ANSWERS + f"parameters = {parameters}\n", "own.toml")


def test_two_files_may_not_use_one_name():
    with pytest.raises(InputError, match="mine"):
        together([read_invariants(OWN, "a"), read_invariants(OWN, "b")])
