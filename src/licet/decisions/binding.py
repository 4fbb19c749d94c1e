"""Which directives bind an act on an item at an instant, and what each names of it.

The same for everybody who asks, and unchanged until a directive that names the
item begins or ends: worked out once for each such span of time, and remembered.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from functools import lru_cache

from licet.decisions.conduct import is_release, sent_under_directive
from licet.decisions.scene import Mode, Scene
from licet.directives import CompiledDirective, Force, Naming, Policy, force_at
from licet.terms import FOREVER, Act, Truth, Value, truth

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Names(Value, frozen=True):
    """The names under which rules surely, and perhaps, reach an item; no name is in both."""

    surely: frozenset[str]
    perhaps: frozenset[str] = frozenset()

    def every(self) -> frozenset[str]:
        """All of them: leave for what the item may turn out to be is leave."""
        return self.surely | self.perhaps if self.perhaps else self.surely


class Bound(Value, frozen=True):
    """A directive that binds, with what force, and whether it names the release and the sending."""

    compiled: CompiledDirective
    force: Force
    released: Naming
    sent: Naming


class Binding(Value, frozen=True):
    """The directives that bind from one instant until, and not at, another."""

    directives: tuple[Bound, ...]
    until: datetime


def binding_at(scene: Scene, names: Names, policy: Policy, at: datetime) -> Binding:
    """The directives that bind the scene's act at `at`."""
    boundaries = _boundaries(policy, names)
    count = bisect_right(boundaries, at)
    since = boundaries[count - 1] if count else _BEGINNING
    until = boundaries[count] if count < len(boundaries) else FOREVER
    return _binding(policy, names, scene.mode, scene.place, (since, until))


def _boundaries_anew(policy: Policy, names: Names) -> tuple[datetime, ...]:
    """The instants at which a directive on these names, or leave that it gives, begins or ends."""
    return tuple(sorted({instant for compiled in policy.on(names.every()) for instant in compiled.boundaries}))


def _binding_anew(
    policy: Policy, names: Names, mode: Mode, place: str | None, span: tuple[datetime, datetime]
) -> Binding:
    """What binds when the span begins binds until it ends: no boundary lies between."""
    since, until = span
    released = truth(known=is_release(mode, policy.parameters))
    sent = sent_under_directive(mode, place, policy.parameters, policy.listing)
    bound = []
    for compiled in policy.on(names.every()):
        force = force_at(compiled.directive, policy.parameters, since)
        if force is not None:
            acts = _named(compiled, Act.RELEASE, released, names), _named(compiled, Act.EXPORT, sent, names)
            bound.append(Bound(compiled, force, *acts))
    return Binding(tuple(bound), until)


_boundaries = lru_cache(maxsize=1 << 10)(_boundaries_anew)
_binding = lru_cache(maxsize=1 << 10)(_binding_anew)


def _named(compiled: CompiledDirective, act: Act, done: Truth, names: Names) -> Naming:
    """Whether the directive names this act on this item; in doubt where the item's class is."""
    if act not in compiled.directive.acts or done is Truth.NO:
        return Naming.NOT_NAMED
    surely = done is Truth.YES and not names.surely.isdisjoint(compiled.directive.items)
    return Naming.NAMED if surely else Naming.UNKNOWN
