"""Answers that still hold: each is decided once a lease.

A decision depends on the request, the policy, the rows and the instant alone, and
is the same from its instant to just before its `until`. So until the lease ends or
a row that it may rest on changes, it needs no second look.
"""

from datetime import datetime
from typing import NamedTuple

from licet.decisions import Decision, Request, Snapshot, decide
from licet.directives import Policy
from licet.fleet.changed import Changed

MOST = 200_000
"""How many answers are remembered; with one more all are forgotten, and decided again as they are asked."""


class _Answer(NamedTuple):
    policy: Policy
    at: datetime
    decision: Decision


class Remembered:
    """`decide`, with a memory that `forget` empties of what a change may bear on."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._answers: dict[str | None, dict[Request, _Answer]] = {}
        self._count = 0
        self._sequence = 0

    def __len__(self) -> int:
        """How many answers are remembered."""
        return self._count

    def decide(self, request: Request, snapshot: Snapshot, at: datetime) -> Decision:
        """The same as `decide` answers.

        A snapshot that is not current is never answered from memory, and one whose
        changes nobody told of empties it.

        Raises:
            NaiveInstantError: `at` has no UTC offset.
        """
        if not snapshot.current:
            return decide(request, snapshot, at)
        if snapshot.sequence != self._sequence:
            self.forget(Changed(everything=True), snapshot.sequence)
        caller = request.caller
        answers = self._answers.get(caller.party or caller.organization)
        known = answers.get(request) if answers else None
        if known and known.policy is snapshot.policy and known.at <= at < known.decision.until:
            return known.decision
        decision = decide(request, snapshot, at)
        self._remember(request, _Answer(snapshot.policy, at, decision))
        return decision

    def forget(self, changed: Changed, sequence: int) -> None:
        """Forget what a change may bear on; `sequence` is that of the rows as they now are.

        Whose answer an organization or an item bears on is not kept, so a change of
        one forgets everything.
        """
        self._sequence = sequence
        if changed.everything or changed.organizations or changed.items:
            self._answers.clear()
            self._count = 0
        for party in changed.parties:
            self._count -= len(self._answers.pop(party, ()))

    def _remember(self, request: Request, answer: _Answer) -> None:
        if self._count >= self._most:
            self._answers.clear()
            self._count = 0
        owner = request.caller.party or request.caller.organization
        answers = self._answers.setdefault(owner, {})
        self._count += request not in answers
        answers[request] = answer
