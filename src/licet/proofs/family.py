"""Which circumstances a policy is proved over, and which two policies are compared over.

Both are finite and small on purpose. Countries are not listed one by one: those
that the directives and the dated data treat alike are one class, and one country
stands for each.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from licet.decisions import Mode
from licet.directives import CompiledDirective, NationalsOfGroups, Policy
from licet.parties import Assurance, EvidenceKind
from licet.proofs.circumstances import (
    Account,
    Circumstances,
    Freshness,
    Leave,
    Made,
    Mark,
    Shown,
    Tied,
    Who,
)
from licet.terms import COUNTRIES, OrganizationId

_MOVING = (Mode.REMOTE_INFERENCE, Mode.WEIGHTS_DOWNLOAD)
_OLDER, _NEWER = 20, 5


def plain_family(policies: Sequence[Policy], directives: Sequence[CompiledDirective]) -> tuple[Circumstances, ...]:
    """What every policy is proved over: who, for whom, where, how, under which leave and marks.

    Every status in it is shown by a document at the highest assurance, or not at
    all, so that the word for it is true under every reading of counsel's.
    """
    countries = country_classes(policies, directives)
    found = [*_people(countries, directives), *_places(policies, countries), *_marked(policies), *_stale()]
    found += _derived(policies)
    return tuple(dict.fromkeys(one for one in found if _is_somebody(one)))


def small_family(policies: Sequence[Policy], directives: Sequence[CompiledDirective]) -> tuple[Circumstances, ...]:
    """What a single change of a policy is tried over: who, for whom, how, under which leave."""
    countries = country_classes(policies, directives)
    bodies = ((Account.US, "US"), (Account.FOREIGN, countries[-1]), (Account.NONE, "US"))
    persons = _persons(tuple(dict.fromkeys((countries[0], countries[-1]))))
    inference, weights = (Mode.REMOTE_INFERENCE, "US"), (Mode.WEIGHTS_DOWNLOAD, countries[0])
    ways = ((inference, Leave.NONE), (inference, Leave.LICENSE), (weights, Leave.NONE))
    found = [
        Circumstances(who, nationalities, account=account, seat=seat, mode=mode, place=place, leave=leave)
        for (who, nationalities), (account, seat), ((mode, place), leave) in product(persons, bodies, ways)
    ]
    strangers = [(Who.NOBODY, ()), (Who.FOREIGN, ()), (Who.FOREIGN, ((countries[0], _OLDER),))]
    found += [
        Circumstances(who, nationalities, account=Account.EXEMPT, seat=countries[-1], name=name)
        for (who, nationalities), name in product(strangers, exempt_organizations(directives))
    ]
    found += [replace(Circumstances(), account=Account.US, mark=mark) for mark in (Mark.DENIED, Mark.LISTED)]
    return tuple(one for one in found if _is_somebody(one))


def whole_family(policies: Sequence[Policy], directives: Sequence[CompiledDirective]) -> tuple[Circumstances, ...]:
    """What two policies are compared over: the plain family, and what only counsel's readings tell apart."""
    countries = country_classes(policies, directives)
    found = [*plain_family(policies, directives), *_evidence(policies), *_nationalities(countries)]
    found += [*_exempt(countries, directives), *_relations(countries), *_bodies(), *_unshown(countries)]
    return tuple(dict.fromkeys(one for one in found if _is_somebody(one)))


def country_classes(policies: Sequence[Policy], directives: Sequence[CompiledDirective]) -> tuple[str, ...]:
    """One country abroad for each set of countries that the scopes of these directives treat alike.

    The first is one that some scope names, if there is one; an embargoed country
    and Macau stand for others only where nothing else does.
    """
    scopes = {x.directive.persons.groups for x in directives if isinstance(x.directive.persons, NationalsOfGroups)}
    sets = [policy.groups.union(scope) for policy in policies for scope in sorted(scopes, key=sorted)]
    embargoed = frozenset().union(*(policy.listing.embargoed for policy in policies))
    plain = sorted(COUNTRIES - {"US", "MO", "HK"}, key=lambda code: (code in embargoed, code))
    classes: dict[tuple[bool, ...], str] = {}
    for code in plain:
        classes.setdefault(tuple(code in one for one in sets), code)
    return tuple(classes[key] for key in sorted(classes, reverse=True))


