"""What every rule says, as a person would say it: a reference beside the Cedar text.

Shared by the tests of compilation and by the script that alters the Cedar text.
"""

from collections.abc import Callable
from typing import Any

from directives_for_tests import directive
from licet.directives import (
    BarFacts,
    CompiledDirective,
    Conduct,
    Facts,
    Force,
    IntelligenceFacts,
    ListFacts,
    MilitaryCountry,
    MilitaryFacts,
    Naming,
    ReleaseFacts,
    Scope,
    SendingFacts,
    Switch,
    WeightsFacts,
    compile_directive,
    from_document,
    parse_directive,
)
from licet.law import read_country_groups
from licet.parties import PersonStatus
from licet.terms import Coverage, Disclosure, Outcome, Truth

YES, ON = Truth.YES, Switch.ON
GROUPS = read_country_groups()
Ids = tuple[str, ...]


def compiled(**over: Any) -> CompiledDirective:
    """The rules of one directive; `over` as for `directive`."""
    return compile_directive(from_document(parse_directive(directive(**over), "f", GROUPS, None)))


def _named(*ids: str) -> Ids:
    return tuple(sorted(ids))


def release(f: ReleaseFacts) -> Ids:
    bound = f.force is Force.BINDS and f.act is Naming.NAMED and f.cover is Coverage.NONE
    fires = bound and f.status is PersonStatus.FOREIGN and f.scope is Scope.IN_SCOPE
    return _named(f"DIR-1/foreign-{f.recipient}") if fires else ()


def sending(f: SendingFacts) -> Ids:
    bound = f.force is Force.BINDS and f.act is Naming.NAMED and f.cover is Coverage.NONE
    return _named("DIR-1/sending") if bound and f.reach is Scope.IN_SCOPE else ()


def bars(f: BarFacts) -> Ids:
    marks = {"denial-order": f.denied, "blocked-person": f.blocked, "diversion": f.diversion, "embargo": f.embargoed}
    return _named(*(f"bars/{name}" for name, mark in marks.items() if mark is YES))


def entity_list(f: ListFacts) -> Ids:
    reached = (f.conduct is Conduct.ITEM or f.services is ON) and f.cover is Coverage.NONE
    ids = []
    if reached and f.listed is YES:
        ids.append("entity_list/listed")
    if reached and f.owned is YES and f.affiliates_rule is ON:
        ids.append("entity_list/affiliate")
    return _named(*ids)


def military(f: MilitaryFacts) -> Ids:
    country = f.country is MilitaryCountry.ANY_ITEM or (
        f.country is MilitaryCountry.LISTED_ITEMS and f.item_listed is YES
    )
    fires = f.end_user is YES and f.conduct is Conduct.ITEM and country and f.cover is Coverage.NONE
    return _named("744.21/military-end-user") if fires else ()


def intelligence(f: IntelligenceFacts) -> Ids:
    if f.end_user is not YES or f.country is not YES:
        return ()
    ids = []
    if f.item is ON and f.cover is Coverage.NONE:
        ids.append("744.22/item")
    if f.service is ON and f.deny_services is ON:
        ids.append("744.6/service-refused")
    if f.service is ON and f.deny_services is Switch.OFF and f.cover is Coverage.NONE:
        ids.append("744.6/service")
    return _named(*ids)


def weights(f: WeightsFacts) -> Ids:
    fires = f.advanced is YES and f.leaving is YES and f.exception is Truth.NO and f.enforced is ON
    return _named("4e091/weights") if fires and f.cover is Coverage.NONE else ()


REFERENCE: dict[str, tuple[type[Facts], Callable[[Any], Ids]]] = {
    "release": (ReleaseFacts, release),
    "sending": (SendingFacts, sending),
    "bars": (BarFacts, bars),
    "entity_list": (ListFacts, entity_list),
    "744.21": (MilitaryFacts, military),
    "744.22": (IntelligenceFacts, intelligence),
    "4e091": (WeightsFacts, weights),
}
"""For a directive's two rule sets and each standing one: its record, and which of its rules fire."""

SAID: dict[str, dict[str, tuple[Outcome, Disclosure]]] = {
    "release": {
        "DIR-1/foreign-person": (Outcome.LICENSE_REQUIRED, Disclosure.PUBLIC),
        "DIR-1/foreign-organization": (Outcome.LICENSE_REQUIRED, Disclosure.PUBLIC),
    },
    "sending": {"DIR-1/sending": (Outcome.LICENSE_REQUIRED, Disclosure.PUBLIC)},
    "bars": {
        "bars/denial-order": (Outcome.DENY, Disclosure.COUNSEL),
        "bars/blocked-person": (Outcome.DENY, Disclosure.COUNSEL),
        "bars/diversion": (Outcome.DENY, Disclosure.COUNSEL),
        "bars/embargo": (Outcome.DENY, Disclosure.PUBLIC),
    },
    "entity_list": {
        "entity_list/listed": (Outcome.LICENSE_REQUIRED, Disclosure.CUSTOMER),
        "entity_list/affiliate": (Outcome.LICENSE_REQUIRED, Disclosure.CUSTOMER),
    },
    "744.21": {"744.21/military-end-user": (Outcome.LICENSE_REQUIRED, Disclosure.CUSTOMER)},
    "744.22": {
        "744.22/item": (Outcome.LICENSE_REQUIRED, Disclosure.COUNSEL),
        "744.6/service": (Outcome.LICENSE_REQUIRED, Disclosure.COUNSEL),
        "744.6/service-refused": (Outcome.DENY, Disclosure.COUNSEL),
    },
    "4e091": {"4e091/weights": (Outcome.LICENSE_REQUIRED, Disclosure.PUBLIC)},
}
"""What each rule answers when it fires, and who may read it."""
