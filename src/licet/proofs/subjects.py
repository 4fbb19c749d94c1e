"""The items of a policy, each at the instants that matter, without saying the same twice.

Items under directives that are alike, but for their names, are answered alike.
One of them is tried, and what is found holds for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from licet.directives import AllForeignPersons, CompiledDirective, Force, Policy, force_at
from licet.proofs.circumstances import Orders
from licet.proofs.tables import shape_of
from licet.terms import Act, ItemId

UNNAMED = ItemId("a-model-that-no-directive-names")
_NOTICE = "744.22(b)"


@dataclass(frozen=True, slots=True)
class Subject:
    """One item at one instant, and the items that are under the same.

    Attributes:
        directives: Those in force on it.
        orders: What they say, in the words of invariants.
    """

    item: ItemId
    at: datetime
    alike: tuple[ItemId, ...]
    directives: tuple[CompiledDirective, ...]
    orders: Orders


class Shapes:
    """Signatures of directives, each table looked at once."""

    def __init__(self) -> None:
        # Directives are held, so that no other can come to have the same identity.
        self._shapes: dict[int, tuple[CompiledDirective, int]] = {}
        self._numbers: dict[object, int] = {}

    def signature(self, policy: Policy, item: str, at: datetime) -> object:
        """All that an answer about an item can depend on in this policy, but for readings and dated data."""
        found = (self.of_directive(one, policy, item, at) for one in policy.by_item.get(item, ()))
        in_force = sorted((one for one in found if one is not None), key=repr)
        return tuple(in_force), item in policy.restricted

    def of_directive(self, compiled: CompiledDirective, policy: Policy, item: str, at: datetime) -> object | None:
        """All that an answer about an item can depend on in one directive; None where it is not in force."""
        said = said_by(compiled, policy, item, at)
        return None if said is None else (*said, self._table(compiled))

    def _table(self, compiled: CompiledDirective) -> int:
        """A number for the pair of tables: the same for tables that are alike."""
        known = self._shapes.get(id(compiled))
        if known is None:
            shape = shape_of(compiled.release), shape_of(compiled.sending)
            known = compiled, self._numbers.setdefault(shape, len(self._numbers))
            self._shapes[id(compiled)] = known
        return known[1]


def said_by(compiled: CompiledDirective, policy: Policy, item: str, at: datetime) -> tuple[object, ...] | None:
    """What one directive says on an item, but for its tables; None where it is not in force."""
    directive = compiled.directive
    force = force_at(directive, policy.parameters, at)
    if force is None:
        return None
    persons = directive.persons
    exempt = {
        (organization, reach)
        for x in directive.exemptions
        if item in x.items and x.starts <= at
        for organization in x.organizations
        for reach in x.covers
    }
    return (
        force,
        tuple(sorted(directive.acts)),
        None if isinstance(persons, AllForeignPersons) else tuple(sorted(persons.groups)),
        tuple(sorted(exempt)),
        any(_NOTICE in authority for authority in directive.authority),
        bool(directive.supersedes),
    )


def subjects_of(policy: Policy, at: datetime) -> tuple[Subject, ...]:
    """Every item that a directive names and one that none does, at `at` and where a later directive begins."""
    shapes, found = Shapes(), dict[object, Subject]()
    for item in (*map(ItemId, sorted(policy.by_item)), UNNAMED):
        for instant in _instants(policy, item, at):
            signature = shapes.signature(policy, item, instant)
            if signature in found:
                before = found[signature]
                alike = before.alike if item in before.alike else (*before.alike, item)
                found[signature] = replace(before, alike=alike)
            else:
                directives = in_force(policy, item, instant)
                found[signature] = Subject(item, instant, (item,), directives, orders_of(directives, policy, instant))
    return tuple(found.values())


def in_force(policy: Policy, item: str, at: datetime) -> tuple[CompiledDirective, ...]:
    """The directives in force on an item."""
    named = policy.by_item.get(item, ())
    return tuple(one for one in named if force_at(one.directive, policy.parameters, at) is not None)


def orders_of(directives: tuple[CompiledDirective, ...], policy: Policy, at: datetime) -> Orders:
    """What directives in force say of an item, in the words of invariants."""
    if not directives:
        return Orders.NOTHING
    everybody = any(
        isinstance(one.directive.persons, AllForeignPersons)
        and Act.RELEASE in one.directive.acts
        and force_at(one.directive, policy.parameters, at) is Force.BINDS
        for one in directives
    )
    return Orders.EVERYBODY if everybody else Orders.OTHERWISE


def _instants(policy: Policy, item: str, at: datetime) -> Iterator[datetime]:
    yield at
    starts = {one.directive.effective_at for one in policy.by_item.get(item, ())}
    yield from sorted(start for start in starts if start > at)
