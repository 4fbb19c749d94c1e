"""Country groups of the EAR, as dated data.

Source: 15 CFR part 740, supplement no. 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from typing import Any

from licet.errors import InputError
from licet.terms import is_country


@dataclass(frozen=True, slots=True)
class CountryGroups:
    """Membership of each group on one day; `as_of` is that day."""

    as_of: str
    citation: str
    members: Mapping[str, frozenset[str]]
    # Worked out once for each scope that a directive has; the dated data do not change under it.
    _unions: dict[frozenset[str], frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def union(self, names: frozenset[str]) -> frozenset[str]:
        """Every country in any of the named groups.

        Raises:
            InputError: a name is no group; an unknown group must not read as an empty one.
        """
        known = self._unions.get(names)
        if known is None:
            known = self._unions[names] = self._union(names)
        return known

    def _union(self, names: frozenset[str]) -> frozenset[str]:
        unknown = sorted(names - self.members.keys())
        if unknown:
            raise InputError(
                f"expected one of {', '.join(sorted(self.members))}, found the country group `{unknown[0]}`"
            )
        return frozenset().union(*(self.members[name] for name in names))


def read_country_groups(document: Mapping[str, Any] | None = None) -> CountryGroups:
    """Read the groups from a document, or those that this version of licet ships.

    Raises:
        InputError: it is not such a document, or a code in it is no country's.
    """
    data = shipped("country_groups") if document is None else document
    try:
        members = {str(name): frozenset(map(str, codes)) for name, codes in data["groups"].items()}
        groups = CountryGroups(date.fromisoformat(data["as_of"]).isoformat(), str(data["citation"]), members)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise InputError(
            f"expected `as_of`, `citation` and `groups` of ISO country codes: {err}", code="bad_law"
        ) from err
    strangers = sorted({code for codes in members.values() for code in codes if not is_country(code)})
    if strangers:
        raise InputError(f"expected ISO country codes, found `{strangers[0]}`", code="bad_law")
    return groups


def shipped(name: str) -> Mapping[str, Any]:
    """A document that this version of licet ships, by the name of its file."""
    text = files("licet.law").joinpath(f"{name}.json").read_text(encoding="utf-8")
    document: Mapping[str, Any] = json.loads(text)
    return document
