"""Read how many tokens an upstream says an answer took, from whatever part of it passes by.

The count is for counting alone: nothing is decided on it, an answer that tells none
counts as none, and nothing else of the answer is looked at or kept.
"""

import re

import msgspec

from licet.terms import Value

_MARK = b'"usage'
_USAGE = re.compile(rb'(?<!\\)"usage(?:Metadata)?"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')
# No provider's object of counts comes near it; what is longer is not waited for.
_LONGEST = 4096
_MOST = 1 << 40


class Tokens(Value, frozen=True):
    """Tokens that were read and written, as the upstream counts them."""

    read: int = 0
    written: int = 0


class _Usage(msgspec.Struct, frozen=True, rename="camel"):
    """The members that the three surfaces use, of which each sends its own."""

    prompt_tokens: int = msgspec.field(default=0, name="prompt_tokens")
    completion_tokens: int = msgspec.field(default=0, name="completion_tokens")
    input_tokens: int = msgspec.field(default=0, name="input_tokens")
    output_tokens: int = msgspec.field(default=0, name="output_tokens")
    cache_creation: int | None = msgspec.field(default=0, name="cache_creation_input_tokens")
    cache_read: int | None = msgspec.field(default=0, name="cache_read_input_tokens")
    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0

    def tokens(self) -> Tokens:
        kept = (self.cache_creation or 0) + (self.cache_read or 0)
        return Tokens(
            self.prompt_tokens + self.input_tokens + kept + self.prompt_token_count,
            self.completion_tokens + self.output_tokens + self.candidates_token_count + self.thoughts_token_count,
        )


_NONE = Tokens()
_DECODER = msgspec.json.Decoder(_Usage)


class TokenMeter:
    """What one answer took.

    A stream tells its counts more than once, each time up to there, so the largest
    stands.

    Attributes:
        tokens: What was told so far.
    """

    __slots__ = ("_tail", "tokens")

    def __init__(self) -> None:
        self.tokens = _NONE
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the answer; an object may begin in one chunk and end in another."""
        text = self._tail + chunk if self._tail else chunk
        begun = text.find(_MARK)
        if begun < 0:
            self._tail = text[-len(_MARK) :]
            return
        end = 0
        for found in _USAGE.finditer(text, begun):
            end = found.end()
            self._take(found[1])
        begun = text.rfind(_MARK, end)
        rest = text[begun:] if begun >= 0 else text[-len(_MARK) :]
        self._tail = rest if len(rest) <= _LONGEST else b""

    def _take(self, usage: bytes) -> None:
        try:
            told = _DECODER.decode(usage).tokens()
        except msgspec.DecodeError:
            return  # counts of another form are no counts of ours
        if not (0 <= told.read <= _MOST and 0 <= told.written <= _MOST):
            return
        before = self.tokens
        self.tokens = (
            told if before is _NONE else Tokens(max(before.read, told.read), max(before.written, told.written))
        )
