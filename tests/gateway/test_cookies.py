"""Browsers send the cookie of the caller's page to every path; no upstream gets it."""

import pytest

from licet.gateway.proxy import _others


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        (b"", b""),
        (b"licet-enroll=x", b""),
        (b"__Host-licet-enroll=x", b""),
        (b"a=1; licet-enroll=x; b=2", b"a=1; b=2"),
        (b"a=1;__Host-licet-enroll=x;b=2", b"a=1; b=2"),
        (b" licet-enroll=x ;a", b"a"),
        (b"a=licet-enroll=x", b"a=licet-enroll=x"),
        (b"not-licet-enroll=x", b"not-licet-enroll=x"),
        (b"a=\xff", b"a=\xff"),
    ],
)
def test_which_cookies_go_on(sent, passed_on):
    assert _others(sent) == passed_on
