"""The policy: what counsel and the agencies have laid down, as one value.

A bundle is the data that is signed and sent; a policy is that bundle compiled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from licet.directives.compile import CompiledDirective, RuleSet, compile_directive, standing_rules
from licet.directives.directive import Directive, NationalsOfGroups
from licet.directives.parameters import Parameters, Setting, with_settings
from licet.directives.parse import from_document
from licet.errors import ConfigurationError, InputError
from licet.law import CountryGroups, LawData, ListingRules, read_law
from licet.terms import ItemId, digest, format_instant, parse_instant

FORMAT = "licet-policy/1"


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """What is signed: directives, parameters, and for how long they may be relied on.

    Attributes:
        epoch: Grows with every change of content; an older one is never accepted back.
        issued_at: When it was signed.
        fresh_until: The first instant at which it is stale.
        settings: Parameters that differ from their defaults.
        documents: Directive documents, as checked at activation.
        pinned: Every item that any directive ever named.
        law: Dated data that an officer has put in place of what is shipped, by name.
        digest: SHA-256 of the content, without epoch and freshness: renewal does not change it.
    """

    epoch: int
    issued_at: datetime
    fresh_until: datetime
    settings: tuple[Setting, ...]
    documents: tuple[Mapping[str, Any], ...]
    pinned: frozenset[ItemId]
    law: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Digest the content once: an act asks for it when it is proved, changed, kept, signed and recorded."""
        object.__setattr__(self, "digest", digest(self._content()))

    def to_value(self) -> dict[str, Any]:
        """The JSON value that is signed."""
        return {
            "format": FORMAT,
            "epoch": self.epoch,
            "issued_at": format_instant(self.issued_at),
            "fresh_until": format_instant(self.fresh_until),
            **self._content(),
        }

    def _content(self) -> dict[str, Any]:
        settings = [
            {
                "name": s.name,
                "value": s.value,
                "set_by": s.set_by,
                "set_at": format_instant(s.set_at),
                "reason": s.reason,
            }
            for s in sorted(self.settings, key=lambda s: s.name)
        ]
        documents = sorted((dict(document) for document in self.documents), key=lambda document: str(document["id"]))
        law = {name: dict(document) for name, document in self.law.items()}
        return {"parameters": settings, "directives": documents, "pinned": sorted(self.pinned), "law": law}

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "PolicyBundle":
        """Read the JSON value back.

        Raises:
            InputError: it is not a policy bundle of this format.
        """
        try:
            if value["format"] != FORMAT:
                raise InputError(f"expected a policy bundle of the format `{FORMAT}`, found `{value['format']}`")
            return cls(
                int(value["epoch"]),
                parse_instant(value["issued_at"]),
                parse_instant(value["fresh_until"]),
                tuple(
                    Setting(s["name"], s["value"], s["set_by"], parse_instant(s["set_at"]), s["reason"])
                    for s in value["parameters"]
                ),
                tuple(value["directives"]),
                frozenset(map(ItemId, value["pinned"])),
                value["law"],
            )
        except (KeyError, TypeError, ValueError) as err:
            raise InputError(f"expected a policy bundle of the format `{FORMAT}`: {err}") from err


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A compiled bundle: directives, the rules that always stand, and counsel's readings.

    `restricted` are the items that any directive ever named. Two policies are equal
    if they are one: what is worked out by a policy is remembered by it.
    """

    epoch: int
    digest: str
    issued_at: datetime
    fresh_until: datetime
    parameters: Parameters
    directives: tuple[CompiledDirective, ...]
    by_item: Mapping[str, tuple[CompiledDirective, ...]]
    standing: Mapping[str, RuleSet]
    restricted: frozenset[str]
    groups: CountryGroups
    listing: ListingRules

    def on(self, items: Iterable[str]) -> tuple[CompiledDirective, ...]:
        """The directives that name any of these items, in force or not, each once."""
        names = tuple(items)
        if len(names) == 1:
            return self.by_item.get(names[0], ())
        return tuple({x.directive.id: x for name in sorted(names) for x in self.by_item.get(name, ())}.values())


def compile_policy(bundle: PolicyBundle) -> Policy:
    """Compile a bundle.

    Raises:
        ConfigurationError: a directive's rules do not hold, or two directives share an id.
        InputError: a document, a parameter or dated data are not valid.
    """
    directives = tuple(from_document(document) for document in bundle.documents)
    parameters = with_settings({s.name: s for s in bundle.settings})
    policy = policy_of(directives, parameters, read_law(bundle.law), bundle.fresh_until)
    return replace(
        policy,
        epoch=bundle.epoch,
        digest=bundle.digest,
        issued_at=bundle.issued_at,
        restricted=policy.restricted | bundle.pinned,
    )


def policy_of(directives: Sequence[Directive], parameters: Parameters, law: LawData, fresh_until: datetime) -> Policy:
    """A policy of directives and parameters, outside any bundle: for case files and drafts.

    Raises:
        ConfigurationError: a directive's rules do not hold, or two directives share an id.
        InputError: a country group is not one.
    """
    compiled = tuple(map(compile_directive, directives))
    if len({x.directive.id for x in compiled}) != len(compiled):
        raise ConfigurationError("expected each directive once", code="directive_twice")
    by_item: dict[str, tuple[CompiledDirective, ...]] = {}
    for one in compiled:
        if isinstance(one.directive.persons, NationalsOfGroups):
            law.groups.union(one.directive.persons.groups)
        for item in one.directive.items:
            by_item[item] = (*by_item.get(item, ()), one)
    return Policy(
        epoch=0,
        digest="",
        issued_at=fresh_until,
        fresh_until=fresh_until,
        parameters=parameters,
        directives=compiled,
        by_item=by_item,
        standing=standing_rules(),
        restricted=frozenset(by_item),
        groups=law.groups,
        listing=law.listing,
    )
