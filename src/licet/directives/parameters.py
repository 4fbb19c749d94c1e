"""Counsel's readings: named, dated, attributed, each with a reason that may be produced.

They belong to the signed policy bundle, never to the service's configuration.
Only readings that this version acts on are listed; the rest come with the rules
that need them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from licet.errors import InputError
from licet.parties import Assurance

BINDINGS = ("bearer", "dpop", "mtls")
"""From the weakest: whoever has the key, RFC 9449, RFC 8705."""
_PAIR = 2
_ASSURANCES = tuple(level.name.lower() for level in Assurance)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every parameter with its value; the defaults are those the design gives."""

    remote_inference: str = "release"
    us_person_abroad: str = "permit"
    org_is_recipient: bool = True
    us_registered_is_us: str = "unset"
    nationality_rule: str = "most_recent"
    nationality_tie: str = "unset"
    macau: str = "unset"
    derivatives: str = "conservative"
    distilled_share_limit: str = "0.10"
    oral_notice: str = "on_receipt"
    unauthenticated_directive: str = "ignore"
    min_assurance: str = "substantial"
    evidence_max_age_days: int = 365
    accept_org_attestation: bool = True
    accept_foreign_word_for_us_citizenship: bool = False
    contract_employees: str = "exclude"
    third_country_employees_covered: bool = True
    holiday_calendar: str = "federal"
    block_listed_parties: bool = True
    embargo_block: bool = True
    milintel_service: str = "deny"
    enforce_4e091: bool = True
    affiliates_rule_suspended: str = "by_date"
    e2e_under_directive: str = "unset"
    unknown_place: str = "ignore"
    min_binding: str = "bearer"
    stale_policy: str = "serve_unrestricted"
    log_outage: str = "serve_unrestricted"
    policy_max_age_s: int = 3600


@dataclass(frozen=True, slots=True)
class Share:
    """A share of one, written with a point and at most four digits after it."""

    def __contains__(self, value: object) -> bool:
        """Whether it is one."""
        return isinstance(value, str) and re.fullmatch(r"0[.][0-9]{1,4}|1[.]0{1,4}", value) is not None


@dataclass(frozen=True, slots=True)
class PerItem:
    """A word for every item, then one for each item that has its own: `bearer,fable-5=dpop`."""

    words: tuple[str, ...]

    def __contains__(self, value: object) -> bool:
        """Whether it is written so, each item once."""
        if not isinstance(value, str):
            return False
        first, *rest = value.split(",")
        pairs = [one.split("=") for one in rest]
        named = {pair[0] for pair in pairs}
        well_formed = all(len(pair) == _PAIR and pair[0] and pair[1] in self.words for pair in pairs)
        return first in self.words and well_formed and len(named) == len(pairs)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parameter decides and which values it may take."""

    question: str
    values: tuple[Any, ...] | range | Share | PerItem


READINGS: Mapping[str, Reading] = {
    "remote_inference": Reading("Is inference over a network a release (15 CFR 734.15)?", ("release", "not_export")),
    "us_person_abroad": Reading("Is a US person's own use abroad an export?", ("permit", "treat_as_export")),
    "org_is_recipient": Reading("Is the organization behind a call a recipient beside its user?", (True, False)),
    "us_registered_is_us": Reading(
        "Is a company organized abroad and registered to do business in the US a US one?", ("unset", "true", "false")
    ),
    "nationality_rule": Reading("Which nationality counts under a country rule?", ("most_recent", "any")),
    "nationality_tie": Reading(
        "Two nationalities acquired on the same day: ask, or the strictest?", ("unset", "strictest")
    ),
    "macau": Reading("Does Macau count with Country Group D:5?", ("unset", "with_d5", "literal")),
    "derivatives": Reading("Does a fine-tune or a distilled model follow its base?", ("conservative", "named_only")),
    "distilled_share_limit": Reading("The share of distilled training above which a model follows its base.", Share()),
    "oral_notice": Reading("Does an oral notice bind on receipt or only in writing?", ("on_receipt", "on_writing")),
    "unauthenticated_directive": Reading("Is an order nobody could authenticate enforced?", ("ignore", "enforce")),
    "min_assurance": Reading("The least assurance at which evidence counts.", _ASSURANCES),
    "evidence_max_age_days": Reading("Days after verification for which evidence counts.", range(1, 3651)),
    "accept_org_attestation": Reading("Does an organization's word about its own people count?", (True, False)),
    "accept_foreign_word_for_us_citizenship": Reading(
        "Does another state's document show that somebody is a US citizen?", (False, True)
    ),
    "contract_employees": Reading("Are contractors of a licensed party its employees?", ("exclude", "ask")),
    "third_country_employees_covered": Reading(
        "Does a license reach a party's employees of third countries?", (True, False)
    ),
    "holiday_calendar": Reading("Which legal holidays extend a license's last day?", ("federal", "federal_and_state")),
    "block_listed_parties": Reading("Does the Entity List bar inference that is no act of an item?", (True, False)),
    "embargo_block": Reading("House policy: nobody in an embargoed place is served.", (True, False)),
    "milintel_service": Reading(
        "A service to military intelligence (15 CFR 744.6(b)(5)): ", ("deny", "license_required")
    ),
    "enforce_4e091": Reading("Is ECCN 4E091, announced as not enforced, applied?", (True, False)),
    "affiliates_rule_suspended": Reading("Is the affiliates rule suspended?", ("by_date", "true", "false")),
    "e2e_under_directive": Reading(
        "Encrypted storage abroad under an order that names exports.", ("unset", "not_export")
    ),
    "unknown_place": Reading("Where the caller is cannot be told: ignore that, or ask?", ("ignore", "ask")),
    "min_binding": Reading("How firmly must a restricted item's caller be bound to their key?", PerItem(BINDINGS)),
    "stale_policy": Reading("A stale policy: unrestricted items", ("serve_unrestricted", "deny")),
    "log_outage": Reading("The record log is out: unrestricted items", ("serve_unrestricted", "deny")),
    "policy_max_age_s": Reading("Seconds for which a policy bundle stays fresh without renewal.", range(2, 86_401)),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter as someone set it.

    `reason` is one sentence that may be produced to an agency or a court.
    """

    name: str
    value: Any
    set_by: str
    set_at: datetime
    reason: str


