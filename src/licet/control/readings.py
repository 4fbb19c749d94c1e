"""Whether another reading of counsel's permits more: a table, and what is not in it does.

A comparison of the two policies as they stand would not do: it asks about one instant
and about the directives of today, and a reading stands for the next ones too. So a
value counts as stricter only where that follows from what the reading says. Not here
are readings about which evidence counts, since what is set aside may have spoken
against somebody; about derivatives, which a license for the base covers too; and about
oral orders, which may take the place of a stricter one.
"""

from collections.abc import Mapping
from typing import Any

from licet.control.mandates import Effect
from licet.directives import BINDINGS, bindings_of

_FROM_THE_LOOSEST: Mapping[str, tuple[Any, ...]] = {
    "remote_inference": ("not_export", "release"),
    "us_person_abroad": ("permit", "treat_as_export"),
    "org_is_recipient": (False, True),
    "accept_foreign_word_for_us_citizenship": (True, False),
    "third_country_employees_covered": (True, False),
    "holiday_calendar": ("federal_and_state", "federal"),
    "block_listed_parties": (False, True),
    "embargo_block": (False, True),
    "milintel_service": ("license_required", "deny"),
    "enforce_4e091": (False, True),
    "affiliates_rule_suspended": ("true", "by_date", "false"),
    "e2e_under_directive": ("not_export", "unset"),
    "unknown_place": ("ignore", "ask"),
    "stale_policy": ("serve_unrestricted", "deny"),
    "log_outage": ("serve_unrestricted", "deny"),
}
"""Readings whose values go from the loosest to the strictest, each permitting what the next permits, and more."""

_LESS_IS_STRICTER = frozenset({"policy_max_age_s"})


def effect_of_setting(name: str, before: Any, after: Any) -> Effect:
    """What setting a parameter does; where nothing shows that it permits no more, it loosens."""
    if before == after or _is_stricter(name, before, after):
        return Effect.TIGHTENS
    return Effect.LOOSENS


def _is_stricter(name: str, before: Any, after: Any) -> bool:
    if name in _FROM_THE_LOOSEST:
        order = _FROM_THE_LOOSEST[name]
        return order.index(after) > order.index(before)
    if name in _LESS_IS_STRICTER:
        return bool(after < before)
    return name == "min_binding" and _binds_as_firmly(before, after)


def _binds_as_firmly(before: str, after: str) -> bool:
    """Whether every item, named or not, asks for at least as firm a binding as before."""
    (first, named), (second, others) = bindings_of(before), bindings_of(after)
    pairs = [(first, second), *((named.get(x, first), others.get(x, second)) for x in {*named, *others})]
    return all(BINDINGS.index(new) >= BINDINGS.index(old) for old, new in pairs)
