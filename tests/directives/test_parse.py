import json

import jsonschema
import pytest

from directives_for_tests import directive
from licet.directives import (
    AllForeignPersons,
    Enrolled,
    NationalsOfGroups,
    directive_schema,
    from_document,
    parse_directive,
)
from licet.errors import DocumentError, InputError
from licet.items import Catalogue, Item
from licet.law import read_country_groups
from licet.terms import Act, parse_instant

GROUPS = read_country_groups()
THEN = parse_instant("2026-06-01T00:00:00Z")
CATALOGUE = Catalogue.of(Item(name, frozenset({name + "-latest"}), "main", THEN) for name in ("fable-5", "mythos-5"))
ENROLLED = Enrolled(CATALOGUE, frozenset({"annex-a-corp", "annex-b-corp"}))
EXEMPTION = {
    "items": ["fable-5"],
    "organizations": ["annex-a-corp"],
    "covers": ["entity", "foreign_national_employees"],
    "from": "2026-06-26T22:00:00Z",
}


def parse(text):
    return parse_directive(text, "letter.yaml", GROUPS, ENROLLED)


def test_the_published_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(directive_schema())


def test_a_whole_directive_is_read():
    text = directive(
        title="Order",
        addressee="Provider",
        authenticated={"how": "called back", "by": "counsel", "at": "2026-06-12T22:00:00Z"},
        exemptions=[EXEMPTION],
        conditions=["report weekly"],
        comply_by="2026-06-12T22:51:00Z",
        appeal_by="2026-07-27T21:21:00Z",
        confidentiality="customer",
        public_text="Reported text.",
        penalties=["50 USC 4819"],
        relations=[{"kind": "supersedes", "directive": "DIR-0"}, {"kind": "narrows", "directive": "DIR-9"}],
        reconstruction=True,
    )
    found = from_document(parse(text))
    assert found.id == "DIR-1"
    assert found.acts == frozenset(Act)
    assert found.items == ("fable-5",)
    assert found.persons == AllForeignPersons()
    assert found.citation == "15 CFR 744.22(b); 50 USC 4817(b)(1)"
    assert found.supersedes == {"DIR-0"}
    assert found.exemptions[0].organizations == {"annex-a-corp"}
    assert found.comply_by == parse_instant("2026-06-12T22:51:00Z")
    assert found.disclosure == "customer"


def test_nationals_of_groups():
    found = from_document(parse(directive(persons={"nationals_of_groups": ["D:5", "E:1"]})))
    assert found.persons == NationalsOfGroups(frozenset({"D:5", "E:1"}))


def line_of(text, needle):
    return next(number for number, line in enumerate(text.splitlines(), 1) if needle in line)


