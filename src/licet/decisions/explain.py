"""Explain a refusal: each obstacle with its citation, and what would remove it.

Only about the caller's own request: never another party's data. A ground that
would tip someone off stays with counsel.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from licet.decisions.decision import Ground, Judged, Remedy, RemedyKind
from licet.directives import Recipient, ReleaseFacts
from licet.terms import Disclosure, Outcome

_PERSON = {
    "status": "It is not established whether you are a foreign person (15 CFR 772.1).",
    "scope": "Your nationality, which this order reads, is not established.",
    "cover": "Leave may cover you, but a fact it depends on is not shown.",
}
_ORGANIZATION = {
    "status": "It is not established whether your organization is a foreign person (15 CFR 772.1).",
    "scope": "The country under whose law your organization is organized is not established.",
    "cover": "Leave may cover your organization, but a fact it depends on is not shown.",
}
_ANY = {
    "act": "Whether this model, or this use of it, falls under the order is not settled.",
    "force": "A court may have stopped this order; counsel has not yet confirmed that.",
    "reach": "Where the model would be sent, or to whom, is not established.",
    "cover": "Leave may cover this, but a fact it depends on is not shown.",
    "denied": "A possible match with a list has not been resolved.",
    "blocked": "A possible match with a list has not been resolved.",
    "diversion": "Whether the output would be diverted has not been resolved.",
    "embargoed": "The place you call from is not known.",
    "listed": "A possible match with a list has not been resolved.",
    "owned": "Who owns your organization has not been resolved.",
    "end_user": "Whether you are a military end user has not been resolved.",
    "country": "Your country is not established.",
    "item_listed": "Whether this model is one of the items listed has not been determined.",
    "advanced": "How this model was trained has not been determined.",
    "leaving": "Where the model would be sent is not established.",
    "exception": "Where your organization and its ultimate parent are headquartered is not shown.",
}
_ATTESTABLE = frozenset({"status", "scope", "cover"})


@lru_cache(maxsize=1 << 12)  # many callers meet the same obstacles
def explained(obstacles: tuple[Judged, ...], *, one_of_many: bool) -> tuple[tuple[Ground, ...], tuple[Remedy, ...]]:
    """The grounds of a refusal and its remedies; `one_of_many` says that the key serves several, none named."""
    return grounds_of(obstacles), remedies_of(obstacles, one_of_many=one_of_many)


def grounds_of(obstacles: Iterable[Judged]) -> tuple[Ground, ...]:
    """Every obstacle as a ground, each once."""
    grounds: dict[tuple[str, str], Ground] = {}
    for verdict in obstacles:
        for name in verdict.rules:
            rule = verdict.requirement.rules[name]
            missing = " ".join(_missing(verdict, pivot) for pivot in verdict.pivots)
            text = f"{rule.text} {missing}" if missing else rule.text
            grounds[name, text] = Ground(rule.id, rule.citation, text, rule.disclosure)
    return tuple(grounds.values())


def remedies_of(obstacles: Iterable[Judged], *, one_of_many: bool) -> tuple[Remedy, ...]:
    """What would remove each obstacle, in the order in which a person would try it.

    `one_of_many` says that the key serves several people and none is named.
    """
    remedies: dict[RemedyKind, Remedy] = {}
    for verdict in obstacles:
        for remedy in _remedies(verdict, one_of_many=one_of_many):
            remedies.setdefault(remedy.kind, remedy)
    return tuple(remedies[kind] for kind in RemedyKind if kind in remedies)


def disclosed(grounds: Iterable[Ground]) -> tuple[Ground, ...]:
    """The grounds that may be told to the caller."""
    return tuple(ground for ground in grounds if ground.disclosure is not Disclosure.COUNSEL)


def _missing(verdict: Judged, pivot: str) -> str:
    facts = verdict.facts
    if isinstance(facts, ReleaseFacts):
        specific = _PERSON if facts.recipient is Recipient.PERSON else _ORGANIZATION
        return specific.get(pivot) or _ANY[pivot]
    return _ANY[pivot]


def _remedies(verdict: Judged, *, one_of_many: bool) -> Iterator[Remedy]:
    facts, pivots = verdict.facts, set(verdict.pivots)
    person = isinstance(facts, ReleaseFacts) and facts.recipient is Recipient.PERSON
    if verdict.outcome is Outcome.LICENSE_REQUIRED:
        yield Remedy(
            RemedyKind.LICENSE,
            "A license from the issuing agency, or an exemption in the order, that names you or your organization "
            "(15 CFR part 748). The provider's export-compliance office applies for it; ask your contact there.",
        )
    elif person and one_of_many:
        yield Remedy(
            RemedyKind.KEY_OF_ONE_PARTY,
            "This key serves several people and does not say which one calls. Use a key issued to one party, or send "
            "your organization's word on who calls in the header `Licet-End-User`.",
        )
    elif person and pivots & _ATTESTABLE:
        yield Remedy(
            RemedyKind.ORGANIZATION_ATTESTATION,
            "A signed attestation by your organization that you are not a foreign person, or of what you are to it. "
            "It states the predicate only, never the basis. Get a nonce from POST /licet/nonce, have it signed "
            "(licet attest), and send it to POST /licet/evidence with this same API key.",
        )
    if verdict.outcome is Outcome.DENY or (pivots and (not person or pivots - _ATTESTABLE)):
        yield Remedy(
            RemedyKind.ASK_A_HUMAN,
            "Ask the provider's export-compliance office: a person there can look at this and change the answer.",
        )
