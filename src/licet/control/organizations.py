"""Organizations: whose word is believed, with which keys, and for what."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from licet.control.act import Act, Intent, require_same
from licet.control.mandates import Effect
from licet.decisions import Row, RowKind
from licet.errors import ConflictError, NotFoundError
from licet.parties import AttestationLimits, Organization, Standing, Withdrawal
from licet.stores import Store, Transaction
from licet.terms import OrganizationId, digest


class Organizations:
    """The acts about organizations after they were enrolled."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_key(self, by: str, organization: OrganizationId, key_id: str, jwk: Mapping[str, str]) -> Intent[str]:
        """Believe what is signed with one more of its keys; the others stay, so that it can change over."""

        def change(found: Organization) -> Organization:
            if key_id in (found.attestation_keys or {}):
                raise ConflictError(f"expected a new key, found that `{key_id}` exists", code="attestation_key_exists")
            return replace(found, attestation_keys={**(found.attestation_keys or {}), key_id: dict(jwk)})

        details = {"organization": organization, "attestation_key": key_id, "jwk": digest(dict(jwk))}
        return _changing(Act("organization.key.add", by, details, Effect.LOOSENS), organization, change)

    def remove_key(
        self, by: str, organization: OrganizationId, key_id: str, *, take_back: bool
    ) -> Intent[dict[str, Any]]:
        """Believe a key no longer; with `take_back`, also nothing that was ever signed with it."""

        def change(tx: Transaction, at: datetime) -> dict[str, Any]:
            found = _organization(tx, organization)
            keys = dict(found.attestation_keys or {})
            if keys.pop(key_id, None) is None:
                raise NotFoundError(f"expected a key of `{organization}`, found `{key_id}`", code="unknown_key")
            tx.put(replace(found, attestation_keys=keys))
            signed = [x for x in tx.holdings.standings_by(organization) if x.signing_key == key_id] if take_back else []
            return {"attestation_key": key_id, "withdrawn": withdraw_all(tx, signed, Withdrawal.BY_OFFICER, at)}

        details = {"organization": organization, "attestation_key": key_id, "take_back": take_back}
        return Intent(Act("organization.key.remove", by, details, Effect.TIGHTENS), change)

    def suspend(self, by: str, organization: OrganizationId) -> Intent[str]:
        """Believe nothing that it says or said; who is served by its word is cut at once."""
        act = Act("organization.suspend", by, {"organization": organization}, Effect.TIGHTENS)
        return _changing(act, organization, lambda found: replace(found, suspended=True))

    def resume(self, by: str, organization: OrganizationId) -> Intent[str]:
        """Believe it again, also what it said before."""
        act = Act("organization.resume", by, {"organization": organization}, Effect.LOOSENS)
        return _changing(act, organization, lambda found: replace(found, suspended=False))

    def limit(self, by: str, organization: OrganizationId, limits: AttestationLimits) -> Intent[str]:
        """Say for what its word is taken; what it has attested already is not looked at again."""
        with self._store.read() as tx:
            before = _organization(tx, organization).limits
        effect = Effect.LOOSENS if limits.widens(before) else Effect.TIGHTENS

        def change(found: Organization) -> Organization:
            require_same(f"what the word of `{organization}` is taken for", before, found.limits)
            return replace(found, limits=limits)

        details = {
            "organization": organization,
            "statuses": [status.value for status in limits.statuses],
            "relations": [relation.value for relation in limits.relations],
            "most_people": limits.most_people,
            "max_age_days": limits.max_age_days,
            "statements": list(limits.statements),
        }
        return _changing(Act("organization.limit", by, details, effect), organization, change)


def withdraw_all(tx: Transaction, standings: list[Standing], why: Withdrawal, at: datetime) -> int:
    """Withdraw those that are not withdrawn yet, and say how many they were."""
    rows: list[Row] = [
        replace(one, withdrawn_at=at, withdrawal=why)
        for one in standings
        if one.withdrawn_at is None or one.withdrawn_at > at
    ]
    if rows:
        tx.put_all(rows)
    return len(rows)


def _organization(tx: Transaction, organization: OrganizationId) -> Organization:
    found = tx.get(RowKind.ORGANIZATION, organization)
    if not isinstance(found, Organization):
        raise NotFoundError(f"expected the id of an organization, found `{organization}`", code="unknown_organization")
    return found


def _changing(act: Act, organization: OrganizationId, new: Callable[[Organization], Organization]) -> Intent[str]:
    def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
        tx.put(new(_organization(tx, organization)))
        return organization

    return Intent(act, change)
