"""The acts of administration, each in the words of the field."""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from licet.control.desk import Act, Desk, Done, Effect, Issued
from licet.decisions import Row, RowKind, Stop
from licet.directives import (
    READINGS,
    Directive,
    Enrolled,
    PolicyBundle,
    Setting,
    as_mapping,
    bindings_of,
    compile_directive,
    from_document,
    lift,
    parse_directive,
    read_value,
    supersede,
    with_settings,
)
from licet.errors import ConflictError, InputError, NotFoundError
from licet.items import Catalogue, Item
from licet.law import LAW_DOCUMENTS, law_document, read_law
from licet.licenses import License
from licet.parties import IssuedKey, Organization, Party, Serves, key_mac, key_of
from licet.stores import Store, StoredDirective, Transaction
from licet.terms import DirectiveId, ItemId, KeyId, LicenseId, OrganizationId, PartyId, format_instant

Result = TypeVar("Result")


class Control:
    """What an administrator may do. Every method that changes something is one act on record."""

    def __init__(self, *, store: Store, desk: Desk, pepper: bytes, upstreams: frozenset[str]) -> None:
        self._store = store
        self._desk = desk
        self._pepper = pepper
        self._upstreams = upstreams

    # Stop first.

    async def stop(self, by: str, items: Sequence[ItemId], *, everything: bool = False) -> Done[list[ItemId]]:
        """Take items offline for everybody, streams included; without names, whatever any directive ever named."""
        with self._store.read() as tx:
            chosen = list(items) or self._restricted(tx, everything=everything)

        def change(tx: Transaction, at: datetime) -> list[ItemId]:
            for item in chosen:
                tx.get(RowKind.ITEM, item)
                tx.put(Stop(item, by, at))
            return chosen

        return await self._desk.carry_out(Act("stop", by, {"items": chosen}, Effect.TIGHTENS), change)

    async def resume(self, by: str, items: Sequence[ItemId]) -> Done[list[ItemId]]:
        """Bring stopped items back; without names, all of them. Who may use them is decided as ever."""
        with self._store.read() as tx:
            stopped = sorted(row.item for row in tx.every(RowKind.STOP) if isinstance(row, Stop))
        chosen = list(items) or stopped

        def change(tx: Transaction, at: datetime) -> list[ItemId]:  # noqa: ARG001  # every change takes the instant
            for item in chosen:
                if tx.find(RowKind.STOP, item) is None:
                    raise ConflictError(f"expected an item that is stopped, found `{item}`", code="not_stopped")
                tx.remove(RowKind.STOP, item)
            return chosen

        return await self._desk.carry_out(Act("resume", by, {"items": chosen}, Effect.LOOSENS), change)

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

    async def add_item(
        self, by: str, item_id: ItemId, aliases: Iterable[str], upstream: str, *, concealed: bool = False
    ) -> Done[Row]:
        """Put a model into the catalogue, under its id and every other name that means exactly it."""
        if upstream not in self._upstreams:
            known = ", ".join(sorted(self._upstreams)) or "none"
            raise InputError(
                f"expected an upstream of licet.toml ({known}), found `{upstream}`", code="unknown_upstream"
            )

        def change(tx: Transaction, at: datetime) -> Row:
            item = Item(item_id, frozenset(aliases) - {item_id}, upstream, at, concealed)
            others = [row for row in tx.every(RowKind.ITEM) if isinstance(row, Item)]
            if any(other.id == item.id for other in others):
                raise ConflictError(f"expected a new item, found that `{item_id}` exists", code="item_exists")
            Catalogue.of([*others, item])
            tx.put(item)
            return item

        details = {"item": item_id, "aliases": sorted(aliases), "upstream": upstream, "concealed": concealed}
        return await self._desk.carry_out(Act("item.add", by, details), change)

    async def add_organization(self, by: str, organization: Organization) -> Done[Row]:
        """Enroll an organization whose identity and place an officer has checked."""
        details = {
            "organization": organization.id,
            "organized_under": organization.organized_under,
            "kind": organization.kind.value,
            "attestation_keys": sorted(organization.attestation_keys or {}),
        }
        return await self._add(by, "organization.add", organization, details)

    async def add_party(self, by: str, party: Party) -> Done[Row]:
        """Enroll a natural person under a pseudonym."""

        def check(tx: Transaction) -> None:
            if party.organization is not None:
                tx.get(RowKind.ORGANIZATION, party.organization)

        return await self._add(by, "party.add", party, {"party": party.id, "organization": party.organization}, check)

    async def _add(
        self,
        by: str,
        name: str,
        row: Organization | Party | License,
        details: Mapping[str, Any],
        check: Callable[[Transaction], None] = lambda _tx: None,
    ) -> Done[Row]:
        def change(tx: Transaction, at: datetime) -> Row:  # noqa: ARG001  # every change takes the instant
            kind = {Organization: RowKind.ORGANIZATION, Party: RowKind.PARTY, License: RowKind.LICENSE}[type(row)]
            if tx.find(kind, row.id) is not None:
                raise ConflictError(f"expected a new {kind}, found that `{row.id}` exists", code=f"{kind}_exists")
            check(tx)
            tx.put(row)
            return row

        # A license is leave, and an organization's key is an anchor of trust.
        effect = Effect.NEUTRAL if isinstance(row, Party) else Effect.LOOSENS
        return await self._desk.carry_out(Act(name, by, details, effect), change)

    # Keys.

    async def issue_key(
        self, by: str, party: PartyId | None, organization: OrganizationId | None, serves: Serves | None
    ) -> Done[Issued]:
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
        return await self._desk.carry_out(Act("key.issue", by, details), change)

    async def revoke_key(self, by: str, key_id: KeyId) -> Done[str]:
        """End a key at once; answers that run under it are cut."""

        def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
            tx.get(RowKind.KEY, key_id)
            tx.remove(RowKind.KEY, key_id)
            return key_id

        return await self._desk.carry_out(Act("key.revoke", by, {"key": key_id}, Effect.TIGHTENS), change)

    # Directives.

    def check_directive(self, text: str, name: str) -> tuple[Directive, str]:
        """Parse, check and compile a file against the catalogue; nothing changes."""
        with self._store.read() as tx:
            directive = from_document(parse_directive(text, name, read_law(tx.law()).groups, _enrolled(tx)))
        return directive, compile_directive(directive).cedar

    async def activate_directive(self, by: str, text: str, name: str) -> Done[DirectiveId]:
        """Bring a directive into force at the instants it states; it supersedes those it names."""
        with self._store.read() as tx:
            document = parse_directive(text, name, read_law(tx.law()).groups, _enrolled(tx))
        directive = from_document(document)
        digest = sha256(text.encode()).hexdigest()

        def change(tx: Transaction, at: datetime) -> DirectiveId:
            stored = {one.id: one for one in tx.directives()}
            if directive.id in stored:
                raise ConflictError(
                    f"expected a new directive, found that `{directive.id}` is active", code="directive_exists"
                )
            for predecessor in sorted(directive.supersedes):
                if predecessor not in stored:
                    raise NotFoundError(
                        f"expected an active directive, found `{predecessor}`", code="unknown_directive"
                    )
                before = stored[predecessor]
                tx.put_directive(replace(before, document=supersede(before.document, directive)))
            tx.put_directive(StoredDirective(directive.id, text, digest, document, at, by))
            return directive.id

        details = {
            "directive": directive.id,
            "items": list(directive.items),
            "sha256": digest,
            "supersedes": sorted(directive.supersedes),
        }
        act = Act("directive.activate", by, details, Effect.LOOSENS if directive.supersedes else Effect.TIGHTENS)
        return await self._desk.carry_out(act, change, policy=True)

    async def lift_directive(self, by: str, directive: DirectiveId, at: datetime | None) -> Done[DirectiveId]:
        """Lift a directive at an instant, or now."""

        def change(tx: Transaction, now: datetime) -> DirectiveId:
            stored = {one.id: one for one in tx.directives()}.get(directive)
            if stored is None:
                raise NotFoundError(f"expected an active directive, found `{directive}`", code="unknown_directive")
            if at is not None and at < now:
                raise InputError(
                    "expected an instant that is not past: what was decided stays decided", code="past_instant"
                )
            tx.put_directive(replace(stored, document=lift(stored.document, at or now)))
            return directive

        details = {"directive": directive, "at": None if at is None else format_instant(at)}
        return await self._desk.carry_out(Act("directive.lift", by, details, Effect.LOOSENS), change, policy=True)

    def directives(self) -> list[StoredDirective]:
        """Every directive ever activated."""
        with self._store.read() as tx:
            return tx.directives()

    def policy(self) -> PolicyBundle:
        """The policy bundle as it stands: directives, parameters and dated data."""
        return self._desk.policy()

    # Licenses.

    async def grant_license(self, by: str, license_: License) -> Done[Row]:
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
        return await self._add(by, "license.grant", license_, details, check)

    async def revoke_license(self, by: str, license_id: LicenseId) -> Done[Row]:
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

        return await self._desk.carry_out(Act("license.revoke", by, {"license": license_id}, Effect.TIGHTENS), change)

    # Parameters.

    async def set_parameter(self, by: str, name: str, text: str, reason: str) -> Done[Setting]:
        """Set one of counsel's readings, with a reason that may be produced."""
        value = read_value(name, text)
        if not reason.strip():
            raise InputError("expected a reason in one sentence, found none", code="reason_missing")

        def change(tx: Transaction, at: datetime) -> Setting:
            for item in bindings_of(value)[1] if name == "min_binding" else ():
                if tx.find(RowKind.ITEM, item) is None:
                    raise InputError(f"expected an item of the catalogue, found `{item}`", code="unknown_item")
            setting = Setting(name, value, by, at, reason.strip())
            tx.put_setting(setting)
            return setting

        details = {"parameter": name, "value": value, "reason": reason.strip()}
        return await self._desk.carry_out(Act("parameter.set", by, details, Effect.LOOSENS), change, policy=True)

    def parameters(self) -> list[dict[str, Any]]:
        """Every parameter: its question, its value, and who set it and why, if anybody did."""
        with self._store.read() as tx:
            settings = {setting.name: setting for setting in tx.settings()}
        values = as_mapping(with_settings(settings))
        return [
            {
                "name": name,
                "value": values[name],
                "question": reading.question,
                "set_by": settings[name].set_by if name in settings else None,
                "set_at": format_instant(settings[name].set_at) if name in settings else None,
                "reason": settings[name].reason if name in settings else None,
            }
            for name, reading in READINGS.items()
        ]

    # Dated data of the law.

    async def update_law(self, by: str, name: str, text: str) -> Done[str]:
        """Put a newer document of dated data in place; every directive is compiled against it first."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as err:
            raise InputError(f"expected JSON: {err}", code="bad_law") from err
        if not isinstance(document, dict):
            raise InputError("expected a JSON object", code="bad_law")
        law_document(name, {})

        def change(tx: Transaction, at: datetime) -> str:
            read_law({**tx.law(), name: document})
            tx.put_law(name, document, by, at)
            return name

        details = {"law": name, "as_of": str(document.get("as_of")), "sha256": sha256(text.encode()).hexdigest()}
        return await self._desk.carry_out(Act("law.update", by, details, Effect.LOOSENS), change, policy=True)

    def law(self) -> list[dict[str, Any]]:
        """Every document of dated data, and whether it is the one shipped."""
        with self._store.read() as tx:
            replaced = tx.law()
        documents = {name: law_document(name, replaced) for name in LAW_DOCUMENTS}
        return [
            {"name": name, "as_of": found["as_of"], "shipped": name not in replaced, "document": dict(found)}
            for name, found in documents.items()
        ]

    # Reading.

    def rows(self, kind: RowKind) -> list[Row]:
        """Every row of a kind."""
        with self._store.read() as tx:
            return tx.every(kind)

    def row(self, kind: RowKind, key: str) -> Row:
        """One row.

        Raises:
            NotFoundError: there is none.
        """
        with self._store.read() as tx:
            return tx.get(kind, key)


def _enrolled(tx: Transaction) -> Enrolled:
    organizations = (row.id for row in tx.every(RowKind.ORGANIZATION) if isinstance(row, Organization))
    items = (row for row in tx.every(RowKind.ITEM) if isinstance(row, Item))
    return Enrolled(Catalogue.of(items), frozenset(organizations))