def read_value(name: str, text: str) -> Any:
    """Turn what a person typed into a parameter's value.

    Raises:
        InputError: no such parameter, or not one of its values.
    """
    if name not in READINGS:
        raise InputError(
            f"expected one of {', '.join(READINGS)}, found the parameter `{name}`", code="unknown_parameter"
        )
    values = READINGS[name].values
    if isinstance(values, range):
        if text.isdecimal() and int(text) in values:
            return int(text)
        raise InputError(
            f"expected `{name}` from {values.start} to {values.stop - 1}, found `{text}`", code="bad_parameter"
        )
    if isinstance(values, Share):
        if text in values:
            return text
        raise InputError(f"expected `{name}` to be a share such as `0.10`, found `{text}`", code="bad_parameter")
    if isinstance(values, PerItem):
        if text in values:
            return text
        raise InputError(
            f"expected `{name}` to be one of {', '.join(values.words)}, and more such as `,fable-5={values.words[-1]}` "
            f"for single items, found `{text}`",
            code="bad_parameter",
        )
    for value in values:
        if text == (str(value).lower() if isinstance(value, bool) else value):
            return value
    choices = ", ".join(str(value).lower() for value in values)
    raise InputError(f"expected `{name}` to be one of {choices}, found `{text}`", code="bad_parameter")


@lru_cache(maxsize=64)
def bindings_of(min_binding: str) -> tuple[str, Mapping[str, str]]:
    """What `min_binding` asks for every item, and for the items that have a word of their own."""
    first, *rest = min_binding.split(",")
    return first, dict(one.split("=") for one in rest)


def with_settings(settings: Mapping[str, Setting]) -> Parameters:
    """The defaults, overridden by what was set.

    Raises:
        InputError: a setting names no parameter or holds none of its values.
    """
    for name, setting in settings.items():
        if (
            name not in READINGS
            or type(setting.value) is not type(getattr(Parameters(), name))
            or setting.value not in READINGS[name].values
        ):
            raise InputError(
                f"expected a known parameter and value, found `{name}` = `{setting.value}`", code="bad_parameter"
            )
    return Parameters(**{name: setting.value for name, setting in settings.items()})


def as_mapping(parameters: Parameters) -> Mapping[str, Any]:
    """Every parameter by name."""
    return {field.name: getattr(parameters, field.name) for field in fields(Parameters)}
