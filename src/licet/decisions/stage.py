"""Set the scene for a request at the gateway: from rows to values.

Nobody is screened against lists here yet: the scene says so by having no marks. The
place is that of the caller's address, where a database says so, and unknown elsewhere.
"""

from dataclasses import replace
from functools import lru_cache

from licet.decisions.request import Caller, Request, RequestedAct
from licet.decisions.scene import Body, Mode, Person, Scene
from licet.decisions.snapshot import Snapshot
from licet.items import Item, Kinship, Model
from licet.licenses import Holder, License, holder_of_organization, holder_of_person
from licet.parties import CLAIMS_KINDS, EvidenceKind, Genuineness, HolderBinding, Organization, Standing
from licet.terms import ItemId, KeyId, PartyId

_VOUCHED = frozenset({*CLAIMS_KINDS, EvidenceKind.IDENTITY_VENDOR})
_MODES = {RequestedAct.INFERENCE: Mode.REMOTE_INFERENCE, RequestedAct.METADATA: Mode.METADATA}


def set_scene(item: Item, request: Request, snapshot: Snapshot) -> Scene:
    """Everything the rows say that bears on a request.

    Only a directive asks here who somebody is, so for an item that none names no row
    of anybody is read.
    """
    # A router's candidates are decided on one by one: by itself it is a name like any other.
    kinship = Kinship.SAME if item.candidates else item.kinship
    model, mode = _model_of(item.id, kinship, item.base), _MODES[request.act]
    if item.id not in snapshot.policy.by_item and item.base not in snapshot.policy.by_item:
        return Scene(model, mode, person=None, body=None, place=request.place)
    organization = _organization(request.caller, snapshot)
    person = _person(request.caller, snapshot)
    holders = [] if person is None or person.holder is None else [person.holder]
    if organization is not None:
        holders.append(holder_of_organization(organization.id))
    return Scene(
        model=model,
        mode=mode,
        person=person,
        body=None if organization is None else Body(organization),
        place=request.place,
        licenses=_licenses(holders, model.names | ({item.base} if item.base else set()), snapshot),
    )


@lru_cache(maxsize=1 << 12)
def _model_of(item: ItemId, kinship: Kinship, base: ItemId | None) -> Model:
    """What the catalogue knows of an item."""
    return Model(frozenset({item}), kinship, base)


def _organization(caller: Caller, snapshot: Snapshot) -> Organization | None:
    """The organization on whose account the call is made; one not enrolled is unverified."""
    name = caller.organization
    if caller.party is not None:
        party = snapshot.parties.get(caller.party)
        name = None if party is None else party.organization
    if name is None:
        return None
    return snapshot.organizations.get(name) or Organization(name, name, "INT", verified=False)


def _person(caller: Caller, snapshot: Snapshot) -> Person | None:
    if not caller.natural_person:
        return None
    if caller.party is None:
        return Person(None)
    return Person(holder_of_person(caller.party), believed_standings(caller.party, caller.key, snapshot))


def believed_standings(party: PartyId, key: KeyId, snapshot: Snapshot) -> tuple[Standing, ...]:
    """What evidence has established about a party, each standing as it counts today with this key."""
    return tuple(_as_believed(x, key, snapshot) for x in snapshot.standings.get(party, ()))


def _as_believed(standing: Standing, key: KeyId, snapshot: Snapshot) -> Standing:
    """A standing as it counts today, with this key.

    What was shown with another key, or by somebody whose word is not taken today, permits
    nothing. It stays all the same: a nationality that it showed is not disproved by that.
    """
    if standing.keys and key not in standing.keys:
        return replace(standing, binding=HolderBinding.NONE)
    return standing if _may_vouch(standing, snapshot) else replace(standing, genuineness=Genuineness.NONE)


def _may_vouch(standing: Standing, snapshot: Snapshot) -> bool:
    if standing.kind in _VOUCHED:
        return standing.issuer in snapshot.vouching
    if standing.kind is not EvidenceKind.ORGANIZATION_ATTESTATION:
        return True
    issuer = snapshot.organizations.get(standing.issuer)
    return issuer is not None and issuer.verified and not issuer.suspended


def _licenses(holders: list[Holder], items: frozenset[str], snapshot: Snapshot) -> tuple[License, ...]:
    """The holders' licenses for these items, each once, by number."""
    held = (license_ for holder in holders for license_ in snapshot.licenses.get(holder, ()))
    found = {license_.id: license_ for license_ in held if not items.isdisjoint(license_.items)}
    return tuple(found[number] for number in sorted(found))
