"""The acts of administration, each in the words of the field.

Each method says what would be done and how; whether it is done, and by how many, is
for the office and the desk.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from licet.control.act import Act, Intent, require_same
from licet.control.anchors import Anchors
from licet.control.desk import Issued
from licet.control.mandates import Effect
from licet.control.organizations import Organizations
from licet.control.vouchers import Vouchers
from licet.decisions import Row, RowKind, Stop
from licet.errors import ConflictError, InputError
from licet.items import SELF, Catalogue, Item, Lineage
from licet.licenses import License
from licet.parties import IssuedKey, Organization, Party, PartyLink, Serves, Standing, key_mac, key_of
from licet.stores import Store, Transaction
from licet.terms import ItemId, KeyId, LicenseId, OrganizationId, PartyId, digest, format_instant


@dataclass(frozen=True, slots=True)
class Drain:
    """For how many seconds answers may go on that a stop finds, from an instant, or from that of the act."""

    seconds: int = 0
    since: datetime | None = None

    def until(self, at: datetime) -> datetime | None:
        """Until when; None for not at all."""
        return (self.since or at) + timedelta(seconds=self.seconds) if self.seconds else None


AT_ONCE = Drain()
_MANY = 5_000
"""From so many rows on a change takes longer than others should wait."""


class Control:
    """What an administrator may do to what is served. Every method that gives an intent is one act on record."""

    def __init__(self, *, store: Store, pepper: bytes, upstreams: frozenset[str]) -> None:
        self._store = store
        self._pepper = pepper
        self._upstreams = upstreams
        self.anchors = Anchors(pepper)
        self.organizations = Organizations(store)
        self.vouchers = Vouchers()

    # Stop first.

    def stop(
        self,
        by: str,
        items: Sequence[ItemId],
        *,
        everything: bool = False,
        order: str | None = None,
        drain: Drain = AT_ONCE,
    ) -> Intent[list[ItemId]]:
        """Take items offline for everybody, streams included; without names, whatever any directive ever named.

        `order` is the number of the order on the gateway's machine by which they are
        stopped already. What is stopped already with an earlier end for what runs keeps it.
        """
        with self._store.read() as tx:
            chosen = list(items) or self._restricted(tx, everything=everything)

        def change(tx: Transaction, at: datetime) -> list[ItemId]:
            for item in chosen:
                tx.get(RowKind.ITEM, item)
                found = tx.find(RowKind.STOP, item)
                tx.put(Stop(item, by, at, drain.until(at)).with_other(found if isinstance(found, Stop) else None))
            return chosen

        details: dict[str, Any] = {"items": chosen} | ({} if order is None else {"order": order})
        details |= {"drain_s": drain.seconds} if drain.seconds else {}
        return Intent(Act("stop", by, details, Effect.TIGHTENS), change)

    def resume(self, by: str, items: Sequence[ItemId]) -> Intent[list[ItemId]]:
        """Bring stopped items back; without names, all of them. Who may use them is decided as ever."""
        with self._store.read() as tx:
            stopped = {row.item: row.at for row in tx.every(RowKind.STOP) if isinstance(row, Stop)}
        chosen = list(items) or sorted(stopped)

        def change(tx: Transaction, at: datetime) -> list[ItemId]:  # noqa: ARG001  # every change takes the instant
            for item in chosen:
                row = tx.find(RowKind.STOP, item)
                if not isinstance(row, Stop):
                    raise ConflictError(f"expected an item that is stopped, found `{item}`", code="not_stopped")
                # A later stop of the same item is another stop, which nobody has agreed to end.
                require_same(f"the stop of `{item}`", stopped.get(item), row.at)
                tx.remove(RowKind.STOP, item)
            return chosen

        # Those that are stopped now: what is stopped later, this act does not bring back.
        since = {item: format_instant(stopped[item]) if item in stopped else None for item in chosen}
        act = Act("resume", by, {"items": chosen, "stopped_at": since}, Effect.LOOSENS)
        return Intent(act, change, arguments={"items": chosen, "everything": False})

    def _restricted(self, tx: Transaction, *, everything: bool) -> list[ItemId]:
        held = sorted(row.id for row in tx.every(RowKind.ITEM) if isinstance(row, Item))
        chosen = held if everything else [item for item in held if item in tx.pinned()]
        if not chosen:
            raise ConflictError(
                "no directive names any item, so name the items to stop, or use --all for every one",
                code="nothing_to_stop",
            )
        return chosen

    # Items, organizations, parties.

    def add_item(
        self,
        by: str,
        item_id: ItemId,
        aliases: Iterable[str],
        upstream: str,
        *,
        concealed: bool = False,
        lineage: Lineage = SELF,
    ) -> Intent[Row]:
        """Put a model into the catalogue, under its id and every other name that means exactly it."""
        self._require_upstream(upstream)

        def change(tx: Transaction, at: datetime) -> Row:
            _require_roots(tx, lineage)
            item = Item(item_id, frozenset(aliases) - {item_id}, upstream, at, concealed)
            return _put_item(
                tx, replace(item, kinship=lineage.kinship, base=lineage.base, candidates=lineage.candidates)
            )

        details = {"item": item_id, "aliases": sorted(aliases), "upstream": upstream, "concealed": concealed}
        return Intent(Act("item.add", by, details | lineage.told(), Effect.LOOSENS), change)

    def import_items(self, by: str, items: Sequence[ItemId], upstream: str) -> Intent[list[ItemId]]:
        """Put many models of one upstream into the catalogue, each under one name."""
        self._require_upstream(upstream)

        def change(tx: Transaction, at: datetime) -> list[ItemId]:
            for item in items:
                _put_item(tx, Item(item, frozenset(), upstream, at))
            return list(items)

        details = {"items": sorted(items), "upstream": upstream}
        return Intent(Act("item.import", by, details, Effect.LOOSENS), change)

    def _require_upstream(self, upstream: str) -> None:
        if upstream not in self._upstreams:
            known = ", ".join(sorted(self._upstreams)) or "none"
            raise InputError(
                f"expected an upstream of licet.toml ({known}), found `{upstream}`", code="unknown_upstream"
            )

    def add_organization(self, by: str, organization: Organization) -> Intent[Row]:
        """Enroll an organization whose identity and place an officer has checked."""
        details = {
            "organization": organization.id,
            "organized_under": organization.organized_under,
            "kind": organization.kind.value,
            "attestation_keys": sorted(organization.attestation_keys or {}),
        }
        return self._add(by, "organization.add", organization, details)

    def add_party(self, by: str, party: Party) -> Intent[Row]:
        """Enroll a natural person under a pseudonym."""

        def check(tx: Transaction) -> None:
            if party.organization is not None:
                tx.get(RowKind.ORGANIZATION, party.organization)

        return self._add(by, "party.add", party, {"party": party.id, "organization": party.organization}, check)

    def import_parties(self, by: str, parties: Sequence[Party]) -> Intent[int]:
        """Enroll many natural persons under pseudonyms; one who is enrolled comes to the organization named.

        The act's record has a digest of who they are, and not ten thousand names.
        """

        def change(tx: Transaction, at: datetime) -> int:  # noqa: ARG001  # every change takes the instant
            for organization in sorted({one.organization for one in parties if one.organization is not None}):
                tx.get(RowKind.ORGANIZATION, organization)
            tx.put_all(parties)
            return len(parties)

        listed = sorted([one.id, one.organization or ""] for one in parties)
        details = {"parties": len(parties), "digest": digest(listed)}
        return Intent(Act("party.import", by, details, Effect.LOOSENS), change, long=len(parties) > _MANY)

    def _add(
        self,
        by: str,
        name: str,
        row: Organization | Party | License,
        details: Mapping[str, Any],
        check: Callable[[Transaction], None] = lambda _tx: None,
    ) -> Intent[Row]:
        def change(tx: Transaction, at: datetime) -> Row:  # noqa: ARG001  # every change takes the instant
            kind = {Organization: RowKind.ORGANIZATION, Party: RowKind.PARTY, License: RowKind.LICENSE}[type(row)]
            if tx.find(kind, row.id) is not None:
                raise ConflictError(f"expected a new {kind}, found that `{row.id}` exists", code=f"{kind}_exists")
            check(tx)
            tx.put(row)
            return row

        # A license is leave, and an organization's key is an anchor of trust.
        effect = Effect.NEUTRAL if isinstance(row, Party) else Effect.LOOSENS
        return Intent(Act(name, by, details, effect), change)

    # Keys.

    def issue_key(
        self, by: str, party: PartyId | None, organization: OrganizationId | None, serves: Serves | None
    ) -> Intent[Issued]:
        """Issue a key to one party, or to an organization for its people or its machines."""
        if (party is None) == (organization is None) or (organization is None) != (serves is None):
            raise InputError(
                "expected either a party, or an organization and what its key serves", code="bad_key_owner"
            )
        key_id = KeyId(secrets.token_hex(8))
        text = key_of(key_id, secrets.token_hex(24))
        row = IssuedKey(key_id, key_mac(self._pepper, text), party, organization, serves)

        def change(tx: Transaction, at: datetime) -> Issued:  # noqa: ARG001  # every change takes the instant
            if party is not None:
                tx.get(RowKind.PARTY, party)
            if organization is not None:
                tx.get(RowKind.ORGANIZATION, organization)
            tx.put(row)
            return Issued(key_id, text)

        details = {"key": key_id, "party": party, "organization": organization, "serves": serves}
        return Intent(Act("key.issue", by, details), change)

    def revoke_key(self, by: str, key_id: KeyId) -> Intent[str]:
        """End a key at once; answers that run under it are cut."""

        def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
            tx.get(RowKind.KEY, key_id)
            tx.remove(RowKind.KEY, key_id)
            return key_id

        return Intent(Act("key.revoke", by, {"key": key_id}, Effect.TIGHTENS), change)

    # Licenses.

    def grant_license(self, by: str, license_: License) -> Intent[Row]:
        """Enter a license that an agency has granted."""

        def check(tx: Transaction) -> None:
            for item in license_.items:
                tx.get(RowKind.ITEM, item)
            for holder in license_.holders:
                person = holder.startswith("person:")
                tx.get(RowKind.PARTY if person else RowKind.ORGANIZATION, holder.removeprefix("person:"))

        if license_.valid_until <= license_.valid_from:
            raise InputError("expected the license to end after it begins", code="contradictory_dates")
        details = {
            "license": license_.id,
            "items": sorted(license_.items),
            "holders": sorted(license_.holders),
            "valid_from": format_instant(license_.valid_from),
            "valid_until": format_instant(license_.valid_until),
            "employees": license_.employees,
        }
        return self._add(by, "license.grant", license_, details, check)

    def revoke_license(self, by: str, license_id: LicenseId) -> Intent[Row]:
        """End a license now (15 CFR 750.8); answers that rest on it are cut."""

        def change(tx: Transaction, at: datetime) -> Row:
            row = tx.get(RowKind.LICENSE, license_id)
            if not isinstance(row, License) or row.revoked_at is not None:
                raise ConflictError(
                    f"expected a license in force, found that `{license_id}` is revoked", code="license_revoked"
                )
            revoked = replace(row, revoked_at=at)
            tx.put(revoked)
            return revoked

        return Intent(Act("license.revoke", by, {"license": license_id}, Effect.TIGHTENS), change)

    # Reading.

    def rows(self, kind: RowKind) -> list[Row]:
        """Every row of a kind."""
        with self._store.read() as tx:
            return tx.every(kind)

    def held_by(self, party: PartyId) -> tuple[list[Standing], list[PartyLink]]:
        """What evidence has established about a party, and the subjects of token issuers that it is."""
        with self._store.read() as tx:
            return tx.holdings.standings(party), tx.holdings.links(party)

    def page(self, kind: RowKind, after: str, most: int) -> list[Row]:
        """Rows of a kind by key, the first after a key: there may be a million."""
        with self._store.read() as tx:
            return tx.page(kind, after, most)

    def row(self, kind: RowKind, key: str) -> Row:
        """One row.

        Raises:
            NotFoundError: there is none.
        """
        with self._store.read() as tx:
            return tx.get(kind, key)


def _require_roots(tx: Transaction, lineage: Lineage) -> None:
    """What an item is made from, and what it may choose, must be known; no base is a derivative itself."""
    roots = (*filter(None, [lineage.base]), *lineage.candidates)
    known = {row.id: row for row in tx.every(RowKind.ITEM) if isinstance(row, Item)} if roots else {}
    for name in roots:
        found = known.get(name)
        if found is None or found.candidates or (lineage.base == name and found.base is not None):
            raise InputError(
                f"expected the id of an item that is no router, and is no derivative as a base, found `{name}`",
                code="bad_kinship",
            )


def _put_item(tx: Transaction, item: Item) -> Item:
    others = [row for row in tx.every(RowKind.ITEM) if isinstance(row, Item)]
    if any(other.id == item.id for other in others):
        raise ConflictError(f"expected a new item, found that `{item.id}` exists", code="item_exists")
    Catalogue.of([*others, item])
    tx.put(item)
    return item
