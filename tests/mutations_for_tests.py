"""Evidence that was altered: bytes replaced, cut out, put in, or parts of it exchanged."""

from hypothesis import strategies as st


@st.composite
def altered(draw, whole: bytes, others: tuple[bytes, ...] = ()) -> bytes:
    """A text near `whole`; `others` are valid texts from which pieces may come."""
    text = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(text) - 1, 0)))
        match draw(st.sampled_from(("replace", "cut", "insert", "twice", "part"))):
            case "replace" if text:
                text[at] = draw(st.integers(0, 255))
            case "cut":
                del text[at : at + draw(st.integers(1, 40))]
            case "insert":
                text[at:at] = draw(st.binary(min_size=1, max_size=40))
            case "twice":
                text[at:at] = text[at : at + draw(st.integers(1, 40))]
            case "part" if others:
                ours, theirs = bytes(text).split(b"."), draw(st.sampled_from(others)).split(b".")
                number = draw(st.integers(0, 2))
                if number < len(ours):
                    ours[number] = theirs[number]
                    text = bytearray(b".".join(ours))
            case _:
                continue
    return bytes(text)
