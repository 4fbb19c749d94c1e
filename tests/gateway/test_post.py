"""A decision that is remembered is written as if it were written for the first time."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from decisions_for_tests import AT, P1, asks, snapshot
from licet.decisions import decide
from licet.gateway.post import _MOST_FORMS, Post
from licet.records import RecordKind


class Kept:
    """A log that keeps what it is given."""

    def post(self, record):
        self.record = record


@pytest.mark.parametrize("model", ["fable-5", "nothing-of-that-name"])
def test_whoever_asks_again_on_the_same_grounds_is_written_down_as_anew(model):
    rows, request = snapshot(), asks(P1, model)
    decision = decide(request, rows, AT)
    post = Post(Kept(), "g")
    for seconds in (0, 0, 1, 3600):
        at = AT + timedelta(seconds=seconds)
        again, anew = (each.decision(decision, request, rows, at) for each in (post, Post(Kept(), "g")))
        assert again.id != anew.id
        assert (again.at, again.kind, again.body) == (at, RecordKind.DECISION, anew.body)
        assert again.to_bytes().replace(again.id.encode(), b"") == anew.to_bytes().replace(anew.id.encode(), b"")


def test_what_another_asked_or_other_rows_say_is_not_mixed_up():
    rows, request = snapshot(), asks()
    decision = decide(request, rows, AT)
    post = Post(Kept(), "g")
    first = post.decision(decision, request, rows, AT).body
    other_key = msgspec.structs.replace(request, caller=msgspec.structs.replace(P1, key="K-other"))
    other_rows = replace(rows, sequence=9)
    assert post.decision(decision, other_key, rows, AT).body == {**first, "key": "K-other"}
    assert post.decision(decision, request, rows, AT).body == first
    assert post.decision(decision, request, other_rows, AT).body["policy"]["feed"] == 9
    assert post.decision(decision, request, rows, AT, continues="D1").body == {**first, "continues": "D1"}
    assert post.decision(decision, request, rows, AT).body == first


def test_how_many_are_remembered_is_bounded():
    rows, request = snapshot(), asks()
    post = Post(Kept(), "g")
    decision = decide(request, rows, AT)
    for _ in range(_MOST_FORMS + 2):
        post.decision(msgspec.structs.replace(decision), request, rows, AT)
    assert 0 < len(post._forms._known) <= _MOST_FORMS
