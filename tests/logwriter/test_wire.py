"""Frames survive any way of being cut up; nonsense is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError
from licet.logwriter.wire import (
    MAX_FRAME_BYTES,
    Committed,
    Refused,
    Submitted,
    decode_answers,
    decode_submitted,
    encode_frame,
    take_frames,
)

submitted = st.builds(Submitted, st.integers(0, 2**63 - 1), st.binary(max_size=40))
answers = st.builds(Committed, st.integers(0, 9), st.integers(1, 9), st.binary(min_size=32, max_size=32)) | st.builds(
    Refused, st.integers(0, 9), st.just("log_full"), st.text(max_size=9)
)


@given(st.lists(st.lists(submitted, max_size=4), max_size=4), st.integers(1, 50))
def test_frames_cut_anywhere_arrive_whole_and_in_order(batches, step):
    stream = b"".join(map(encode_frame, batches))
    buffer, arrived = bytearray(), []
    for start in range(0, len(stream), step):
        buffer += stream[start : start + step]
        arrived += map(decode_submitted, take_frames(buffer))
    assert arrived == batches
    assert not buffer


@given(st.lists(answers, max_size=4))
def test_answers_read_back(batch):
    (payload,) = take_frames(bytearray(encode_frame(batch)))
    assert decode_answers(payload) == batch


def test_the_longest_frame_is_taken_and_a_longer_is_not():
    assert take_frames(bytearray(MAX_FRAME_BYTES.to_bytes(4))) == []
    with pytest.raises(InputError):
        take_frames(bytearray((MAX_FRAME_BYTES + 1).to_bytes(4)))


@pytest.mark.parametrize("decode", [decode_submitted, decode_answers])
@given(payload=st.binary(max_size=20))
def test_any_bytes_are_a_batch_or_refused(decode, payload):
    with suppress(InputError):
        assert isinstance(decode(payload), list)
