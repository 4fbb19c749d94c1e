"""An act of administration as a value: what is done, by whom, to what effect, and who has agreed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from licet.control.mandates import Effect, takes_two
from licet.errors import ConflictError
from licet.records import RecordKind
from licet.stores import PendingAct, Transaction
from licet.terms import RecordId, digest

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Approval:
    """The second person's word, on an act that was proposed."""

    pending: str
    by: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why a policy is brought into force though its proof fails.

    `failing` is the digest of what fails, once it was looked at: nothing else is waived.
    """

    reason: str
    failing: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What is done, by whom, and to what effect.

    Attributes:
        details: Go into the record as they are: ids, instants and digests, no secrets
            and nothing personal. They say what the act would mean to the state as it
            stands, so that one that was proposed can be seen to mean something else now.
        in_log: Whether the log itself carries the act out when it takes the record.
    """

    name: str
    by: str
    details: Mapping[str, Any]
    effect: Effect = Effect.NEUTRAL
    kind: RecordKind = RecordKind.ADMINISTRATIVE
    approval: Approval | None = None
    waiver: Waiver | None = None
    in_log: bool = False

    @property
    def takes_two(self) -> bool:
        """Whether two persons must agree to it."""
        return self.waiver is not None or takes_two(self.name, self.effect)

    @property
    def meaning(self) -> dict[str, Any]:
        """What would be done, as JSON: what a second person agrees to."""
        waived = {} if self.waiver is None else {"despite_proof": [self.waiver.reason, self.waiver.failing]}
        meaning: dict[str, Any] = json.loads(json.dumps({**self.details, **waived, "effect": self.effect.value}))
        return meaning


@dataclass(frozen=True, slots=True)
class Intent(Generic[Result]):
    """An act and how it changes the store.

    Attributes:
        change: Makes the change within a transaction; raising undoes it.
        policy: Whether the policy bundle's content changes.
        long: Whether the change takes so long that it is made beside the event loop.
        arguments: All that is needed to come to the same intent again.
    """

    act: Act
    change: Callable[[Transaction, datetime], Result]
    policy: bool = False
    long: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """An act that took effect, and where it is recorded.

    `loosened_by_one_person` is None where that cannot happen. `silent_workers` had not
    said yet that they decide by it.
    """

    result: Result
    record: RecordId
    loosened_by_one_person: bool | None = None
    approved_by: str | None = None
    silent_workers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """An act that has not taken effect: a second person must approve it."""

    pending: PendingAct
    record: RecordId


def require_same(what: str, expected: object, found: object) -> None:
    """Refuse an act whose ground has moved since it was looked at: its effect was judged, and agreed to, on that.

    Raises:
        ConflictError: it has.
    """
    if expected != found:
        raise ConflictError(f"{what} has changed since; look again", code="overtaken")


def digest_of(act: str, arguments: Mapping[str, Any], meaning: Mapping[str, Any], proposed_by: str) -> str:
    """What identifies a proposed act: it is approved as it was proposed, or not at all."""
    return digest({"act": act, "arguments": arguments, "meaning": meaning, "proposed_by": proposed_by})
