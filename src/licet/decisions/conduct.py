"""Classify the act: what a mode of access does with an item.

Source: 15 CFR 734.13 (export), 734.15 (release), 734.18(a)(5) (encrypted storage),
734.19 (access information). In inference the item itself does not move; whether
it is a release is counsel's parameter.
"""

from licet.decisions.scene import Mode
from licet.directives import Parameters
from licet.law import ListingRules
from licet.terms import Truth

_US = "US"
_INFERENCE = frozenset({Mode.REMOTE_INFERENCE, Mode.EMBEDDED_US_PRODUCT})
_REVEALING = frozenset({Mode.WEIGHTS_DOWNLOAD, Mode.ACCESS_INFORMATION})


def is_controlled(mode: Mode) -> bool:
    """Whether anything of the item is revealed or moved at all."""
    return mode not in {Mode.METADATA, Mode.DERIVED_OUTPUT}


def is_inference(mode: Mode) -> bool:
    """Whether it is inference, which is always also a service."""
    return mode in _INFERENCE


def is_release(mode: Mode, parameters: Parameters) -> bool:
    """Whether the item is released to whoever receives it."""
    return mode in _REVEALING or (mode in _INFERENCE and parameters.remote_inference == "release")


def outside_us(place: str | None, parameters: Parameters) -> Truth:
    """Whether a place is abroad; an unknown one as counsel reads it."""
    if place is None:
        return Truth.UNKNOWN if parameters.unknown_place == "ask" else Truth.NO
    return Truth.NO if place == _US else Truth.YES


def sent(mode: Mode, place: str | None, parameters: Parameters, listing: ListingRules) -> Truth:
    """Whether the item is sent abroad, as the rules read without any directive."""
    abroad = outside_us(place, parameters)
    if mode is Mode.HOSTED_REPLICA_ABROAD:
        return Truth.YES
    if mode is Mode.ENCRYPTED_STORAGE:
        if place is None:
            return abroad
        return Truth.YES if place in listing.encrypted_storage_exports else Truth.NO
    if mode in _REVEALING:
        return abroad
    treated = parameters.us_person_abroad == "treat_as_export" and is_release(mode, parameters)
    return abroad if mode in _INFERENCE and treated else Truth.NO


def sent_under_directive(mode: Mode, place: str | None, parameters: Parameters, listing: ListingRules) -> Truth:
    """The same under a directive that names exports: encrypted storage abroad is then counsel's to read."""
    plain = sent(mode, place, parameters, listing)
    abroad = mode is Mode.ENCRYPTED_STORAGE and plain is Truth.NO and place not in {None, _US}
    return Truth.UNKNOWN if abroad and parameters.e2e_under_directive == "unset" else plain