def exempt_organizations(directives: Iterable[CompiledDirective]) -> tuple[OrganizationId, ...]:
    """One organization for each set of organizations that the exemptions treat alike."""
    leaves: dict[OrganizationId, set[object]] = {}
    for compiled in directives:
        for exemption in compiled.directive.exemptions:
            for name in exemption.organizations:
                leave = (compiled.directive.id, exemption.covers, exemption.items, exemption.starts)
                leaves.setdefault(name, set()).add(leave)
    classes: dict[frozenset[object], OrganizationId] = {}
    for name in sorted(leaves):
        classes.setdefault(frozenset(leaves[name]), name)
    return tuple(classes.values())


def _is_somebody(one: Circumstances) -> bool:
    return one.person is not Who.NOBODY or one.account is not Account.NONE


def _persons(countries: Sequence[str]) -> list[tuple[Who, tuple[tuple[str, int], ...]]]:
    unsaid = [(who, ()) for who in Who]
    return [*unsaid, *((Who.FOREIGN, ((country, _OLDER),)) for country in countries)]


def _people(countries: Sequence[str], directives: Sequence[CompiledDirective]) -> Iterator[Circumstances]:
    """Who asks, on whose account, for inference or weights, at home or abroad, with or without a license."""
    bodies = [(Account.NONE, "US"), (Account.US, "US"), (Account.UNVERIFIED, "US")]
    bodies += [(Account.FOREIGN, country) for country in countries]
    ways = ((Mode.REMOTE_INFERENCE, "US"), (Mode.WEIGHTS_DOWNLOAD, "US"), (Mode.WEIGHTS_DOWNLOAD, countries[-1]))
    for (who, nationalities), (account, seat), (mode, place), leave in product(
        _persons(countries), bodies, ways, (Leave.NONE, Leave.LICENSE)
    ):
        yield Circumstances(who, nationalities, account=account, seat=seat, place=place, mode=mode, leave=leave)
    # Where an organization that an exemption names is organized, the exemption does not say.
    exempt = product(("US", countries[-1]), exempt_organizations(directives))
    for (who, nationalities), (seat, name) in product(_persons(countries), exempt):
        yield Circumstances(who, nationalities, account=Account.EXEMPT, seat=seat, name=name)


def _places(policies: Sequence[Policy], countries: Sequence[str]) -> Iterator[Circumstances]:
    """Every way to ask, from every kind of place."""
    storage = sorted(policies[0].listing.encrypted_storage_exports)[:1]
    embargoed = sorted(policies[0].listing.embargoed)[:1]
    places = dict.fromkeys(["US", None, *countries, *storage, *embargoed])
    for who, place, mode in product((Who.NOT_FOREIGN, Who.FOREIGN), places, Mode):
        yield Circumstances(who, account=Account.US, place=place, mode=mode)


def _marked(policies: Sequence[Policy]) -> Iterator[Circumstances]:
    """Every mark, on a US organization and on one of each country that lists of end users treat alike."""
    modes = (*_MOVING, Mode.METADATA)
    for mark, who, mode, leave in product(Mark, (Who.NOT_FOREIGN, Who.FOREIGN), modes, (Leave.NONE, Leave.LICENSE)):
        yield Circumstances(who, account=Account.US, mark=mark, mode=mode, leave=leave)
    listing = policies[0].listing
    sets = (listing.military_any_item, listing.military_listed_items, listing.military_intelligence)
    seats: dict[tuple[bool, ...], str] = {}
    for code in sorted(COUNTRIES - {"US"}):
        seats.setdefault(tuple(code in one for one in sets), code)
    for seat, mark, mode in product(seats.values(), (Mark.MILITARY, Mark.INTELLIGENCE, Mark.OWNED), _MOVING):
        yield Circumstances(Who.NOBODY, account=Account.FOREIGN, seat=seat, mark=mark, mode=mode)


def _stale() -> Iterator[Circumstances]:
    for who in (Who.NOT_FOREIGN, Who.FOREIGN):
        yield Circumstances(who, account=Account.US, rules=Freshness.STALE)


