"""Keep a streamed JSON array on the boundaries of its elements, so that an error can be its last.

Gemini streams an array where nobody asks for events (`alt=sse`): the elements come
one by one, and the closing bracket last.
"""

import re

from licet.errors import InputError

_STRUCTURE = re.compile(rb'["\[\]{}]')
_IN_A_STRING = re.compile(rb'["\\]')
_OPENING, _QUOTE, _BACKSLASH = b"[{", b'"', b"\\"


class ArrayFramer:
    """Pass complete elements on and hold the incomplete one back, up to a limit.

    Bytes are never changed. What is no array passes as it comes, and cannot be ended
    early.
    """

    __slots__ = ("_depth", "_held", "_in_string", "_is_array", "_limit", "_passed", "_scanned")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = bytearray()
        self._scanned = 0
        self._depth = 0
        self._in_string = False
        self._is_array: bool | None = None
        self._passed = False

    def feed(self, chunk: bytes) -> bytes:
        """Give the complete elements there are now, with what lies between them; perhaps nothing.

        Raises:
            InputError: an element does not end within the limit.
        """
        self._held += chunk
        if self._is_array is None and (start := self._held.lstrip()):
            self._is_array = start.startswith(b"[")
        boundary = self._boundary() if self._is_array else len(self._held)
        elements = bytes(self._held[:boundary])
        del self._held[:boundary]
        self._scanned -= boundary
        self._passed = self._passed or bool(elements)
        if len(self._held) > self._limit:
            raise InputError(f"expected an element of at most `{self._limit}` bytes", code="event_too_large")
        return elements

    def flush(self) -> bytes:
        """Give up what is held: the array ended without its closing bracket."""
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def closing(self, element: bytes) -> bytes | None:
        """What makes `element` the last one of a whole array; None where there is no array, or it is over."""
        is_over = self._passed and self._depth == 0
        if self._is_array is False or is_over:
            return None
        return (b",\r\n" if self._passed else b"[") + element + b"]"

    def _boundary(self) -> int:
        """Where the last complete element ends; the end of the text once the array is over."""
        boundary, place = 0, max(self._scanned, 0)
        while found := (_IN_A_STRING if self._in_string else _STRUCTURE).search(self._held, place):
            place, mark = found.end(), found[0]
            if mark == _BACKSLASH:
                # What is escaped may come with the next chunk; then the backslash is met again.
                if place == len(self._held):
                    self._scanned = place - 1
                    return boundary
                place += 1
            elif mark == _QUOTE:
                self._in_string = not self._in_string
            elif mark in _OPENING:
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth <= 1:
                    boundary = place
        self._scanned = len(self._held)
        return len(self._held) if self._depth == 0 else boundary
