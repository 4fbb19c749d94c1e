"""Snapshots by hand: who there is, what is in force, what is held."""

from datetime import timedelta
from typing import Any

from directives_for_tests import NOON
from licet.decisions import Caller, Request, RequestedAct, Snapshot, Stop
from licet.directives import PolicyBundle, Setting, compile_policy, parse_directive
from licet.items import Catalogue, Item
from licet.law import read_country_groups
from licet.licenses import License, holder_of_organization, holder_of_person
from licet.parties import (
    Assurance,
    EvidenceKind,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    Organization,
    Party,
    Relation,
    Serves,
    Standing,
)
from licet.terms import parse_instant

AT = parse_instant(NOON)
TICK, HOUR, DAY = timedelta.resolution, timedelta(hours=1), timedelta(days=1)
GROUPS = read_country_groups()
FRESH_UNTIL = AT + 7 * DAY
ITEMS = ("fable-5", "mythos-5", "opus-4.8")
NOT_FOREIGN, FOREIGN = NotForeignPerson(), ForeignPerson()


def standing(subject: str, *facts: Any, issuer: str = "acme", name: str = "S1", **over: Any) -> Standing:
    values = {
        "kind": EvidenceKind.ORGANIZATION_ATTESTATION,
        "assurance": Assurance.SUBSTANTIAL,
        "verified_at": AT - DAY,
        "not_after": AT + 30 * DAY,
        "evidence_digest": "00",
        "verifier": "test/1",
        **over,
    }
    return Standing(id=name, subject=subject, facts=facts, issuer=issuer, **values)


def attested(subject: str, status: Any, relation: Relation | None = Relation.EMPLOYEE, **over: Any) -> Standing:
    issuer = over.get("issuer", "acme")
    member = () if relation is None else (MemberOf(issuer, relation),)
    return standing(subject, status, *member, **over)


def license_(number: str = "D1", *, organization: str | None = None, party: str | None = None, **over: Any) -> License:
    holder = holder_of_organization(organization) if organization else holder_of_person(party)
    values = {
        "items": frozenset({"fable-5"}),
        "valid_from": AT - DAY,
        "valid_until": AT + DAY,
        "employees": organization is not None,
        **over,
    }
    return License(number, holders=frozenset({holder}), **values)


ORGANIZATIONS = (
    Organization("acme", "Acme", "US-DE"),
    Organization("lab-fr", "Lab", "FR"),
    Organization("lab-cn", "Lab", "CN"),
    Organization("unverified", "Somebody", "US", verified=False),
)


def snapshot(
    *directives: str,
    parties: dict[str, str | None] | None = None,
    standings: tuple[Standing, ...] = (),
    licenses: tuple[License, ...] = (),
    stops: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
    pinned: tuple[str, ...] = (),
    organizations: tuple[Organization, ...] = ORGANIZATIONS,
    fresh_until: Any = FRESH_UNTIL,
    current: bool = True,
) -> Snapshot:
    documents = tuple(parse_directive(text, "f", GROUPS, None) for text in directives)
    changed = tuple(Setting(name, value, "officer", AT, "test") for name, value in (settings or {}).items())
    bundle = PolicyBundle(1, AT - DAY, fresh_until, changed, documents, frozenset(pinned))
    by_holder: dict[str, tuple[License, ...]] = {}
    for one in licenses:
        for holder in one.holders:
            by_holder[holder] = (*by_holder.get(holder, ()), one)
    by_subject: dict[str, tuple[Standing, ...]] = {}
    for one in standings:
        by_subject[one.subject] = (*by_subject.get(one.subject, ()), one)
    names = {"p1": "acme", **(parties or {})}
    return Snapshot(
        policy=compile_policy(bundle),
        catalogue=Catalogue.of(Item(name, frozenset({name + "-latest"}), "main", AT - DAY) for name in ITEMS),
        parties={name: Party(name, organization) for name, organization in names.items()},
        organizations={x.id: x for x in organizations},
        standings=by_subject,
        licenses=by_holder,
        stops={item: Stop(item, "officer", AT - HOUR) for item in stops},
        sequence=1,
        current=current,
    )


P1 = Caller("k1", party="p1")
MACHINE = Caller("k2", organization="acme", serves=Serves.MACHINE)
PEOPLE = Caller("k3", organization="acme", serves=Serves.PEOPLE)


def asks(caller: Caller = P1, model: str = "fable-5", act: RequestedAct = RequestedAct.INFERENCE) -> Request:
    return Request(model, act, caller)
