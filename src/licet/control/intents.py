"""From the name and the arguments of an act to the act: once when it is proposed, once when it is approved.

The arguments are the body of the route and what stands in its path, so what a second
person approves is read exactly as it was when the first proposed it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from licet.control import bodies
from licet.control.act import Intent, Waiver
from licet.control.acts import Control, Drain
from licet.control.administration import Administration
from licet.control.keeping import Erasure, Keeper, NewHold, Why
from licet.control.reviewing import DECIDING, REVIEW, REVIEW_ACTS
from licet.control.reviews import Reviews
from licet.control.rulings import Rulings
from licet.control.trusting import TRUST_ACTS
from licet.control.vouching import VOUCHER_ACTS
from licet.control.workforces import Workforces
from licet.errors import InputError
from licet.items import Lineage
from licet.terms import DirectiveId, ItemId, KeyId, LicenseId, PartyId, parse_instant

Arguments: TypeAlias = Mapping[str, Any]
_Body = TypeVar("_Body", bound=BaseModel)
PATH = "in_path"
"""The argument that holds what stood in the path."""


@dataclass(frozen=True, slots=True)
class Intents:
    """Who knows each act."""

    control: Control
    rulings: Rulings
    keeper: Keeper
    administration: Administration
    workforces: Workforces
    reviews: Reviews

    async def ready(self, name: str, arguments: Arguments) -> None:
        """Have at hand what an act needs that takes long to come by.

        Raises:
            LicetError: it cannot be had.
        """
        if name == "workforce.take":
            await self.workforces.ready(str(arguments.get(PATH)))

    async def settled(self, name: str, arguments: Arguments) -> None:
        """Let go of what an act needed, now that it is done."""
        if name in DECIDING:
            await self.reviews.clear(str(arguments.get(REVIEW)))
        if name == "workforce.take":
            self.workforces.forget(str(arguments.get(PATH)))

    def of(self, name: str, by: str, arguments: Arguments) -> Intent[Any]:
        """The intent of an act; nothing is done by it.

        Raises:
            LicetError: there is no such act, or its arguments are not such.
        """
        try:
            if name in TRUST_ACTS:
                intent = TRUST_ACTS[name](self.control.organizations, by, arguments)
            elif name in VOUCHER_ACTS:
                intent = VOUCHER_ACTS[name](self.control.vouchers, by, arguments)
            elif name in REVIEW_ACTS:
                intent = REVIEW_ACTS[name](self.reviews, by, arguments)
            elif name in _ACTS:
                intent = _ACTS[name](self, by, arguments)
            else:
                raise InputError(f"expected an act that can be done so, found `{name}`")
        except ValidationError as err:
            raise InputError(f"expected the arguments of `{name}`: {err.error_count()} are not") from err
        return intent if intent.arguments else replace(intent, arguments=dict(arguments))


def _body(kind: type[_Body], arguments: Arguments) -> _Body:
    return kind.model_validate({name: value for name, value in arguments.items() if name != PATH})


def _waiver(body: bodies.Waivable) -> Waiver | None:
    if body.despite_proof is None:
        return None
    if not body.despite_proof.strip():
        raise InputError("expected a reason in one sentence, found none", code="reason_missing")
    return Waiver(body.despite_proof.strip())


def _stop(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.Stopping, arguments)
    items = list(map(ItemId, body.items))
    return on.control.stop(by, items, everything=body.everything, drain=Drain(body.drain_s))


def _resume(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.control.resume(by, list(map(ItemId, _body(bodies.Items, arguments).items)))


def _add_item(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.NewItem, arguments)
    lineage = Lineage(
        body.kinship, None if body.base is None else ItemId(body.base), tuple(map(ItemId, body.candidates))
    )
    return on.control.add_item(
        by, ItemId(body.id), body.aliases, body.upstream, concealed=body.concealed, lineage=lineage
    )


def _import_items(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.ManyItems, arguments)
    return on.control.import_items(by, list(map(ItemId, body.ids)), body.upstream)


def _add_organization(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.control.add_organization(by, _body(bodies.NewOrganization, arguments).to_organization())


def _take_workforce(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.workforces.take(by, arguments[PATH], enroll=_body(bodies.TakenWorkforce, arguments).enroll)


def _add_party(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.control.add_party(by, _body(bodies.NewParty, arguments).to_party())


def _import_parties(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.control.import_parties(by, _body(bodies.ManyParties, arguments).to_parties())


def _add_issuer(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.control.anchors.add(by, _body(bodies.NewIssuer, arguments).to_issuer())


def _link(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.NewLink, arguments)
    return on.control.anchors.link(by, PartyId(arguments[PATH]), body.issuer, body.subject)


def _unlink(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.NewLink, arguments)
    return on.control.anchors.unlink(by, PartyId(arguments[PATH]), body.issuer, body.subject)


def _issue_key(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.NewKey, arguments)
    return on.control.issue_key(by, body.party_id(), body.organization_id(), body.serves)


def _activate(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.DirectiveFile, arguments)
    return on.rulings.activate_directive(by, body.text, body.name, _waiver(body))


def _lift(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.Instant, arguments)
    at = None if body.at is None else parse_instant(body.at)
    return on.rulings.lift_directive(by, DirectiveId(arguments[PATH]), at, _waiver(body))


def _grant(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.control.grant_license(by, _body(bodies.NewLicense, arguments).to_license())


def _set_parameter(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.NewSetting, arguments)
    return on.rulings.set_parameter(by, arguments[PATH], body.value, body.reason, _waiver(body))


def _update_law(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.LawFile, arguments)
    return on.rulings.update_law(by, arguments[PATH], body.text, _waiver(body))


def _hold(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(NewHold, arguments)
    return on.keeper.hold(by, body.hold, body.subject, body.reason)


def _release(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.keeper.release(by, arguments[PATH], _body(Why, arguments).reason)


def _erase(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(Erasure, arguments)
    return on.keeper.erase(by, body.subject, body.reason)


def _add_administrator(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    body = _body(bodies.NewAdministrator, arguments)
    return on.administration.add(by, body.name, frozenset(body.roles), body.token_sha256)


def _set_roles(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.administration.set_roles(by, arguments[PATH], frozenset(_body(bodies.Roles, arguments).roles))


def _rotate(on: Intents, by: str, arguments: Arguments) -> Intent[Any]:
    return on.administration.rotate(by, arguments[PATH], _body(bodies.NewToken, arguments).token_sha256)


_ACTS: Mapping[str, Callable[[Intents, str, Arguments], Intent[Any]]] = {
    "stop": _stop,
    "resume": _resume,
    "item.add": _add_item,
    "item.import": _import_items,
    "organization.add": _add_organization,
    "workforce.take": _take_workforce,
    "party.add": _add_party,
    "party.import": _import_parties,
    "party.link": _link,
    "party.unlink": _unlink,
    "issuer.add": _add_issuer,
    "issuer.remove": lambda on, by, arguments: on.control.anchors.remove(by, arguments[PATH]),
    "key.issue": _issue_key,
    "key.revoke": lambda on, by, arguments: on.control.revoke_key(by, KeyId(arguments[PATH])),
    "directive.activate": _activate,
    "directive.lift": _lift,
    "license.grant": _grant,
    "license.revoke": lambda on, by, arguments: on.control.revoke_license(by, LicenseId(arguments[PATH])),
    "parameter.set": _set_parameter,
    "law.update": _update_law,
    "hold.set": _hold,
    "hold.release": _release,
    "record.erase": _erase,
    "administrator.add": _add_administrator,
    "administrator.role": _set_roles,
    "administrator.remove": lambda on, by, arguments: on.administration.remove(by, arguments[PATH]),
    "administrator.rotate": _rotate,
    "persons.two": lambda on, by, _: on.administration.require_two(by),
}
