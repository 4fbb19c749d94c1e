"""What a requested model is in law: itself, a copy, a derivative, a router, or unknown.

A quantized copy is the same item. Whether a fine-tune or a distilled model follows
its base is counsel's parameter.
"""

from decimal import Decimal
from enum import StrEnum

from licet.terms import Value


class Kinship(StrEnum):
    """How a name relates to the item it stands for."""

    SAME = "same"
    QUANTIZED = "quantized"
    FINE_TUNE = "fine_tune"
    DISTILLED = "distilled"
    ADAPTER = "adapter"
    ROUTER = "router"
    UNKNOWN = "unknown"


class Model(Value, frozen=True):
    """A model as a rule sees it.

    Attributes:
        names: Its id and what that resolves to.
        base: What it was made from.
        distilled_share: The share of its training that came from its base.
        candidates: For a router, what it may choose.
        published: It is published (15 CFR 734.7) and not subject to the EAR.
        advanced: Trained with 10^26 operations or more (ECCN 4E091); None if unknown.
    """

    names: frozenset[str]
    kinship: Kinship = Kinship.SAME
    base: str | None = None
    distilled_share: Decimal | None = None
    candidates: tuple[str, ...] = ()
    published: bool = False
    advanced: bool | None = False

    def surely(self, *, conservative: bool, share_limit: Decimal) -> frozenset[str]:
        """The names under which a rule surely reaches it."""
        follows = self.kinship is Kinship.QUANTIZED or (
            conservative
            and (
                self.kinship is Kinship.FINE_TUNE
                or (
                    self.kinship is Kinship.DISTILLED
                    and self.distilled_share is not None
                    and self.distilled_share > share_limit
                )
            )
        )
        return self.names | {self.base} if follows and self.base else self.names

    def perhaps(self, *, conservative: bool) -> frozenset[str]:
        """The names under which a rule reaches it if it is classified so."""
        unclear = self.kinship is Kinship.ADAPTER or (
            self.kinship is Kinship.DISTILLED and self.distilled_share is None
        )
        return frozenset({self.base}) if conservative and unclear and self.base else frozenset()
