from decimal import Decimal

import pytest

from licet.items import Kinship, Model

OWN, BOTH = frozenset({"x"}), frozenset({"x", "base"})
LIMIT = Decimal("0.10")


def model(kinship, base="base", share=None):
    return Model(OWN, kinship, base, None if share is None else Decimal(share))


@pytest.mark.parametrize(
    ("made", "conservative", "surely", "perhaps"),
    [
        (model(Kinship.SAME), True, OWN, frozenset()),
        # A quantized copy is the same item under either reading.
        (model(Kinship.QUANTIZED), True, BOTH, frozenset()),
        (model(Kinship.QUANTIZED), False, BOTH, frozenset()),
        (model(Kinship.QUANTIZED, None), True, OWN, frozenset()),
        (model(Kinship.FINE_TUNE), True, BOTH, frozenset()),
        (model(Kinship.FINE_TUNE), False, OWN, frozenset()),
        # The share must exceed the limit.
        (model(Kinship.DISTILLED, share="0.11"), True, BOTH, frozenset()),
        (model(Kinship.DISTILLED, share="0.10"), True, OWN, frozenset()),
        (model(Kinship.DISTILLED, share="0.11"), False, OWN, frozenset()),
        (model(Kinship.DISTILLED), True, OWN, {"base"}),
        (model(Kinship.DISTILLED), False, OWN, frozenset()),
        (model(Kinship.ADAPTER), True, OWN, {"base"}),
        (model(Kinship.ADAPTER), False, OWN, frozenset()),
        (model(Kinship.ADAPTER, None), True, OWN, frozenset()),
    ],
)
def test_under_which_names_a_rule_reaches_a_model(made, conservative, surely, perhaps):
    assert made.surely(conservative=conservative, share_limit=LIMIT) == surely
    assert made.perhaps(conservative=conservative) == perhaps
