"""Which readings only narrow: the table, held against a comparison of policies, and its near misses."""

from itertools import pairwise

import pytest

from decisions_for_tests import AT
from directives_for_tests import directive
from licet.control.mandates import Effect
from licet.control.readings import _FROM_THE_LOOSEST, effect_of_setting
from licet.directives import READINGS, Parameters
from licet.proofs import diff
from proofs_for_tests import D5, EXEMPT, policy

PAIRS = [(name, *pair) for name, order in _FROM_THE_LOOSEST.items() for pair in pairwise(order)]
ORDERS = (
    directive(),
    directive(id="DIR-2", persons=D5, exemptions=[EXEMPT]),
    directive(id="DIR-3", items=[{"id": "mythos-5", "basis": "x"}], acts=["release"]),
    directive(id="DIR-4", items=[{"id": "mythos-5", "basis": "x"}], form="oral"),
)


@pytest.mark.parametrize(("name", "loose", "strict"), PAIRS)
def test_a_value_that_the_table_calls_stricter_permits_nothing_more(name, loose, strict):
    """Over every canonical request to a policy of several orders, and to one of none."""
    for orders in (ORDERS, ()):
        report = diff(policy(*orders, **{name: loose}), policy(*orders, **{name: strict}), AT)
        assert report.only_narrows, [example.words for one in report.differences for example in one.examples]


@pytest.mark.parametrize(("name", "loose", "strict"), PAIRS)
def test_the_way_back_loosens(name, loose, strict):
    assert effect_of_setting(name, loose, strict) is Effect.TIGHTENS
    assert effect_of_setting(name, strict, loose) is Effect.LOOSENS
    assert effect_of_setting(name, strict, strict) is Effect.TIGHTENS


def test_the_table_names_every_value_of_each_reading():
    for name, order in _FROM_THE_LOOSEST.items():
        assert set(order) == set(READINGS[name].values), name


@pytest.mark.parametrize("name", sorted(set(READINGS) - set(_FROM_THE_LOOSEST) - {"policy_max_age_s", "min_binding"}))
def test_what_is_not_in_the_table_loosens_whichever_way(name):
    values = READINGS[name].values
    default = getattr(Parameters(), name)
    others = (
        [x for x in values if x != default] if isinstance(values, tuple) else ["0.05" if "." in str(default) else 7]
    )
    assert {effect_of_setting(name, default, other) for other in others} == {Effect.LOOSENS}
    assert {effect_of_setting(name, other, default) for other in others} == {Effect.LOOSENS}


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("bearer", "dpop", Effect.TIGHTENS),
        ("dpop", "bearer", Effect.LOOSENS),
        ("bearer", "bearer,fable-5=mtls", Effect.TIGHTENS),
        ("bearer,fable-5=mtls", "bearer", Effect.LOOSENS),
        # Firmer for all but one, which was firmer still.
        ("bearer,fable-5=mtls", "dpop", Effect.LOOSENS),
        ("bearer,fable-5=mtls", "mtls", Effect.TIGHTENS),
        ("dpop", "mtls,fable-5=bearer", Effect.LOOSENS),
        ("dpop", "mtls,fable-5=dpop", Effect.TIGHTENS),
    ],
)
def test_bindings_are_compared_item_by_item(before, after, effect):
    assert effect_of_setting("min_binding", before, after) is effect


@pytest.mark.parametrize(("before", "after", "effect"), [(60, 59, Effect.TIGHTENS), (60, 61, Effect.LOOSENS)])
def test_a_policy_that_stays_fresh_for_longer_is_looser(before, after, effect):
    assert effect_of_setting("policy_max_age_s", before, after) is effect
