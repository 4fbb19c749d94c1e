"""Say facts and circumstances in words: a failing combination is read by counsel, not by a machine."""

from collections.abc import Mapping
from dataclasses import replace

from licet.decisions import Mode
from licet.directives import Facts
from licet.parties import EvidenceKind
from licet.proofs.circumstances import Account, Circumstances, Freshness, Leave, Made, Mark, Shown, Tied, Who
from licet.terms import Outcome

_FACTS: Mapping[str, Mapping[str, str]] = {
    "recipient": {"person": "a person would receive it", "organization": "an organization would receive it"},
    "act": {
        "named": "the order names the act and the item",
        "not_named": "the order does not name the act or the item",
        "unknown": "whether the order names the act and the item is unknown",
    },
    "status": {
        "not_foreign": "shown not to be a foreign person",
        "foreign": "shown to be a foreign person",
        "unknown": "whose status is unknown",
    },
    "scope": {
        "in_scope": "inside the order's scope",
        "outside": "outside the order's scope",
        "unknown": "whose nationality is not established",
    },
    "reach": {
        "in_scope": "it goes to whom or where the order reaches",
        "outside": "it goes to nobody and nowhere the order reaches",
        "unknown": "where it goes is unknown",
    },
    "cover": {
        "none": "no leave covers it",
        "covered": "leave covers it",
        "unknown": "whether leave covers it is unknown",
    },
    "force": {
        "binds": "the order binds",
        "suspended": "a court has suspended the order",
        "unknown": "whether a court has suspended the order is unknown",
    },
    "denied": {
        "yes": "named by a denial order",
        "no": "named by no denial order",
        "unknown": "perhaps named by a denial order",
    },
    "blocked": {"yes": "a blocked person", "no": "no blocked person", "unknown": "perhaps a blocked person"},
    "diversion": {"yes": "known to divert", "no": "not known to divert", "unknown": "perhaps diverting"},
    "embargoed": {
        "yes": "in an embargoed place",
        "no": "in no embargoed place",
        "unknown": "perhaps in an embargoed place",
    },
    "listed": {"yes": "on the Entity List", "no": "not on the Entity List", "unknown": "perhaps on the Entity List"},
    "owned": {
        "yes": "half or more owned by a listed entity",
        "no": "not owned by a listed entity",
        "unknown": "perhaps owned by a listed entity",
    },
    "affiliates_rule": {"on": "the affiliates rule is in force", "off": "the affiliates rule is suspended"},
    "conduct": {"item": "an act of the item", "service": "a service only"},
    "services": {"on": "listed parties get no service either", "off": "listed parties may have services"},
    "end_user": {"yes": "such an end user", "no": "no such end user", "unknown": "perhaps such an end user"},
    "country": {
        "any_item": "of a country named for any item",
        "listed_items": "of a country named for listed items",
        "other": "of a country that is not named",
        "yes": "of a country that is named",
        "no": "of a country that is not named",
        "unknown": "of a country that is unknown",
    },
    "item_listed": {
        "yes": "the item is a listed one",
        "no": "the item is no listed one",
        "unknown": "perhaps a listed item",
    },
    "item": {"on": "an act of the item", "off": "no act of the item"},
    "service": {"on": "a service", "off": "no service"},
    "deny_services": {
        "on": "counsel refuses such services",
        "off": "counsel reads that a license suffices for services",
    },
    "advanced": {"yes": "an advanced model", "no": "no advanced model", "unknown": "perhaps an advanced model"},
    "leaving": {
        "yes": "its weights leave the United States",
        "no": "its weights stay in the United States",
        "unknown": "whether its weights leave is unknown",
    },
    "exception": {
        "yes": "a license exception applies",
        "no": "no license exception applies",
        "unknown": "whether a license exception applies is unknown",
    },
    "enforced": {"on": "the section is applied", "off": "the section is not applied"},
}

_OUTCOMES = {
    Outcome.PERMIT: "permitted",
    Outcome.NEEDS_EVIDENCE: "asked for evidence",
    Outcome.LICENSE_REQUIRED: "told that a license is required",
    Outcome.DENY: "denied",
}

