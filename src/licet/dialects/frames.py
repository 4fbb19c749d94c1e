"""Keep an event stream on event boundaries, so that an error event can be put in between.

Source: WHATWG HTML, 9.2.5 "Parsing an event stream": a line ends with CR LF,
LF or CR, in any mixture, and an empty line ends the event.
"""

from licet.errors import InputError

_ENDINGS = (b"\n\n", b"\n\r\n")
# Two line ends in a row are one of these pairs; only CR LF is a pair that is one line end.
_CERTAIN, _AMBIGUOUS = b"\n\n", (b"\n\r", b"\r\r")
_LF = 0x0A
# How much of what was searched before must be searched again with the next chunk.
_OVERLAP = 2


class EventFramer:
    """Pass complete events on and hold the incomplete one back, up to a limit.

    Bytes are never changed: what comes out, with the tail, is what went in.
    """

    __slots__ = ("_held", "_limit")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = bytearray()

    @property
    def tail(self) -> bytes:
        """The beginning of an event that is held back."""
        return bytes(self._held)

    def feed(self, chunk: bytes) -> bytes:
        """Give the complete events there are now, perhaps none.

        Raises:
            InputError: an event does not end within the limit.
        """
        held = self._held
        if not held and chunk.endswith(_ENDINGS):
            return chunk
        searched = max(0, len(held) - _OVERLAP)
        held += chunk
        end = _last_boundary(held, searched)
        events = bytes(held[:end])
        del held[:end]
        if len(held) > self._limit:
            raise InputError(f"expected an event of at most `{self._limit}` bytes", code="event_too_large")
        return events

    def flush(self) -> bytes:
        """Give up what is held: the stream ended without ending its last event."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


def _last_boundary(text: bytearray, start: int) -> int:
    """Find where the last complete event ends; 0 if none does.

    Invariant: no boundary after `start` ends with a CR at the end of the text.
    An LF may still come, and would belong to the same line end.
    """
    found = text.rfind(_CERTAIN, start)
    last = found + len(_CERTAIN) if found >= 0 else 0
    for pair in _AMBIGUOUS:
        found = text.rfind(pair, start)
        if found + len(pair) == len(text):
            found = text.rfind(pair, start, found + 1)
        if found >= 0:
            end = found + len(pair)
            last = max(last, end + (text[end] == _LF))
    return last