def _derived(policies: Sequence[Policy]) -> Iterator[Circumstances]:
    """Models made from the item, published ones, and advanced ones whose weights leave or stay."""
    shares = sorted({policy.parameters.distilled_share_limit for policy in policies} | {"1.0"})
    kinds = [(made, "") for made in Made] + [(Made.DISTILLED, share) for share in shares]
    for (made, share), who, (mode, place) in product(
        kinds,
        (Who.NOT_FOREIGN, Who.FOREIGN),
        ((Mode.REMOTE_INFERENCE, "US"), (Mode.WEIGHTS_DOWNLOAD, "US"), (Mode.WEIGHTS_DOWNLOAD, "FR")),
    ):
        yield Circumstances(who, account=Account.US, model=made, share=share, mode=mode, place=place)


def _evidence(policies: Sequence[Policy]) -> Iterator[Circumstances]:
    """Status shown by every kind of evidence, at every assurance, as old as any reading's limit and a day more."""
    limits = {policy.parameters.evidence_max_age_days for policy in policies}
    ages = sorted({0, *limits, *(limit + 1 for limit in limits)})
    for who, kind, assurance, age in product((Who.NOT_FOREIGN, Who.FOREIGN), EvidenceKind, Assurance, ages):
        yield Circumstances(who, shown=Shown(kind, assurance, age), account=Account.US)


def _nationalities(countries: Sequence[str]) -> Iterator[Circumstances]:
    """Two nationalities in either order or of one day, stated ones, and those of Macau, Hong Kong and Taiwan."""
    first, last = countries[0], countries[-1]
    several: list[tuple[tuple[str, int], ...]] = [
        ((first, _OLDER), (last, _NEWER)),
        ((last, _OLDER), (first, _NEWER)),
        ((first, _NEWER), (last, _NEWER)),
    ]
    several += [((code, _OLDER),) for code in ("MO", "HK", "TW")]
    for nationalities, account in product(several, (Account.NONE, Account.US)):
        yield Circumstances(Who.FOREIGN, nationalities, account=account)
    for country in countries:
        stated = Shown(proves_nationality=False)
        yield Circumstances(Who.FOREIGN, ((country, _OLDER),), shown=stated, account=Account.US)


def _exempt(countries: Sequence[str], directives: Sequence[CompiledDirective]) -> Iterator[Circumstances]:
    """Organizations that an exemption names, wherever they are organized, and everybody whom they send."""
    persons = _persons(countries)
    for name, seat, (who, nationalities), relation in product(
        exempt_organizations(directives), ("US", *countries), persons, Tied
    ):
        yield Circumstances(who, nationalities, account=Account.EXEMPT, seat=seat, name=name, relation=relation)


def _relations(countries: Sequence[str]) -> Iterator[Circumstances]:
    """Contractors, and people of whom nobody says what they are, of organizations that hold a license."""
    for relation, country, seat, leave in product(Tied, countries, (*countries, "US"), (Leave.LICENSE, Leave.UNSHOWN)):
        account = Account.US if seat == "US" else Account.FOREIGN
        yield Circumstances(
            Who.FOREIGN, ((country, _OLDER),), account=account, seat=seat, relation=relation, leave=leave
        )


def _bodies() -> Iterator[Circumstances]:
    """The other kinds of organization, by themselves and for a person who is not foreign."""
    kinds = (
        (Account.REGISTERED, "FR"),
        (Account.AGENCY, "US"),
        (Account.INTERNATIONAL, "INT"),
        (Account.FOREIGN, "MO"),
    )
    for who, (account, seat), mode in product((Who.NOBODY, Who.NOT_FOREIGN), kinds, _MOVING):
        yield Circumstances(who, account=account, seat=seat, mode=mode)


def _unshown(countries: Sequence[str]) -> Iterator[Circumstances]:
    """Licenses whose conditions nobody has shown."""
    for (who, nationalities), account in product(_persons(countries), (Account.NONE, Account.US)):
        yield Circumstances(who, nationalities, account=account, leave=Leave.UNSHOWN)
