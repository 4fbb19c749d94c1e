"""The acts that make the policy: directives, counsel's readings, dated data of the law.

Each method says what would be done and how; whether it is done, and by how many, is
for the office and the desk.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from licet.control.act import Act, Intent, Waiver, require_same
from licet.control.desk import Desk
from licet.control.mandates import Effect
from licet.control.readings import effect_of_setting
from licet.decisions import RowKind
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
from licet.parties import Organization
from licet.stores import Store, StoredDirective, Transaction
from licet.terms import DirectiveId, digest, format_instant


class Rulings:
    """What an officer may do to the policy. Every method that gives an intent is one act on record."""

    def __init__(self, store: Store, desk: Desk) -> None:
        self._store = store
        self._desk = desk

    # Directives.

    def check_directive(self, text: str, name: str) -> tuple[Directive, str]:
        """Parse, check and compile a file against the catalogue; nothing changes."""
        directive = from_document(self.read_directive(text, name))
        return directive, compile_directive(directive).cedar

    def read_directive(self, text: str, name: str) -> Mapping[str, Any]:
        """Parse and check a file against the catalogue; its document."""
        with self._store.read() as tx:
            return parse_directive(text, name, read_law(tx.law()).groups, _enrolled(tx))

    def activate_directive(self, by: str, text: str, name: str, waiver: Waiver | None = None) -> Intent[DirectiveId]:
        """Bring a directive into force at the instants it states; it supersedes those it names."""
        with self._store.read() as tx:
            document = parse_directive(text, name, read_law(tx.law()).groups, _enrolled(tx))
            before = {one.id: digest(one.document) for one in tx.directives()}
        directive = from_document(document)
        file_digest = sha256(text.encode()).hexdigest()

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
                replaced = stored[predecessor]
                require_same(f"the directive `{predecessor}`", before.get(predecessor), digest(replaced.document))
                tx.put_directive(replace(replaced, document=supersede(replaced.document, directive)))
            tx.put_directive(StoredDirective(directive.id, text, file_digest, document, at, by))
            return directive.id

        details = {
            "directive": directive.id,
            "items": list(directive.items),
            "sha256": file_digest,
            "supersedes": sorted(directive.supersedes),
            "predecessors": {name: before.get(name) for name in sorted(directive.supersedes)},
        }
        # A further order never permits more; one that takes another's place may.
        effect = Effect.LOOSENS if directive.supersedes else Effect.TIGHTENS
        act = Act("directive.activate", by, details, effect, waiver=waiver)
        return Intent(act, change, policy=True)

    def lift_directive(
        self, by: str, directive: DirectiveId, at: datetime | None, waiver: Waiver | None = None
    ) -> Intent[DirectiveId]:
        """Lift a directive at an instant, or now."""
        document = next((digest(one.document) for one in self.directives() if one.id == directive), None)

        def change(tx: Transaction, now: datetime) -> DirectiveId:
            stored = {one.id: one for one in tx.directives()}.get(directive)
            if stored is None:
                raise NotFoundError(f"expected an active directive, found `{directive}`", code="unknown_directive")
            if at is not None and at < now:
                raise InputError(
                    "expected an instant that is not past: what was decided stays decided", code="past_instant"
                )
            require_same(f"the directive `{directive}`", document, digest(stored.document))
            tx.put_directive(replace(stored, document=lift(stored.document, at or now)))
            return directive

        details = {"directive": directive, "at": None if at is None else format_instant(at), "document": document}
        return Intent(Act("directive.lift", by, details, Effect.LOOSENS, waiver=waiver), change, policy=True)

    def directives(self) -> list[StoredDirective]:
        """Every directive ever activated."""
        with self._store.read() as tx:
            return tx.directives()

    def policy(self) -> PolicyBundle:
        """The policy bundle as it stands: directives, parameters and dated data."""
        return self._desk.policy()

    # Parameters.

    def set_parameter(
        self, by: str, name: str, text: str, reason: str, waiver: Waiver | None = None
    ) -> Intent[Setting]:
        """Set one of counsel's readings, with a reason that may be produced."""
        value = read_value(name, text)
        with self._store.read() as tx:
            before = _value(tx, name)
        if not reason.strip():
            raise InputError("expected a reason in one sentence, found none", code="reason_missing")

        def change(tx: Transaction, at: datetime) -> Setting:
            for item in bindings_of(value)[1] if name == "min_binding" else ():
                if tx.find(RowKind.ITEM, item) is None:
                    raise InputError(f"expected an item of the catalogue, found `{item}`", code="unknown_item")
            require_same(f"the reading `{name}`", before, _value(tx, name))
            setting = Setting(name, value, by, at, reason.strip())
            tx.put_setting(setting)
            return setting

        details = {"parameter": name, "value": value, "before": before, "reason": reason.strip()}
        act = Act("parameter.set", by, details, effect_of_setting(name, before, value), waiver=waiver)
        return Intent(act, change, policy=True)

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

    def update_law(self, by: str, name: str, text: str, waiver: Waiver | None = None) -> Intent[str]:
        """Put a newer document of dated data in place; every directive is compiled against it first."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as err:
            raise InputError(f"expected JSON: {err}", code="bad_law") from err
        if not isinstance(document, dict):
            raise InputError("expected a JSON object", code="bad_law")
        with self._store.read() as tx:
            before = digest(law_document(name, tx.law()))

        def change(tx: Transaction, at: datetime) -> str:
            require_same(f"`{name}`", before, digest(law_document(name, tx.law())))
            read_law({**tx.law(), name: document})
            tx.put_law(name, document, by, at)
            return name

        file_digest = sha256(text.encode()).hexdigest()
        details = {"law": name, "as_of": str(document.get("as_of")), "sha256": file_digest, "before": before}
        return Intent(Act("law.update", by, details, Effect.LOOSENS, waiver=waiver), change, policy=True)

    def law(self) -> list[dict[str, Any]]:
        """Every document of dated data, and whether it is the one shipped."""
        with self._store.read() as tx:
            replaced = tx.law()
        documents = {name: law_document(name, replaced) for name in LAW_DOCUMENTS}
        return [
            {"name": name, "as_of": found["as_of"], "shipped": name not in replaced, "document": dict(found)}
            for name, found in documents.items()
        ]


def _value(tx: Transaction, name: str) -> Any:
    """What a reading is now."""
    return as_mapping(with_settings({one.name: one for one in tx.settings()}))[name]


def _enrolled(tx: Transaction) -> Enrolled:
    organizations = (row.id for row in tx.every(RowKind.ORGANIZATION) if isinstance(row, Organization))
    items = (row for row in tx.every(RowKind.ITEM) if isinstance(row, Item))
    return Enrolled(Catalogue.of(items), frozenset(organizations))
