"""Event boundaries, against a slow reading of the specification."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licet.dialects import EventFramer
from licet.errors import InputError

LIMIT = 1 << 20


def boundaries(text: bytes) -> set[int]:
    """Every place after an empty line, read line by line."""
    places, position, line_start = set(), 0, 0
    while position < len(text):
        width = 2 if text[position : position + 2] == b"\r\n" else 1
        if text[position : position + 1] in {b"\r", b"\n"}:
            if position == line_start:
                places.add(position + width)
            line_start = position + width
        position += width
    return places


def feed(chunks):
    framer = EventFramer(LIMIT)
    return [framer.feed(chunk) for chunk in chunks], framer


TABLE = [
    # chunks fed, chunks given, tail
    ([b"data: 1\n\n"], [b"data: 1\n\n"], b""),
    ([b"data: 1\r\n\r\n"], [b"data: 1\r\n\r\n"], b""),
    ([b"data: 1\n\r\n"], [b"data: 1\n\r\n"], b""),
    ([b"data: 1\n"], [b""], b"data: 1\n"),
    ([b"data: 1\r\n"], [b""], b"data: 1\r\n"),
    ([b"data: 1\n", b"\n"], [b"", b"data: 1\n\n"], b""),
    ([b"data: 1\n\nda", b"ta: 2\n\n"], [b"data: 1\n\n", b"data: 2\n\n"], b""),
    ([b"data: 1\n\ndata: 2\n\ndata"], [b"data: 1\n\ndata: 2\n\n"], b"data"),
    # A CR at the end may be half of a line end.
    ([b"data: 1\r\r"], [b""], b"data: 1\r\r"),
    ([b"data: 1\r\r", b"\n"], [b"", b"data: 1\r\r\n"], b""),
    ([b"data: 1\r\r", b"d"], [b"", b"data: 1\r\r"], b"d"),
    ([b"data: 1\n\r", b"\n"], [b"", b"data: 1\n\r\n"], b""),
    ([b"data: 1\n\r", b"d"], [b"", b"data: 1\n\r"], b"d"),
    ([b"data: 1\r\n\r", b"\nd"], [b"", b"data: 1\r\n\r\n"], b"d"),
    ([b"a\r\r\r"], [b"a\r\r"], b"\r"),
    ([b"a\r\n\n"], [b"a\r\n\n"], b""),
    ([b"a\r", b"\n", b"\r", b"\n"], [b"", b"", b"", b"a\r\n\r\n"], b""),
    ([b"a\r\n", b"b"], [b"", b""], b"a\r\nb"),
    ([b"", b"a\n\n", b""], [b"", b"a\n\n", b""], b""),
]


@pytest.mark.parametrize(("chunks", "given_", "tail"), TABLE)
def test_table(chunks, given_, tail):
    outputs, framer = feed(chunks)
    assert outputs == given_
    assert framer.tail == tail


streams = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"d", b":", b"data: x"]), max_size=14).map(b"".join)


@given(streams, st.lists(st.integers(1, 5), max_size=30))
@example(b"a\r\r\nb\r\n\rc", [1] * 30)
def test_bytes_are_kept_and_events_are_whole_for_every_chunking(text, sizes):
    cuts = [0, *itertools.accumulate(sizes)]
    chunks = [text[start:end] for start, end in itertools.pairwise([*cuts, len(text) + cuts[-1]])]
    outputs, framer = feed(chunks)
    assert b"".join(outputs) + framer.tail == text
    places = boundaries(text) | {0}
    assert set(itertools.accumulate(map(len, outputs), initial=0)) <= places


@given(streams)
def test_no_more_is_held_than_the_incomplete_event(text):
    """What is held is one unfinished event, or may be: its last byte is a CR."""
    outputs, framer = feed([text])
    last = max(boundaries(text[:-1] if text.endswith(b"\r") else text) | {0})
    leading = len(text) - len(text.lstrip(b"\r\n"))  # blank lines before the first event are no event
    assert len(outputs[0]) == last or last <= leading or text.endswith(b"\r")
    assert framer.flush() == text[len(outputs[0]) :]
    assert framer.tail == b""


def test_the_common_case_is_not_copied():
    chunk = b"data: 1\n\n"
    assert EventFramer(LIMIT).feed(chunk) is chunk


@pytest.mark.parametrize(("length", "fits"), [(9, True), (10, True), (11, False)])
def test_an_event_that_never_ends_is_refused(length, fits):
    framer = EventFramer(10)
    assert framer.feed(b"a" * 5) == b""
    if fits:
        assert framer.feed(b"a" * (length - 5)) == b""
    else:
        with pytest.raises(InputError) as caught:
            framer.feed(b"a" * (length - 5))
        assert caught.value.code == "event_too_large"


def test_complete_events_are_not_limited_together():
    assert EventFramer(10).feed(b"data: 1\n\n" * 100 + b"tail") == b"data: 1\n\n" * 100


def test_many_small_chunks_of_a_long_event_cost_no_quadratic_time():
    framer = EventFramer(LIMIT)
    for _ in range(100_000):
        framer.feed(b"0123456789")
    assert framer.feed(b"\n\n").endswith(b"9\n\n")
