"""Gather the requirements that bear on a scene, and the facts each is judged over.

From a scene and an instant to closed records. Every boundary in time that a
premise has is collected on the way: the answer cannot change before the first of
them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from licet.decisions.binding import Bound, Names, binding_at
from licet.decisions.conduct import is_controlled, is_inference, is_release, sent
from licet.decisions.cover import NO_COVER, Cover, Recipients, cover_of
from licet.decisions.nationality import place_of, same_country, scope_of_country, scope_of_organization
from licet.decisions.scene import UNMARKED, Marks, Scene
from licet.directives import (
    AllForeignPersons,
    BarFacts,
    CompiledDirective,
    Conduct,
    Facts,
    IntelligenceFacts,
    ListFacts,
    MilitaryCountry,
    MilitaryFacts,
    Naming,
    Parameters,
    Policy,
    Recipient,
    ReleaseFacts,
    RuleSet,
    Scope,
    SendingFacts,
    Switch,
    WeightsFacts,
)
from licet.items import Kinship, Model
from licet.parties import Assurance, PersonStatus, Standing, Usable, begins, usable_standings
from licet.terms import FOREVER, Coverage, LicenseId, Truth, Value, truth


class Gathered(Value, frozen=True):
    """Each requirement with its facts, and when a premise next changes.

    `lapse` is the first boundary after the instant of decision. `standings` and
    `licenses` are those that were relied on.
    """

    requirements: tuple[tuple[RuleSet, Facts], ...]
    lapse: datetime
    standings: tuple[str, ...]
    licenses: tuple[LicenseId, ...]


def usable_rule(parameters: Parameters) -> Usable:
    """Counsel's readings about evidence, as one value."""
    return _usable(parameters.min_assurance, parameters.evidence_max_age_days, parameters.accept_org_attestation)


def _usable_anew(assurance: str, days: int, accept_attestation: bool) -> Usable:  # noqa: FBT001  # one caller, above
    return Usable(Assurance[assurance.upper()], timedelta(days=days), accept_attestation)


_usable = lru_cache(maxsize=64)(_usable_anew)


def names_of(model: Model, parameters: Parameters) -> Names:
    """The names under which rules surely, and perhaps, reach a model."""
    if model.kinship is Kinship.SAME:
        return Names(model.names)
    conservative = parameters.derivatives == "conservative"
    surely = model.surely(conservative=conservative, share_limit=Decimal(parameters.distilled_share_limit))
    return Names(surely, model.perhaps(conservative=conservative) - surely)


def gather(scene: Scene, policy: Policy, at: datetime) -> Gathered:
    """Collect what bears on a scene at `at`, in the order of the procedure.

    Bars come first and reach everything; what is published or is no controlled act
    is under nothing else; then the directives in force, for each recipient and for
    acts of sending; then the lists and end users; then advanced weights.
    """
    return _Gathering(scene, policy, at).gather()


