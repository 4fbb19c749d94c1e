"""The four answers, and the order in which one outweighs another."""

from enum import StrEnum


class Outcome(StrEnum):
    """What a request may be answered; the same words in API, records and case files."""

    PERMIT = "permit"
    NEEDS_EVIDENCE = "needs_evidence"
    LICENSE_REQUIRED = "license_required"
    DENY = "deny"

    @property
    def weight(self) -> int:
        """Precedence: the heaviest verdict is the answer."""
        return _WEIGHTS[self]


_WEIGHTS = {Outcome.PERMIT: 0, Outcome.NEEDS_EVIDENCE: 1, Outcome.LICENSE_REQUIRED: 2, Outcome.DENY: 3}


class Disclosure(StrEnum):
    """Who may read a ground.

    A ground that would tip someone off is counsel's alone.
    """

    PUBLIC = "public"
    CUSTOMER = "customer"
    COUNSEL = "counsel"


class Coverage(StrEnum):
    """Whether an authorization covers a recipient; unknown where a fact is missing."""

    NONE = "none"
    COVERED = "covered"
    UNKNOWN = "unknown"


class Truth(StrEnum):
    """Yes, no, or our ignorance."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def truth(*, known: bool | None) -> Truth:
    """A boolean as a fact; None is ignorance."""
    if known is None:
        return Truth.UNKNOWN
    return Truth.YES if known else Truth.NO
