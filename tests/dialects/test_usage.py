"""How many tokens an answer took, as far as its upstream tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.dialects import TokenMeter, Tokens

_CHAT = (
    b'{"id":"x","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16,'
    b'"prompt_tokens_details":{"cached_tokens":3}}}'
)
_RESPONSES = (
    b'event: response.completed\ndata: {"response":{"usage":{"input_tokens":5,"input_tokens_details":'
    b'{"cached_tokens":0},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":11}}}\n\n'
)
_MESSAGES = (
    b'data: {"type":"message_start","message":{"usage":'
    b'{"input_tokens":7,"cache_read_input_tokens":2,"output_tokens":1}}}\n\n'
    b'data: {"type":"message_delta","usage":{"output_tokens":31}}\n\n'
)
_GEMINI = (
    b'[{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1,'
    b'"promptTokensDetails":[{"modality":"TEXT","tokenCount":4}]}},'
    b'{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":8,"thoughtsTokenCount":2}}]'
)

TOLD = [
    (_CHAT, Tokens(7, 9)),
    (_RESPONSES, Tokens(5, 6)),
    (_MESSAGES, Tokens(9, 31)),
    (_GEMINI, Tokens(4, 10)),
    (b'data: {"usage":null}\n\ndata: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n', Tokens(1, 2)),
    # What the model itself wrote is text inside a text.
    (b'{"content":"\\"usage\\":{\\"prompt_tokens\\":99}"}', Tokens()),
    (b'{"usage":{"prompt_tokens":"many"}}', Tokens()),
    (b'{"usage":{"prompt_tokens":-4}}', Tokens()),
    (b'{"usage":{"prompt_tokens":1e99}}', Tokens()),
    (b'{"usage":{"prompt_tokens":99999999999999}}', Tokens()),
    (b'{"usages":{"prompt_tokens":3}}', Tokens()),
    (b'{"usage":{"prompt_tokens":3', Tokens()),
    (b"", Tokens()),
]


@pytest.mark.parametrize(("answer", "tokens"), TOLD)
def test_reads_what_each_surface_tells(answer: bytes, tokens: Tokens) -> None:
    meter = TokenMeter()
    meter.feed(answer)
    assert meter.tokens == tokens


@pytest.mark.parametrize(("answer", "tokens"), TOLD)
def test_reads_the_same_however_the_answer_is_cut(answer: bytes, tokens: Tokens) -> None:
    for size in (1, 2, 3, 7, 16):
        meter = TokenMeter()
        for start in range(0, len(answer), size):
            meter.feed(answer[start : start + size])
        assert meter.tokens == tokens, size


def test_remembers_no_more_of_an_answer_than_an_object_of_counts_is_long() -> None:
    meter = TokenMeter()
    for _ in range(100):
        meter.feed(b'"usage":{' + b"x" * 1000)
    meter.feed(b'} {"usage":{"prompt_tokens":3,"completion_tokens":0}}')
    assert meter.tokens == Tokens(3, 0)
    assert len(meter._tail) <= 4096


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_answer_makes_it_fail(first: bytes, second: bytes) -> None:
    meter = TokenMeter()
    meter.feed(first + b'"usage": {')
    meter.feed(second)
    assert meter.tokens.read >= 0
