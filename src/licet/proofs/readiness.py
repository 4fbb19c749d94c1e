"""How much use could be kept under a letter, and how much is back after one.

Use is counted by who, not by key, and weighed in requests, callers and tokens. Each
user is asked about as they stand: whom evidence settles is kept or barred, and whom
nothing settles would have to show something first. Of those nobody knows whether
their use is lawful, so they count as lawful use that is not back: the share that is
told is the least that it can be.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from licet.decisions import Code, Permit, Snapshot, Use, User, decide, usable_rule
from licet.directives import AllForeignPersons, Directive, DirectiveStatus, DraftDirective, Form, with_draft
from licet.parties import (
    Declared,
    PersonStatus,
    establish_organization,
    establish_status,
    usable_standings,
)
from licet.terms import Act, DirectiveId, Disclosure, ItemId, Outcome

MEASURES = ("requests", "callers", "tokens")
"""What use is weighed in."""

_LETTER = DirectiveId("a-letter")


class Fate(StrEnum):
    """What becomes of use."""

    KEPT = "kept"
    TO_SHOW = "to_show"
    BARRED = "barred"
    STOPPED = "stopped"


class Shown(StrEnum):
    """What evidence there is about a user now."""

    NOT_FOREIGN = "shown_not_foreign"
    FOREIGN = "shown_foreign"
    UNSETTLED = "shown_unsettled"
    LAPSED = "lapsed"
    NOTHING = "nothing_shown"
    ORGANIZATION = "organization_checked"
    UNCHECKED_ORGANIZATION = "organization_not_checked"


@dataclass(slots=True)
class Weight:
    """Some of the use, in each of the measures."""

    requests: int = 0
    tokens: int = 0
    users: set[User] = field(default_factory=set)

    def add(self, use: Use) -> None:
        """Count it."""
        self.requests += use.requests
        self.tokens += use.tokens
        self.users.add(use.user)

    def as_value(self) -> dict[str, int]:
        """As JSON, by measure."""
        return {"requests": self.requests, "callers": len(self.users), "tokens": self.tokens}


class Fates:
    """How use divides: into what becomes of it."""

    def __init__(self) -> None:
        self._all = Weight()
        self._by = {fate: Weight() for fate in Fate}

    def add(self, use: Use, fate: Fate) -> None:
        """Count it."""
        self._all.add(use)
        self._by[fate].add(use)

    def as_value(self) -> dict[str, Any]:
        """As JSON: every fate by measure, and the least share of lawful use that is kept.

        A caller of several items may have more than one fate and counts under each,
        so that fates of callers may add up to more than there are.
        """
        told = {fate.value: weight.as_value() for fate, weight in self._by.items()}
        return {"all": self._all.as_value(), **told, "lawful_share": {name: _share(told, name) for name in MEASURES}}


def _share(told: Mapping[str, Mapping[str, int]], measure: str) -> float | None:
    """Kept, of what is not known to be barred; None where there is nothing to keep."""
    kept = told[Fate.KEPT][measure]
    lawful = kept + told[Fate.TO_SHOW][measure] + told[Fate.STOPPED][measure]
    return round(kept / lawful, 6) if lawful else None


def fate_of(use: Use, snapshot: Snapshot, at: datetime) -> Fate:
    """What becomes of use as things stand at an instant."""
    decision = decide(use.user.asks(use.item), snapshot, at)
    if isinstance(decision, Permit):
        return Fate.KEPT
    if decision.code in (Code.ITEM_STOPPED, Code.POLICY_STALE):
        return Fate.STOPPED
    return Fate.TO_SHOW if decision.outcome is Outcome.NEEDS_EVIDENCE else Fate.BARRED


def shown_of(user: User, snapshot: Snapshot, at: datetime) -> Shown:
    """What evidence there is about a user."""
    if user.party is None:
        organization = None if user.organization is None else snapshot.organizations.get(user.organization)
        settled = (
            organization is not None
            and establish_organization(organization, snapshot.policy.parameters.us_registered_is_us)
            is not PersonStatus.UNKNOWN
        )
        return Shown.ORGANIZATION if settled else Shown.UNCHECKED_ORGANIZATION
    standings = snapshot.standings.get(user.party, ())
    parameters = snapshot.policy.parameters
    usable = usable_standings(standings, usable_rule(parameters), at)
    if not usable:
        return Shown.LAPSED if standings else Shown.NOTHING
    word = parameters.accept_foreign_word_for_us_citizenship
    status = establish_status(usable, Declared.NOTHING, any_citizenship=False, accept_foreign_word=word)
    return {
        PersonStatus.FOREIGN: Shown.FOREIGN,
        PersonStatus.NOT_FOREIGN: Shown.NOT_FOREIGN,
        PersonStatus.UNKNOWN: Shown.UNSETTLED,
    }[status]


def under_letter(snapshot: Snapshot, items: Iterable[ItemId], at: datetime) -> Snapshot:
    """The same rows as if a letter came now: no item of these to any foreign person without a license.

    The shape is that of the letter of June 2026 as reported, the widest known.

    Raises:
        LicetError: the policy would not compile.
    """
    letter = Directive(
        id=_LETTER,
        issuer="a letter that may come",
        authority=("15 CFR 744.22(b)",),
        form=Form.WRITTEN,
        status=DirectiveStatus.CONFIRMED,
        acts=frozenset({Act.EXPORT, Act.REEXPORT, Act.TRANSFER_IN_COUNTRY, Act.RELEASE}),
        items=tuple(sorted(items)),
        persons=AllForeignPersons(),
        exemptions=(),
        received_at=at,
        effective_at=at,
        comply_by=None,
        appeal_by=None,
        lifted_at=None,
        superseded_by=None,
        relations=(),
        disclosure=Disclosure.PUBLIC,
        public_text=None,
    )
    return replace(snapshot, policy=with_draft(snapshot.policy, DraftDirective(letter), at))


def tell_readiness(uses: Iterable[Use], snapshot: Snapshot, at: datetime) -> dict[str, Any]:
    """How use divides at an instant, as JSON: in all, by item, and by the evidence there is."""
    whole, by_item, by_shown = Fates(), dict[ItemId, Fates](), dict[Shown, Fates]()
    for use, fate in _judged(uses, snapshot, at):
        whole.add(use, fate)
        by_item.setdefault(use.item, Fates()).add(use, fate)
        by_shown.setdefault(shown_of(use.user, snapshot, at), Fates()).add(use, fate)
    return {
        **whole.as_value(),
        "items": [{"item": item, **by_item[item].as_value()} for item in sorted(by_item)],
        "evidence": [{"evidence": shown.value, **by_shown[shown].as_value()} for shown in Shown if shown in by_shown],
    }


def _judged(uses: Iterable[Use], snapshot: Snapshot, at: datetime) -> Iterator[tuple[Use, Fate]]:
    for use in uses:
        yield use, fate_of(use, snapshot, at)