class _Gathering:
    """One pass over one scene."""

    def __init__(self, scene: Scene, policy: Policy, at: datetime) -> None:
        self._scene = scene
        self._policy = policy
        self._parameters = policy.parameters
        self._at = at
        self._names = names_of(scene.model, policy.parameters)
        self._marks = [x.marks for x in (scene.person, scene.body) if x is not None and x.marks != UNMARKED]
        self._boundaries = [policy.fresh_until]
        self._usable: tuple[Standing, ...] = ()
        self._relied: set[LicenseId] = set()
        self._found: Recipients | None = None

    def gather(self) -> Gathered:
        requirements = list(self._bars())
        if is_controlled(self._scene.mode) and not self._scene.model.published:
            requirements += self._directives()
            if self._marks:
                requirements += self._lists()
            requirements += self._weights()
        return Gathered(
            tuple(requirements),
            min((boundary for boundary in self._boundaries if boundary > self._at), default=FOREVER),
            tuple(standing.id for standing in self._usable),
            tuple(sorted(self._relied)),
        )

    def _recipients(self) -> Recipients:
        """Who would receive the item. Only what needs it asks: evidence nobody read is no premise."""
        if self._found is None:
            standings = self._scene.person.standings if self._scene.person else ()
            rule = usable_rule(self._parameters)
            self._usable = usable_standings(standings, rule, self._at)
            self._found = Recipients(self._scene, self._usable, self._names, self._policy, self._at)
            self._boundaries += [end for s in standings for end in (begins(s), rule.ends(s))]
            self._boundaries += self._found.nationality.boundaries
        return self._found

    # Step 3.

    def _bars(self) -> Iterator[tuple[RuleSet, Facts]]:
        for marks in self._marks:
            if marks.denied is not Truth.NO or marks.blocked is not Truth.NO or marks.diversion is not Truth.NO:
                facts = BarFacts(marks.denied, marks.blocked, marks.diversion, Truth.NO)
                yield self._policy.standing["bars"], facts
        embargoed = self._embargoed()
        if embargoed is not Truth.NO:
            yield self._policy.standing["bars"], BarFacts(Truth.NO, Truth.NO, Truth.NO, embargoed)

    def _embargoed(self) -> Truth:
        if not self._parameters.embargo_block:
            return Truth.NO
        listing = self._policy.listing
        if self._scene.region in listing.embargoed_regions or self._scene.place in listing.embargoed:
            return Truth.YES
        return truth(known=None if self._scene.place is None and self._parameters.unknown_place == "ask" else False)

    # Steps 2, 4 to 6, 8: directives.

    def _directives(self) -> Iterator[tuple[RuleSet, Facts]]:
        binding = binding_at(self._scene, self._names, self._policy, self._at)
        self._boundaries.append(binding.until)
        for bound in binding.directives:
            yield from self._under(bound)

    def _under(self, bound: Bound) -> Iterator[tuple[RuleSet, Facts]]:
        recipients, compiled = self._recipients(), bound.compiled
        for recipient in recipients.under_directives:
            scope, cover = self._scope(compiled, recipient.kind), Coverage.NONE
            if recipient.status is not PersonStatus.NOT_FOREIGN:  # who is not foreign needs no leave, and none is read
                cover = self._take(cover_of(recipients, compiled, (recipient,)))
            yield (
                compiled.release,
                ReleaseFacts(recipient.kind, bound.released, recipient.status, scope, cover, bound.force),
            )
        if bound.sent is not Naming.NOT_NAMED:
            cover = self._take(cover_of(recipients, compiled, recipients.all))
            yield compiled.sending, SendingFacts(bound.sent, self._reach(compiled), cover, bound.force)

    def _scope(self, compiled: CompiledDirective, kind: Recipient) -> Scope:
        persons, body = compiled.directive.persons, self._scene.body
        if isinstance(persons, AllForeignPersons):
            return Scope.IN_SCOPE
        if kind is Recipient.PERSON:
            return self._recipients().nationality.within(persons.groups)
        if body is None:
            return Scope.UNKNOWN
        return scope_of_organization(persons.groups, body.organization, self._policy.groups, self._parameters)

    def _reach(self, compiled: CompiledDirective) -> Scope:
        """Whether a sending goes to a country group, by the destination or by who receives it."""
        persons = compiled.directive.persons
        if isinstance(persons, AllForeignPersons):
            return Scope.IN_SCOPE
        place = self._scene.place
        if place is None and self._parameters.unknown_place == "ignore":
            scopes = {Scope.OUTSIDE}
        else:
            scopes = {scope_of_country(place, persons.groups, self._policy.groups, self._parameters)}
        for recipient in self._recipients().under_directives:
            if recipient.status is not PersonStatus.NOT_FOREIGN:
                scopes.add(self._scope(compiled, recipient.kind))
        return next(scope for scope in (Scope.IN_SCOPE, Scope.UNKNOWN, Scope.OUTSIDE) if scope in scopes)

    # Step 7: lists and end users.

    def _lists(self) -> Iterator[tuple[RuleSet, Facts]]:
        conduct = self._conduct()
        if conduct is None:
            return
        for recipient in self._recipients().all:
            marks = recipient.marks
            if marks.listed is not Truth.NO or marks.owned is not Truth.NO:
                yield self._entity_list(marks, conduct, self._standing_cover("entity_list", recipient.kind))
            if marks.military is not Truth.NO:
                cover = self._standing_cover("744.21", recipient.kind)
                facts = MilitaryFacts(marks.military, self._military_country(), Truth.UNKNOWN, conduct, cover)
                yield self._policy.standing["744.21"], facts
            if marks.intelligence is not Truth.NO:
                yield self._intelligence(marks, conduct, self._standing_cover("744.22", recipient.kind))

    def _conduct(self) -> Conduct | None:
        """An act of the item, a service only, or neither."""
        moved = sent(self._scene.mode, self._scene.place, self._parameters, self._policy.listing)
        if is_release(self._scene.mode, self._parameters) or moved is not Truth.NO:
            return Conduct.ITEM
        return Conduct.SERVICE if is_inference(self._scene.mode) else None

    def _entity_list(self, marks: Marks, conduct: Conduct, cover: Coverage) -> tuple[RuleSet, Facts]:
        services = _switch(on=self._parameters.block_listed_parties)
        facts = ListFacts(marks.listed, marks.owned, self._affiliates_rule(), conduct, services, cover)
        return self._policy.standing["entity_list"], facts

    def _affiliates_rule(self) -> Switch:
        if self._parameters.affiliates_rule_suspended != "by_date":
            return _switch(on=self._parameters.affiliates_rule_suspended == "false")
        intervals = self._policy.listing.affiliates_in_force
        self._boundaries += [boundary for interval in intervals for boundary in interval]
        return _switch(on=any(start <= self._at < end for start, end in intervals))

    def _intelligence(self, marks: Marks, conduct: Conduct, cover: Coverage) -> tuple[RuleSet, Facts]:
        facts = IntelligenceFacts(
            end_user=marks.intelligence,
            country=self._any_country(self._policy.listing.military_intelligence),
            item=_switch(on=conduct is Conduct.ITEM),
            service=_switch(on=is_inference(self._scene.mode)),
            deny_services=_switch(on=self._parameters.milintel_service == "deny"),
            cover=cover,
        )
        return self._policy.standing["744.22"], facts

    def _military_country(self) -> MilitaryCountry:
        listing = self._policy.listing
        if self._any_country(listing.military_any_item) is Truth.YES:
            return MilitaryCountry.ANY_ITEM
        listed = self._any_country(listing.military_listed_items)
        if listed is Truth.YES:
            return MilitaryCountry.LISTED_ITEMS
        return MilitaryCountry.UNKNOWN if listed is Truth.UNKNOWN else MilitaryCountry.OTHER

    def _any_country(self, countries: frozenset[str]) -> Truth:
        """Whether the place, a nationality or the organization's country is one of these."""
        organized = None if self._scene.body is None else place_of(self._scene.body.organization)
        elsewhere = [same_country(code) for code in (organized, self._scene.place) if code is not None]
        known = self._recipients().nationality.countries.union(elsewhere)
        return truth(known=None if not known else not known.isdisjoint(countries))

    # Step 7: ECCN 4E091.

    def _weights(self) -> Iterator[tuple[RuleSet, Facts]]:
        advanced = truth(known=self._scene.model.advanced)
        if advanced is Truth.NO or is_inference(self._scene.mode):
            return
        leaving = sent(self._scene.mode, self._scene.place, self._parameters, self._policy.listing)
        if leaving is Truth.NO:
            return
        cover = self._take(cover_of(self._recipients(), "4e091", self._recipients().all))
        enforced = _switch(on=self._parameters.enforce_4e091)
        yield self._policy.standing["4e091"], WeightsFacts(advanced, leaving, self._exception(), enforced, cover)

    def _exception(self) -> Truth:
        """License Exception AIA: located and headquartered, with the ultimate parent, in a named country.

        Where an organization is organized and where it is are known; where it and
        its ultimate parent are headquartered is not, and must be shown.
        """
        body, aia = self._scene.body, self._policy.listing.aia
        if body is None or place_of(body.organization) not in aia or self._scene.place not in aia:
            return Truth.NO
        return Truth.UNKNOWN

    # Step 8.

    def _standing_cover(self, requirement: str, kind: Recipient) -> Coverage:
        recipients = [recipient for recipient in self._recipients().all if recipient.kind is kind]
        return self._take(cover_of(self._recipients(), requirement, recipients))

    def _take(self, cover: Cover) -> Coverage:
        if cover is not NO_COVER:
            self._relied.update(cover.licenses)
            self._boundaries += cover.boundaries
        return cover.coverage


def _switch(*, on: bool) -> Switch:
    return Switch.ON if on else Switch.OFF
