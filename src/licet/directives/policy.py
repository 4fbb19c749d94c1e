"""The policy: what counsel and the agencies have laid down, as one value.

A bundle is the data that is signed and sent; a policy is that bundle compiled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licet.directives.compile import CompiledDirective, compile_directive
from licet.directives.directive import NationalsOfGroups
from licet.directives.parameters import Parameters, Setting, with_settings
from licet.directives.parse import from_document
from licet.errors import ConfigurationError, InputError
from licet.law import CountryGroups
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
    """

    epoch: int
    issued_at: datetime
    fresh_until: datetime
    settings: tuple[Setting, ...]
    documents: tuple[Mapping[str, Any], ...]
    pinned: frozenset[ItemId]

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
        return {"parameters": settings, "directives": documents, "pinned": sorted(self.pinned)}

    @property
    def digest(self) -> str:
        """SHA-256 of the content, without epoch and freshness: renewal does not change it."""
        return digest(self._content())

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
            )
        except (KeyError, TypeError, ValueError) as err:
            raise InputError(f"expected a policy bundle of the format `{FORMAT}`: {err}") from err


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled bundle: directives by the item they name, and counsel's readings."""

    epoch: int
    digest: str
    issued_at: datetime
    fresh_until: datetime
    parameters: Parameters
    by_item: Mapping[ItemId, tuple[CompiledDirective, ...]]
    directives: tuple[CompiledDirective, ...]
    restricted: frozenset[ItemId]
    groups: CountryGroups

    def on(self, item: ItemId) -> Sequence[CompiledDirective]:
        """The directives that name an item, in force or not."""
        return self.by_item.get(item, ())


def compile_policy(bundle: PolicyBundle, groups: CountryGroups) -> Policy:
    """Compile a bundle.

    Raises:
        ConfigurationError: a directive's rules do not hold, or two directives share an id.
        InputError: a document, a parameter or a country group is not valid.
    """
    compiled = tuple(compile_directive(from_document(document)) for document in bundle.documents)
    ids = [x.directive.id for x in compiled]
    if len(set(ids)) != len(ids):
        raise ConfigurationError("expected each directive once", code="directive_twice")
    by_item: dict[ItemId, tuple[CompiledDirective, ...]] = {}
    for one in compiled:
        if isinstance(one.directive.persons, NationalsOfGroups):
            groups.union(one.directive.persons.groups)
        for item in one.directive.items:
            by_item[item] = (*by_item.get(item, ()), one)
    return Policy(
        bundle.epoch,
        bundle.digest,
        bundle.issued_at,
        bundle.fresh_until,
        with_settings({s.name: s for s in bundle.settings}),
        by_item,
        compiled,
        bundle.pinned | by_item.keys(),
        groups,
    )
