"""What an officer asks: who would call, how, and from where."""

import pytest

from licet.control.bodies import Question
from licet.errors import InputError


def test_a_question_says_how_the_caller_would_call_and_from_where():
    caller = Question(model="m", party="p1", binding="mtls", place="FR").to_request().caller
    assert (caller.party, caller.binding, caller.place) == ("p1", "mtls", "FR")
    plain = Question(model="m", party="p1").to_request().caller
    assert (plain.binding, plain.place) == ("bearer", None)


@pytest.mark.parametrize(
    ("more", "code"),
    [({"binding": "Bearer"}, "bad_binding"), ({"place": "ZZ"}, "bad_country"), ({"place": ""}, "bad_country")],
)
def test_a_question_about_what_is_no_binding_and_no_country_is_refused(more, code):
    with pytest.raises(InputError) as caught:
        Question(model="m", party="p1", **more).to_request()
    assert caught.value.code == code
