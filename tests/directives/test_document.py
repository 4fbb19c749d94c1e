import pytest

from licet.directives.document import read_document
from licet.errors import DocumentError


def test_every_value_keeps_its_line():
    document = read_document("a: 1\nb:\n  - x\n  - c: NO\n    d: null\n", "f.yaml")
    assert document.value == {"a": 1, "b": ["x", {"c": "NO", "d": None}]}
    assert document.line(("b", 1, "c")) == 4
    assert document.line(("b", 1, "missing", "deeper")) == 4
    assert document.line(("nowhere",)) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Country codes and words that YAML 1.1 would turn into something else.
        ("a: NO", "NO"),
        ("a: yes", "yes"),
        ("a: on", "on"),
        ("a: 2026-06-12T21:21:00Z", "2026-06-12T21:21:00Z"),
        ("a: 2026-06-12", "2026-06-12"),
        ("a: 1.5", "1.5"),
        ("a: 0x1F", "0x1F"),
        ("a: 012", "012"),
        ("a: '1'", "1"),
        ("a: -7", -7),
        ("a: true", True),
        ("a: 'true'", "true"),
        ("a: ~", None),
        ("a:", None),
    ],
)
def test_scalars_are_text_unless_they_are_plainly_something_else(text, value):
    found = read_document(text, "f.yaml").value["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("a: [1", 1, "not YAML"),
        ('a: "\\ud800\\udc00"', 1, "whole characters"),
        ("a: 1\na: 2", 2, "`a` again"),
        ("x: &y 1\nz: *y", 1, "anchors"),
        ("a: !!python/object:os.system x", 1, "tags"),
        ("a: !x 1", 1, "tags"),
        ("? [1]\n: 2", 1, "plain name"),
        ("<<: {a: 1}", 1, "plain name"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("\t- x", 1, "not YAML"),
        ("a: \u0007", 1, "not YAML"),
        ("[" * 40 + "]" * 40, 1, "levels"),
        ("x" * 200_001, 1, "characters"),
    ],
)
def test_what_this_subset_refuses(text, line, words):
    with pytest.raises(DocumentError) as caught:
        read_document(text, "f.yaml")
    assert words in str(caught.value)
    assert caught.value.faults[0].line == line


def test_nesting_beyond_any_decoder_is_a_fault_and_no_crash():
    with pytest.raises(DocumentError):
        read_document("[" * 100_000, "f.yaml")
