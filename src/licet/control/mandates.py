"""Who may do what, and how many it takes: the one place that says it.

`docs/people.md` has the same table, and a test holds the two together. What is not
in it nobody may do, and a route that no act is written beside answers nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from licet.errors import PermissionDeniedError
from licet.stores import Administrator, Role


class Effect(StrEnum):
    """What an act does to who may use what."""

    TIGHTENS = "tightens"
    NEUTRAL = "neutral"
    LOOSENS = "loosens"


class Persons(StrEnum):
    """How many persons an act takes where two must loosen."""

    NO_ACT = "changes nothing"
    ONE = "one"
    BY_EFFECT = "one if it tightens, else two"
    TWO = "two"


@dataclass(frozen=True, slots=True)
class Mandate:
    """Whose act it is, how many it takes, and why so many are enough."""

    roles: frozenset[Role]
    persons: Persons
    why: str


_OFFICER = frozenset({Role.OFFICER})
_OPERATOR = frozenset({Role.OPERATOR})
_ACTING = _OFFICER | _OPERATOR
_READING = frozenset({Role.OFFICER, Role.AUDITOR})
_ALL = frozenset(Role)

MANDATES: Mapping[str, Mandate] = {
    "stop": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "resume": Mandate(_OFFICER, Persons.TWO, "what was stopped is served again"),
    "item.add": Mandate(_ACTING, Persons.TWO, "a name that was refused is served, whatever stands behind it"),
    "item.import": Mandate(_ACTING, Persons.TWO, "the same for many names at once"),
    "organization.add": Mandate(_OFFICER, Persons.TWO, "its word and its keys are believed"),
    "organization.key.add": Mandate(_OFFICER, Persons.TWO, "what is signed with it is believed"),
    "organization.key.remove": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "organization.suspend": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "organization.resume": Mandate(_OFFICER, Persons.TWO, "its word is believed again"),
    "organization.limit": Mandate(_OFFICER, Persons.BY_EFFECT, "it loosens where its word is taken for more"),
    "evidence_issuer.add": Mandate(_OFFICER, Persons.TWO, "its word on what somebody is is believed"),
    "evidence_issuer.suspend": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "evidence_issuer.resume": Mandate(_OFFICER, Persons.TWO, "its word is believed again"),
    "vendor.add": Mandate(_OFFICER, Persons.TWO, "its word on what somebody is is believed"),
    "vendor.suspend": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "vendor.resume": Mandate(_OFFICER, Persons.TWO, "its word is believed again"),
    "standing.withdraw": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "standing.clear": Mandate(_OFFICER, Persons.TWO, "what was shown against somebody is forgotten"),
    "issuer.add": Mandate(_OFFICER, Persons.TWO, "its word on who calls is believed"),
    "issuer.remove": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "party.link": Mandate(_OPERATOR, Persons.ONE, "as a key: what its party may use is decided elsewhere"),
    "party.unlink": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "party.add": Mandate(_ACTING, Persons.ONE, "a pseudonym: what its bearer may use rests on evidence"),
    "workforce.take": Mandate(_ACTING, Persons.TWO, "many are vouched for at once, of whom nobody looks at each"),
    "workforce.check": Mandate(_ACTING, Persons.NO_ACT, "nothing takes effect by it"),
    "party.import": Mandate(_ACTING, Persons.TWO, "the same for many at once, of whom nobody looks at each"),
    "key.issue": Mandate(_OPERATOR, Persons.ONE, "what its owner may use is decided elsewhere"),
    "key.revoke": Mandate(_ACTING, Persons.ONE, "one may tighten"),
    "directive.activate": Mandate(_OFFICER, Persons.BY_EFFECT, "it loosens where it supersedes another"),
    "directive.lift": Mandate(_OFFICER, Persons.TWO, "what it barred is served again"),
    "license.grant": Mandate(_OFFICER, Persons.TWO, "leave is given"),
    "license.revoke": Mandate(_OFFICER, Persons.ONE, "one may tighten"),
    "parameter.set": Mandate(_OFFICER, Persons.BY_EFFECT, "a table says which values only narrow"),
    "law.update": Mandate(_OFFICER, Persons.TWO, "nothing shows that it only narrows"),
    "hold.set": Mandate(_OFFICER, Persons.ONE, "it keeps records, and lets nobody use anything"),
    "hold.release": Mandate(_OFFICER, Persons.TWO, "what it kept may be destroyed"),
    "record.erase": Mandate(_OFFICER, Persons.TWO, "it cannot be taken back"),
    "administrator.add": Mandate(_OFFICER, Persons.TWO, "somebody more may act"),
    "administrator.role": Mandate(_OFFICER, Persons.BY_EFFECT, "it loosens where a role is added"),
    "administrator.remove": Mandate(_OFFICER, Persons.ONE, "one may tighten"),
    "administrator.rotate": Mandate(_ALL, Persons.ONE, "one's own token only"),
    "persons.two": Mandate(_OFFICER, Persons.ONE, "one may tighten; there is no way back"),
    "pending.propose": Mandate(_ACTING, Persons.ONE, "nothing takes effect by it"),
    "pending.approve": Mandate(_ACTING, Persons.ONE, "the second of two; only whose own act it may be"),
    "pending.refuse": Mandate(_ACTING, Persons.ONE, "one may tighten; only whose own act it may be"),
    "pending.withdraw": Mandate(_ACTING, Persons.ONE, "one's own proposal only"),
    "pending.expire": Mandate(frozenset(), Persons.ONE, "by itself, with time"),
    "review.take": Mandate(_OFFICER, Persons.ONE, "nothing takes effect by it"),
    "review.open": Mandate(_OFFICER, Persons.ONE, "on record before anything is shown"),
    "review.ask": Mandate(_OFFICER, Persons.ONE, "nothing takes effect by it"),
    "review.escalate": Mandate(_OFFICER, Persons.ONE, "nothing takes effect by it"),
    "review.refuse": Mandate(_OFFICER, Persons.ONE, "the person is served as before, and may ask again"),
    "review.accept": Mandate(_OFFICER, Persons.BY_EFFECT, "it loosens, unless all it shows is a foreign person"),
    "review.request": Mandate(frozenset(), Persons.ONE, "the caller's act, about themselves"),
    "review.upload": Mandate(frozenset(), Persons.ONE, "the caller's act, about themselves"),
    "review.withdraw": Mandate(frozenset(), Persons.ONE, "the caller's act, about themselves"),
    "review.destroy": Mandate(frozenset(), Persons.ONE, "by itself, with the decision or with time"),
    "review.lapse": Mandate(frozenset(), Persons.ONE, "by itself, with time"),
    "review.read": Mandate(_READING, Persons.NO_ACT, "pseudonyms and states; no document is in it"),
    "standing.take_back": Mandate(frozenset(), Persons.ONE, "the caller's act, about what they have shown"),
    "evidence.revoke": Mandate(frozenset(), Persons.ONE, "the vendor's act: it takes back what it said"),
    "standing.carry": Mandate(frozenset(), Persons.ONE, "the caller's act, who has shown both keys"),
    "standing.vouch": Mandate(frozenset(), Persons.ONE, "the caller's act: predicates for another door, for minutes"),
    "evidence.accept": Mandate(frozenset(), Persons.ONE, "the caller's act; rules decide what evidence shows"),
    "record.read": Mandate(_READING, Persons.ONE, "on record before anything is shown"),
    "record.redecide": Mandate(_READING, Persons.ONE, "on record before anything is shown"),
    "record.export": Mandate(_READING, Persons.ONE, "on record before anything is shown"),
    "explain": Mandate(_READING, Persons.NO_ACT, "grounds that are counsel's are in it"),
    "use.read": Mandate(_ALL, Persons.NO_ACT, "shares and counts; nobody is named"),
    "draft.watch": Mandate(_OFFICER, Persons.NO_ACT, "it enforces nothing"),
    "draft.read": Mandate(_READING, Persons.NO_ACT, ""),
    "directive.check": Mandate(_ALL, Persons.NO_ACT, ""),
    "policy.read": Mandate(_ALL, Persons.NO_ACT, ""),
    "catalogue.read": Mandate(_ALL, Persons.NO_ACT, ""),
    "status.read": Mandate(_ALL, Persons.NO_ACT, ""),
    "pending.read": Mandate(_ALL, Persons.NO_ACT, ""),
    "administrator.read": Mandate(_ALL, Persons.NO_ACT, ""),
}
"""Every act of administration and every thing that is read, by name."""

ROUTES: Mapping[str, str] = {
    "POST /stop": "stop",
    "POST /resume": "resume",
    "GET /status": "status.read",
    "POST /explain": "explain",
    "GET /items": "catalogue.read",
    "POST /items": "item.add",
    "POST /items/import": "item.import",
    "GET /organizations": "catalogue.read",
    "POST /organizations": "organization.add",
    "POST /organizations/{organization}/keys": "organization.key.add",
    "POST /organizations/{organization}/keys/{key}/remove": "organization.key.remove",
    "POST /organizations/{organization}/suspend": "organization.suspend",
    "POST /organizations/{organization}/resume": "organization.resume",
    "POST /organizations/{organization}/limits": "organization.limit",
    "GET /evidence-issuers": "catalogue.read",
    "POST /evidence-issuers": "evidence_issuer.add",
    "POST /evidence-issuers/{name}/suspend": "evidence_issuer.suspend",
    "POST /evidence-issuers/{name}/resume": "evidence_issuer.resume",
    "GET /vendors": "catalogue.read",
    "POST /vendors": "vendor.add",
    "POST /vendors/{name}/suspend": "vendor.suspend",
    "POST /vendors/{name}/resume": "vendor.resume",
    "POST /parties/{party}/standings/{standing}/withdraw": "standing.withdraw",
    "POST /parties/{party}/standings/{standing}/clear": "standing.clear",
    "POST /workforces": "workforce.check",
    "GET /workforces/{workforce}": "workforce.check",
    "POST /workforces/{workforce}/take": "workforce.take",
    "GET /reviews": "review.read",
    "GET /reviews/{review}": "review.read",
    "POST /reviews/{review}/take": "review.take",
    "POST /reviews/{review}/documents/{document}/open": "review.open",
    "POST /reviews/{review}/ask": "review.ask",
    "POST /reviews/{review}/escalate": "review.escalate",
    "POST /reviews/{review}/refuse": "review.refuse",
    "POST /reviews/{review}/accept": "review.accept",
    "GET /parties": "catalogue.read",
    "GET /parties/{party}": "catalogue.read",
    "POST /parties": "party.add",
    "POST /parties/import": "party.import",
    "POST /parties/{party}/link": "party.link",
    "POST /parties/{party}/unlink": "party.unlink",
    "GET /issuers": "catalogue.read",
    "POST /issuers": "issuer.add",
    "POST /issuers/{issuer}/remove": "issuer.remove",
    "GET /keys": "catalogue.read",
    "POST /keys": "key.issue",
    "POST /keys/{key}/revoke": "key.revoke",
    "GET /licenses": "catalogue.read",
    "POST /licenses": "license.grant",
    "POST /licenses/{license_}/revoke": "license.revoke",
    "GET /directive-schema": "policy.read",
    "POST /directives/check": "directive.check",
    "POST /directives": "directive.activate",
    "GET /directives": "policy.read",
    "GET /directives/{directive}": "policy.read",
    "POST /directives/{directive}/lift": "directive.lift",
    "GET /policy": "policy.read",
    "GET /law": "policy.read",
    "POST /law/{name}": "law.update",
    "GET /parameters": "policy.read",
    "POST /parameters/{name}": "parameter.set",
    "GET /records": "record.read",
    "POST /records/readings": "record.read",
    "GET /records/{record}/redecide": "record.redecide",
    "POST /records/packet": "record.export",
    "POST /records/erase": "record.erase",
    "POST /holds": "hold.set",
    "POST /holds/{name}/release": "hold.release",
    "GET /readiness": "use.read",
    "GET /returns": "use.read",
    "POST /observations": "draft.watch",
    "GET /observations": "draft.read",
    "POST /answers/under-draft": "draft.read",
    "POST /observations/{name}/end": "draft.watch",
    "GET /administrators": "administrator.read",
    "POST /administrators": "administrator.add",
    "POST /administrators/{name}/role": "administrator.role",
    "POST /administrators/{name}/remove": "administrator.remove",
    "POST /administrators/{name}/rotate": "administrator.rotate",
    "POST /two-persons": "persons.two",
    "GET /pending": "pending.read",
    "GET /pending/{pending}": "pending.read",
    "POST /pending/{pending}/approve": "pending.approve",
    "POST /pending/{pending}/refuse": "pending.refuse",
    "POST /pending/{pending}/withdraw": "pending.withdraw",
}
"""Which act each route of the control API is."""


def require_mandate(who: Administrator, act: str) -> None:
    """Refuse an act, or a look, that is not for somebody of these roles.

    Raises:
        PermissionDeniedError: it is not theirs, or nothing says whose it is.
    """
    mandate = MANDATES.get(act)
    if mandate is None or not who.roles & mandate.roles:
        of = " or ".join(sorted(mandate.roles)) if mandate and mandate.roles else "nobody"
        have = ", ".join(sorted(who.roles))
        raise PermissionDeniedError(f"expected the role {of} for `{act}`, found {have}", code="not_permitted")


def takes_two(act: str, effect: Effect) -> bool:
    """Whether an act takes two persons. What nothing is known of does, and so does whatever loosens."""
    mandate = MANDATES.get(act)
    if mandate is None or effect is Effect.LOOSENS or mandate.persons is Persons.TWO:
        return True
    return mandate.persons is Persons.BY_EFFECT and effect is not Effect.TIGHTENS
