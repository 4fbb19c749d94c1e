"""What an officer is told of somebody's evidence."""

from decisions_for_tests import AT, FOREIGN, HOUR, NOT_FOREIGN, asks, snapshot, standing
from directives_for_tests import directive
from licet.control.explanation import explanation
from licet.parties import Citizenship, UnrecognizedNationality, Withdrawal

GROUP = directive(persons={"nationals_of_groups": ["D:5"]})


def told(text, *standings):
    return explanation(asks(), snapshot(text, standings=standings), AT)


def test_a_code_that_is_no_country_is_shown_and_permits_nothing():
    found = told(GROUP, standing("p1", FOREIGN, Citizenship("FR"), UnrecognizedNationality("ZZZ")))
    assert (found["outcome"], found["unrecognized_nationalities"]) == ("needs_evidence", ["ZZZ"])
    assert told(GROUP, standing("p1", FOREIGN, Citizenship("FR")))["unrecognized_nationalities"] == []


def test_somebody_is_explained_with_the_key_that_has_proved_their_evidence():
    assert told(directive(), standing("p1", NOT_FOREIGN, keys=("k7",)))["outcome"] == "permit"
    gone = {"withdrawn_at": AT - HOUR, "withdrawal": Withdrawal.BY_PERSON}
    assert told(directive(), standing("p1", NOT_FOREIGN, keys=("k7",), **gone))["outcome"] == "needs_evidence"
