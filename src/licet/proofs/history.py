"""How many recorded decisions a difference would touch, as far as what was recorded allows to say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from licet.proofs.diff import DifferenceKind, DiffReport, Recorded, recorded_shape
from licet.terms import Outcome


@dataclass(frozen=True, slots=True)
class Touched:
    """Recorded decisions, by what the second policy would have answered.

    Attributes:
        by_kind: Those that every canonical request of the same facts says would be
            answered differently in this way.
        same: Those that would be answered as they were.
        unknown: Those whose recorded facts fit requests of which some are answered
            differently and some are not, or fit none.
    """

    by_kind: Mapping[DifferenceKind, int]
    same: int
    unknown: int

    def as_value(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        return {
            **{kind.value: count for kind, count in self.by_kind.items()},
            "same": self.same,
            "unknown": self.unknown,
        }


def touched(report: DiffReport, decisions: Iterable[Mapping[str, Any] | None]) -> Touched:
    """Count recorded decisions by the difference they would meet.

    A record holds facts, not evidence. Where the same facts may stand for requests
    that the second policy tells apart, the decision is counted as unknown, never guessed.

    Args:
        report: The difference.
        decisions: The bodies of records of decisions; None where one cannot be read.
    """
    named = {item for item, _, _ in report.shapes}
    by_kind, same, unknown = dict.fromkeys(DifferenceKind, 0), 0, 0
    for body in decisions:
        item = None if body is None else body.get("item")
        if body is None or item is None:
            # A list of models, and a name that means no item, are about none.
            unknown += body is None
            continue
        # An item that was not asked about is one whose answers cannot differ.
        shape = _shape(body)
        if item not in named:
            kinds: frozenset[DifferenceKind | None] | None = frozenset({None})
        else:
            kinds = None if shape is None else report.shapes.get((item, *shape))
        if kinds is None or len(kinds) != 1:
            unknown += 1
            continue
        (kind,) = kinds
        if kind is None:
            same += 1
        else:
            by_kind[kind] += 1
    return Touched(by_kind, same, unknown)


def _shape(body: Mapping[str, Any]) -> tuple[Outcome, Recorded] | None:
    try:
        outcome = Outcome(body["outcome"])
        shape = recorded_shape((x["requirement"], x["record"], x["facts"]) for x in body.get("requirements") or ())
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return outcome, shape
