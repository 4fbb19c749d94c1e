"""Where keys are found, and that none stays in the query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.dialects import Credential, find_credential, strip_key_from_query
from licet.errors import InputError

BEARER = (b"authorization", b"Bearer lk_a_b")
X_API, X_GOOG = (b"x-api-key", b"lk_a_b"), (b"x-goog-api-key", b"lk_a_b")

FOUND = [
    ([], b"", None),
    ([(b"accept", b"*/*")], b"alt=sse", None),
    ([BEARER], b"", "lk_a_b"),
    ([(b"authorization", b"bearer lk_a_b")], b"", "lk_a_b"),
    ([(b"authorization", b"  BEARER   lk_a_b ")], b"", "lk_a_b"),
    ([X_API], b"", "lk_a_b"),
    ([X_GOOG], b"", "lk_a_b"),
    ([], b"key=lk_a_b", "lk_a_b"),
    ([], b"alt=sse&key=lk_a_b&x=1", "lk_a_b"),
    ([], b"%6B%65y=lk%5Fa_b", "lk_a_b"),
    ([], b"key=a+b", "a b"),
    # The same key twice is one caller.
    ([BEARER, X_API, X_GOOG], b"key=lk_a_b", "lk_a_b"),
    # No key is no key.
    ([(b"authorization", b"Bearer")], b"", None),
    ([(b"authorization", b"Bearer ")], b"", None),
    ([(b"authorization", b"Basic bGtfYV9i")], b"", None),
    ([(b"authorization", b"Bearerlk_a_b")], b"", None),
    ([(b"x-api-key", b"")], b"", None),
    ([], b"key=&key", None),
    ([], b"keys=a&Key=b&akey=c", None),
    ([(b"x-api-key", b""), X_GOOG], b"key=", "lk_a_b"),
    ([(b"x-api-key", b"\xff")], b"", "\xff"),
]

PROVED = [
    (b"DPoP a.b.c", "a.b.c"),
    (b"dpop a.b.c", "a.b.c"),
    (b"DPOP   a.b.c ", "a.b.c"),
]

AMBIGUOUS = [
    # The same token under two schemes is used in two ways.
    ([(b"authorization", b"DPoP a.b.c"), (b"authorization", b"Bearer a.b.c")], b""),
    ([(b"authorization", b"DPoP a.b.c"), (b"x-api-key", b"a.b.c")], b""),
    ([(b"authorization", b"DPoP a.b.c")], b"key=lk_a_b"),
    ([BEARER, (b"x-api-key", b"lk_a_c")], b""),
    ([BEARER, (b"authorization", b"Bearer lk_a_c")], b""),
    ([X_API, (b"x-api-key", b"LK_A_B")], b""),
    ([X_GOOG], b"key=lk_a_c"),
    ([], b"key=a&key=b"),
    ([], b"key=a&%6bey=b"),
]

STRIPPED = [
    (b"", b""),
    (b"key=s", b""),
    (b"key=s&alt=sse", b"alt=sse"),
    (b"alt=sse&key=s", b"alt=sse"),
    (b"a=1&key=s&b=%20+&&c", b"a=1&b=%20+&&c"),
    (b"%6bey=s&k%65y=t&key", b""),
    (b"keys=1&akey=2&Key=3&x=key", b"keys=1&akey=2&Key=3&x=key"),
    (b"a=%zz&b=\xff", b"a=%zz&b=\xff"),
]


@pytest.mark.parametrize(("headers", "query", "expected"), FOUND)
def test_found(headers, query, expected):
    assert find_credential(headers, query) == (None if expected is None else Credential(expected))


@pytest.mark.parametrize(("value", "expected"), PROVED)
def test_found_under_the_scheme_of_a_proof(value, expected):
    assert find_credential([(b"authorization", value)], b"") == Credential(expected, proved=True)


@pytest.mark.parametrize(("headers", "query"), AMBIGUOUS)
def test_two_keys_are_two_callers(headers, query):
    with pytest.raises(InputError, match="one API key") as caught:
        find_credential(headers, query)
    assert caught.value.code == "ambiguous_credentials"


@pytest.mark.parametrize(("query", "expected"), STRIPPED)
def test_stripped(query, expected):
    assert strip_key_from_query(query) == expected


@given(st.lists(st.sampled_from([b"key=s", b"a=1", b"%6Bey=t", b"", b"key", b"k=key", b"b=%4"])))
def test_what_is_left_of_a_query_has_no_key_and_lost_nothing_else(members):
    rest = strip_key_from_query(b"&".join(members))
    assert find_credential([], rest) is None
    assert strip_key_from_query(rest) == rest
    kept = [member for member in members if member not in {b"key=s", b"%6Bey=t", b"key"}]
    assert rest == b"&".join(kept)
