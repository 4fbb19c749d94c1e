"""Country groups of the EAR, as dated data.

Source: 15 CFR part 740, supplement no. 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from licet.errors import InputError
from licet.terms import is_country


@dataclass(frozen=True, slots=True)
class CountryGroups:
    """Membership of each group on one day; `as_of` is that day."""

    as_of: str
    citation: str
    members: Mapping[str, frozenset[str]]

    def union(self, names: frozenset[str]) -> frozenset[str]:
        """Every country in any of the named groups.

        Raises:
            InputError: a name is no group; an unknown group must not read as an empty one.
        """
        unknown = sorted(names - self.members.keys())
        if unknown:
            raise InputError(
                f"expected one of {', '.join(sorted(self.members))}, found the country group `{unknown[0]}`"
            )
        return frozenset().union(*(self.members[name] for name in names))


def read_country_groups() -> CountryGroups:
    """Read the groups that this version of licet ships."""
    data = json.loads(files("licet.law").joinpath("country_groups.json").read_text(encoding="utf-8"))
    members = {name: frozenset(codes) for name, codes in data["groups"].items()}
    strangers = sorted({code for codes in members.values() for code in codes if not is_country(code)})
    if strangers:
        raise InputError(f"expected ISO country codes in the country groups, found `{strangers[0]}`")
    return CountryGroups(data["as_of"], data["citation"], members)
