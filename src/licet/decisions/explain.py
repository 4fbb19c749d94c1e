"""Explain a refusal: each obstacle with its citation, and what would remove it.

Only about the caller's own request: never another party's data. A ground that
would tip someone off stays with counsel.
"""

from collections.abc import Iterable

from licet.decisions.decision import Ground, Judged, Remedy, RemedyKind
from licet.decisions.request import Caller
from licet.directives import Policy, Recipient
from licet.terms import Disclosure, Outcome

_MISSING = {
    "status": {
        Recipient.PERSON: "It is not established whether you are a foreign person (15 CFR 772.1).",
        Recipient.ORGANIZATION: "It is not established whether your organization is a foreign person (15 CFR 772.1).",
    },
    "scope": {
        Recipient.PERSON: "Your nationality, which this order reads, is not established.",
        Recipient.ORGANIZATION: "The country under whose law your organization is organized is not established.",
    },
    "cover": {
        Recipient.PERSON: "Leave may cover you, but it is not shown that you are an employee it names.",
        Recipient.ORGANIZATION: "Leave may cover your organization, but a fact it depends on is not shown.",
    },
    "force": {
        Recipient.PERSON: "A court may have stopped this order; counsel has not yet confirmed that.",
        Recipient.ORGANIZATION: "A court may have stopped this order; counsel has not yet confirmed that.",
    },
}


def grounds_of(obstacles: Iterable[Judged], policy: Policy) -> tuple[Ground, ...]:
    """Every obstacle as a ground, each once."""
    rules = {rule.id: rule for compiled in policy.directives for rule in compiled.rules.values()}
    grounds: dict[tuple[str, str], Ground] = {}
    for verdict in obstacles:
        for name in verdict.rules:
            rule = rules[name]
            missing = " ".join(_MISSING[pivot][verdict.facts.recipient] for pivot in verdict.pivots)
            text = f"{rule.text} {missing}" if missing else rule.text
            grounds[name, text] = Ground(rule.id, rule.citation, text, rule.disclosure)
    return tuple(grounds.values())


def remedies_of(obstacles: Iterable[Judged], caller: Caller) -> tuple[Remedy, ...]:
    """What would remove each obstacle, in the order in which a person would try it."""
    remedies: dict[RemedyKind, Remedy] = {}
    for verdict in obstacles:
        for remedy in _remedies(verdict, caller):
            remedies.setdefault(remedy.kind, remedy)
    return tuple(remedies[kind] for kind in RemedyKind if kind in remedies)


def disclosed(grounds: Iterable[Ground]) -> tuple[Ground, ...]:
    """The grounds that may be told to the caller."""
    return tuple(ground for ground in grounds if ground.disclosure is not Disclosure.COUNSEL)


def _remedies(verdict: Judged, caller: Caller) -> Iterable[Remedy]:
    if verdict.outcome is Outcome.LICENSE_REQUIRED:
        yield Remedy(
            RemedyKind.LICENSE,
            "A license from the issuing agency, or an exemption in the order, that names you or your organization "
            "(15 CFR part 748). The provider's export-compliance office applies for it; ask your contact there.",
        )
        return
    person = verdict.facts.recipient is Recipient.PERSON
    if person and caller.party is None:
        yield Remedy(
            RemedyKind.KEY_OF_ONE_PARTY,
            "This key serves several people and does not say which one calls. Use a key issued to one party.",
        )
    elif person and {"status", "scope", "cover"} & set(verdict.pivots):
        yield Remedy(
            RemedyKind.ORGANIZATION_ATTESTATION,
            "A signed attestation by your organization that you are not a foreign person, or of what you are to it. "
            "It states the predicate only, never the basis. Get a nonce from POST /licet/nonce, have it signed "
            "(licet attest), and send it to POST /licet/evidence with this same API key.",
        )
    if not person or "force" in verdict.pivots:
        yield Remedy(
            RemedyKind.ASK_A_HUMAN,
            "Ask the provider's export-compliance office: it can verify your organization or clarify the order.",
        )
