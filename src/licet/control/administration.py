"""The acts about administrators themselves: who they are, what for, and by which token.

A token is made by the person whose it is; only its digest comes here. If the one who
approves a new administrator were shown the token, one person would be two.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from licet.control.act import Act, Intent, require_same
from licet.control.mandates import Effect
from licet.errors import ConflictError, InputError, PermissionDeniedError
from licet.stores import Administrator, Role, Store, Transaction, require_roles
from licet.terms import format_instant, require_id

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Administration:
    """What an officer may do about administrators. Every method that gives an intent is one act on record."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, by: str, name: str, roles: frozenset[Role], token_sha256: str) -> Intent[dict[str, Any]]:
        """Name one more, by the digest of the token that they made."""
        require_id(name, "an administrator")
        require_roles(roles)
        digest = _digest(token_sha256)

        def change(tx: Transaction, at: datetime) -> dict[str, Any]:
            one = Administrator(name, roles, at, by)
            tx.people.add(one, digest)
            return as_value(one)

        details = {"administrator": name, "roles": sorted(roles), "token_sha256": digest}
        return Intent(Act("administrator.add", by, details, Effect.LOOSENS), change)

    def set_roles(self, by: str, name: str, roles: frozenset[Role]) -> Intent[dict[str, Any]]:
        """Give other roles; fewer is tighter."""
        require_roles(roles)
        with self._store.read() as tx:
            before = tx.people.get(name).roles

        def change(tx: Transaction, at: datetime) -> dict[str, Any]:  # noqa: ARG001  # every change takes the instant
            require_same(f"what `{name}` may do", before, tx.people.get(name).roles)
            tx.people.set_roles(name, roles)
            _require_officers(tx)
            return as_value(tx.people.get(name))

        details = {"administrator": name, "roles": sorted(roles), "before": sorted(before)}
        # Whoever was an auditor and is another now has gained the right to act.
        effect = Effect.TIGHTENS if roles <= before else Effect.LOOSENS
        return Intent(Act("administrator.role", by, details, effect), change)

    def remove(self, by: str, name: str) -> Intent[str]:
        """End what somebody's token may do; their proposals end with them."""

        def change(tx: Transaction, at: datetime) -> str:
            tx.people.get(name)
            tx.people.remove(name, at)
            _require_officers(tx)
            return name

        return Intent(Act("administrator.remove", by, {"administrator": name}, Effect.TIGHTENS), change)

    def rotate(self, by: str, name: str, token_sha256: str) -> Intent[str]:
        """Put another token in the place of one's own."""
        if name != by:
            raise PermissionDeniedError("expected one's own name: only they know the token", code="not_permitted")
        digest = _digest(token_sha256)

        def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
            tx.people.get(name)
            tx.people.set_token(name, digest)
            return name

        return Intent(Act("administrator.rotate", by, {"administrator": name, "token_sha256": digest}), change)

    def require_two(self, by: str) -> Intent[str]:
        """Have two persons agree to what loosens, from now on. Nothing leads back."""

        def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
            if not tx.single_person:
                raise ConflictError("two persons are asked for already", code="two_persons_already")
            tx.set_meta("persons", "two")
            _require_officers(tx)
            return "two"

        return Intent(Act("persons.two", by, {}, Effect.TIGHTENS), change)

    def every(self) -> list[dict[str, Any]]:
        """Everybody who is or was an administrator."""
        with self._store.read() as tx:
            return [as_value(one) for one in tx.people.every()]


def as_value(one: Administrator) -> dict[str, Any]:
    """An administrator as JSON."""
    instants: Mapping[str, datetime | None] = {"added_at": one.added_at, "removed_at": one.removed_at}
    told = {name: None if at is None else format_instant(at) for name, at in instants.items()}
    return {"name": one.name, "roles": sorted(one.roles), "added_by": one.added_by, **told}


def _require_officers(tx: Transaction) -> None:
    """Refuse to be left with too few who could ever loosen again: without them a stop would be for good."""
    officers = [one for one in tx.people.every() if one.removed_at is None and Role.OFFICER in one.roles]
    least = 1 if tx.single_person else 2
    if len(officers) < least:
        raise ConflictError(
            f"expected at least {least} officers to be left, found {len(officers)}: add another first",
            code="too_few_officers",
        )


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise InputError("expected the SHA-256 of a token, as `licet administrator token` prints it", code="bad_token")
    return text