# What is wrong, a word of the line on which it stands, and a word of the message.
WRONG = [
    ({"id": "DIR 1"}, '"id"', "does not match"),
    ({"issuer": None}, "{", "`issuer`, which is missing"),
    ({"surprise": 1}, '"surprise"', "unknown member `surprise`"),
    ({"form": "spoken"}, '"form"', "oral, written"),
    ({"status": "active"}, '"status"', "confirmed"),
    ({"acts": []}, '"acts"', "non-empty"),
    ({"acts": ["inference"]}, '"inference"', "release"),
    ({"persons": "everybody"}, '"persons"', "all_foreign_persons"),
    ({"persons": {"nationals_of_groups": ["D:9"]}}, '"persons"', "all_foreign_persons"),
    ({"persons": {"nationals_of_groups": ["C"]}}, '"C"', "found `C`"),
    ({"persons": {"nationals_of_groups": ["CN"]}}, '"persons"', "all_foreign_persons"),
    ({"effective_at": "2026-06-12"}, '"effective_at"', "2026-06-12T21:21:00Z"),
    ({"effective_at": "2026-06-12T21:21:00"}, '"effective_at"', "2026-06-12T21:21:00Z"),
    ({"effective_at": "2026-06-31T00:00:00Z"}, '"effective_at"', "2026-06-31"),
    ({"effective_at": None}, "{", "`effective_at`, which is missing"),
    ({"lifted_at": "2026-06-12T21:21:00Z"}, '"lifted_at"', "after `effective_at`"),
    ({"lifted_at": "2026-06-12T21:20:59Z"}, '"lifted_at"', "after `effective_at`"),
    ({"superseded_by": {"id": "DIR-2", "at": "2026-06-12T21:21:00Z"}}, '"at"', "after `effective_at`"),
    ({"superseded_by": {"id": "DIR-1", "at": "2026-06-13T21:21:00Z"}}, "", "another directive"),
    ({"comply_by": "2026-06-12T21:20:59Z"}, '"comply_by"', "not before `received_at`"),
    ({"appeal_by": "2026-06-01T00:00:00Z"}, '"appeal_by"', "not before `received_at`"),
    ({"relations": [{"kind": "supersedes", "directive": "DIR-1"}]}, '"directive"', "another directive"),
    ({"items": [{"id": "gpt-0", "basis": "x"}]}, "gpt-0", "item of the catalogue"),
    ({"items": [{"id": "fable-5-latest", "basis": "x"}]}, "fable-5-latest", "its alias"),
    ({"items": [{"id": "fable-5", "basis": "x"}, {"id": "fable-5", "basis": "y"}]}, "", "`fable-5` again"),
    ({"items": [{"id": "fable-5"}]}, "", "`basis`, which is missing"),
    ({"exemptions": [{**EXEMPTION, "items": ["mythos-5"]}]}, "", "names, found `mythos-5`"),
    ({"exemptions": [EXEMPTION, {**EXEMPTION, "from": "2026-06-27T22:00:00Z"}]}, "", "exempt for `fable-5` already"),
    ({"exemptions": [EXEMPTION, {**EXEMPTION, "covers": ["entity"]}]}, "", "exempt for `fable-5` already"),
    ({"exemptions": [{**EXEMPTION, "organizations": ["annex-a-crop"]}]}, "", "enrolled, found `annex-a-crop`"),
    ({"exemptions": [EXEMPTION], "lifted_at": "2026-06-26T22:00:00Z"}, "", "before the directive ends"),
    ({"sources": []}, '"sources"', "non-empty"),
    ({"sources": [{"title": "t", "date": "June"}]}, '"date"', "does not match"),
    ({"sources": [{"title": "t", "date": "2026-06-12", "sha256": "zz"}]}, '"sha256"', "found `zz`"),
    ({"format": "licet-directive/2"}, '"format"', "licet-directive/1"),
]


@pytest.mark.parametrize(("over", "needle", "words"), WRONG)
def test_a_wrong_file_is_told_by_line_and_by_what_was_expected(over, needle, words):
    text = directive(**over)
    with pytest.raises(DocumentError) as caught:
        parse(text)
    messages = [fault for fault in caught.value.faults if words in str(fault)]
    assert messages, str(caught.value)
    if needle:
        assert messages[0].line == line_of(text, needle)


@pytest.mark.parametrize(
    "over",
    [
        {"lifted_at": "2026-06-12T21:21:01Z"},
        {"comply_by": "2026-06-12T21:21:00Z"},
        {"superseded_by": {"id": "DIR-2", "at": "2026-06-12T21:21:01Z"}},
        {"exemptions": [EXEMPTION], "lifted_at": "2026-06-26T22:00:01Z"},
        {"exemptions": [EXEMPTION, {**EXEMPTION, "organizations": ["annex-b-corp"]}]},
        {"exemptions": [{**EXEMPTION, "covers": ["entity"]}, {**EXEMPTION, "covers": ["foreign_national_employees"]}]},
    ],
)
def test_the_near_misses_are_valid(over):
    assert parse(directive(**over))["id"] == "DIR-1"


def test_without_a_catalogue_item_names_are_not_checked():
    text = directive(items=[{"id": "gpt-0", "basis": "x"}])
    assert parse_directive(text, "f", GROUPS, None)["items"][0]["id"] == "gpt-0"


def test_every_fault_is_listed_and_in_order():
    with pytest.raises(DocumentError) as caught:
        parse(directive(form="spoken", acts=[], surprise=1))
    lines = [fault.line for fault in caught.value.faults]
    assert len(lines) == 3
    assert lines == sorted(lines)


@pytest.mark.parametrize("document", [{}, {"id": "x"}, json.loads(directive(form="spoken"))])
def test_a_document_that_was_never_checked_is_refused(document):
    with pytest.raises(InputError):
        from_document(document)