_PEOPLE = {
    Who.NOBODY: "nobody in person",
    Who.NOT_FOREIGN: "a person shown not to be foreign",
    Who.FOREIGN: "a foreign person",
    Who.UNKNOWN: "a person whose status is unknown",
}
_BODIES = {
    Account.US: "a US organization",
    Account.FOREIGN: "an organization of {seat}",
    Account.EXEMPT: "the organization `{name}`, of {seat}, which an exemption names",
    Account.UNVERIFIED: "an organization nobody has verified",
    Account.REGISTERED: "an organization of {seat} registered to do business in the US",
    Account.AGENCY: "an agency of the US",
    Account.INTERNATIONAL: "an international organization",
}
_MODES = {
    Mode.REMOTE_INFERENCE: "inference over a network",
    Mode.EMBEDDED_US_PRODUCT: "inference inside a US product",
    Mode.WEIGHTS_DOWNLOAD: "the weights",
    Mode.HOSTED_REPLICA_ABROAD: "a replica hosted abroad",
    Mode.ENCRYPTED_STORAGE: "encrypted storage",
    Mode.ACCESS_INFORMATION: "access information",
    Mode.METADATA: "metadata",
    Mode.DERIVED_OUTPUT: "a document made earlier",
}
_MARKS = {
    Mark.UNRESOLVED: "a possible match with the denied persons that nobody has resolved",
    Mark.DENIED: "a denial order",
    Mark.BLOCKED: "blocked property",
    Mark.DIVERSION: "known diversion",
    Mark.LISTED: "an entry on the Entity List",
    Mark.OWNED: "an owner on the Entity List",
    Mark.MILITARY: "a military end user behind it",
    Mark.INTELLIGENCE: "a military-intelligence end user behind it",
}
_LEAVES = {
    Leave.NONE: "without a license",
    Leave.LICENSE: "under a license",
    Leave.UNSHOWN: "under a license whose conditions are not shown",
}
_MODELS = {
    Made.QUANTIZED: "a quantized copy of ",
    Made.FINE_TUNE: "a fine-tune of ",
    Made.ADAPTER: "an adapter of ",
    Made.PUBLISHED: "the published ",
    Made.ADVANCED: "the advanced ",
    Made.PERHAPS_ADVANCED: "the perhaps advanced ",
}
_EVIDENCE = {
    EvidenceKind.ORGANIZATION_ATTESTATION: "their organization's word",
    EvidenceKind.VERIFIED_CLAIMS: "their identity provider's word",
    EvidenceKind.FOREIGN_VERIFIED_CLAIMS: "the word of an identity provider of another state",
    EvidenceKind.IDENTITY_VENDOR: "the word of a vendor that has looked at their documents",
    EvidenceKind.DOCUMENT: "a document",
    EvidenceKind.FOREIGN_DOCUMENT: "another state's document",
    EvidenceKind.HUMAN_REVIEW: "a reviewer's word",
}


def say_facts(facts: Facts) -> str:
    """One requirement's facts in words."""
    return ", ".join(_FACTS[name][value] for name, value in facts.as_value().items())


def say_outcome(outcome: Outcome | None) -> str:
    """An outcome as what happens to the caller."""
    return "given no answer at all" if outcome is None else _OUTCOMES[outcome]


def say_circumstances(one: Circumstances, item: str) -> str:
    """A canonical request in words."""
    parts = [_say_person(one), _say_organization(one), _say_place(one.place)]
    asking = f"asking for {_MODES[one.mode]} of {_say_model(one, item)} {_LEAVES[one.leave]}"
    parts += [asking]
    if one.mark is not Mark.NONE:
        parts.append(f"with {_MARKS[one.mark]}")
    if one.rules is Freshness.STALE:
        parts.append("under a policy too old to rely on")
    return ", ".join(part for part in parts if part)


def _say_person(one: Circumstances) -> str:
    said = _PEOPLE[one.person]
    if one.nationalities:
        said += " of " + " and ".join(f"{country} (for {years} years)" for country, years in one.nationalities)
        said += "" if one.shown.proves_nationality else ", as they state"
    weakly = replace(one.shown, proves_nationality=True) != Shown()
    if one.person in {Who.NOT_FOREIGN, Who.FOREIGN} and weakly:
        level = one.shown.assurance.name.lower().replace("_", "-")
        said += f", by {_EVIDENCE[one.shown.kind]} of {level} assurance {one.shown.age_days} days old"
    return said


def _say_organization(one: Circumstances) -> str:
    if one.account is Account.NONE:
        return ""
    said = _BODIES[one.account].format(seat=one.seat, name=one.name)
    ties = {Tied.EMPLOYEE: "employed by", Tied.CONTRACTOR: "a contractor of", Tied.UNSTATED: "on the account of"}
    return f"on the account of {said}" if one.person is Who.NOBODY else f"{ties[one.relation]} {said}"


def _say_place(place: str | None) -> str:
    if place is None:
        return "at an unknown place"
    return "in the US" if place == "US" else f"in {place}"


def _say_model(one: Circumstances, item: str) -> str:
    if one.model is Made.DISTILLED:
        return f"a model distilled ({one.share or 'by an unknown share'}) from `{item}`"
    return f"{_MODELS.get(one.model, '')}`{item}`"
