"""Element boundaries of a streamed array, against a plain JSON reader."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.dialects import ArrayFramer
from licet.errors import InputError

LIMIT = 1 << 20
ERROR = b'{"error":{"code":403}}'


def fed(*chunks, limit=LIMIT):
    framer = ArrayFramer(limit)
    return [framer.feed(chunk) for chunk in chunks], framer


TABLE = [
    # chunks fed, chunks given, what closes it
    ([b'[{"a":1}'], [b'[{"a":1}'], b",\r\n" + ERROR + b"]"),
    ([b'[{"a":1}\n,\r\n{"b"'], [b'[{"a":1}'], b",\r\n" + ERROR + b"]"),
    ([b'[{"a":1}', b",{", b'"b":[2]}'], [b'[{"a":1}', b"", b',{"b":[2]}'], b",\r\n" + ERROR + b"]"),
    ([b"[", b'{"a":{}'], [b"", b""], b"[" + ERROR + b"]"),
    ([b""], [b""], b"[" + ERROR + b"]"),
    ([b" \n ["], [b""], b"[" + ERROR + b"]"),
    ([b'[{"a":1}]'], [b'[{"a":1}]'], None),
    ([b'[{"a":1}]\n'], [b'[{"a":1}]\n'], None),
    ([b'[{"a":1}', b"]"], [b'[{"a":1}', b"]"], None),
    ([b"[]"], [b"[]"], None),
    # Brackets and quotes inside texts are none.
    ([rb'[{"a":"]}\"}]"}'], [rb'[{"a":"]}\"}]"}'], b",\r\n" + ERROR + b"]"),
    ([b'[{"a":"x\\', b'"}', b'"}'], [b"", b"", b'[{"a":"x\\"}"}'], b",\r\n" + ERROR + b"]"),
    ([b'[{"a":"\\\\"}'], [b'[{"a":"\\\\"}'], b",\r\n" + ERROR + b"]"),
    # What is no array passes, and is not ended early.
    ([b'{"a":', b"1}"], [b'{"a":', b"1}"], None),
    ([b"oops"], [b"oops"], None),
]


@pytest.mark.parametrize(("chunks", "given_", "closing"), TABLE)
def test_table(chunks, given_, closing):
    found, framer = fed(*chunks)
    assert found == given_
    assert framer.closing(ERROR) == closing


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},:\n\u00e9', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\]}', max_size=3), inner, max_size=3),
    max_leaves=6,
)
ELEMENTS = st.lists(st.dictionaries(st.text("ab", max_size=2), VALUES, max_size=3), max_size=4)


@given(ELEMENTS, st.lists(st.integers(0, 200), max_size=6), st.sampled_from([None, 1]))
def test_wherever_it_is_cut_what_was_passed_with_the_error_is_a_whole_array(elements, cuts, indent):
    text = json.dumps(elements, indent=indent).encode()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    framer, passed = ArrayFramer(LIMIT), b""
    for start, end in itertools.pairwise(places):
        passed += framer.feed(text[start:end])
        assert text.startswith(passed)
        closing = framer.closing(ERROR)
        if closing is None:
            assert json.loads(passed) == elements
        else:
            *before, last = json.loads(passed + closing)
            assert before == elements[: len(before)]
            assert last == json.loads(ERROR)
    assert passed + framer.flush() == text


def test_an_element_over_the_limit_is_refused():
    assert fed(b'[{"a":"' + b"x" * 90, limit=100)[0] == [b""]
    with pytest.raises(InputError, match="at most `100` bytes"):
        fed(b'[{"a":"' + b"x" * 120, limit=100)
    assert fed(b'[{"a":1}' + b',{"a":3}' * 50, limit=100)[0] == [b'[{"a":1}' + b',{"a":3}' * 50]
