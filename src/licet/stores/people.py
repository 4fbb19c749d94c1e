"""Administrators by name, and the acts that wait for a second one of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from licet.errors import ConflictError, InputError, NotFoundError
from licet.stores import schema
from licet.terms import format_instant, parse_instant, require_id


class Role(StrEnum):
    """What somebody is an administrator for."""

    OFFICER = "officer"
    OPERATOR = "operator"
    AUDITOR = "auditor"


MOST_PENDING = 1_000
"""How many proposals may wait: a stolen token fills the store no further."""

ACTING = frozenset({Role.OFFICER, Role.OPERATOR})
"""The roles of one who acts on everything, which one person may hold together."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """A named administrator. A name is never given twice, so that a record's name is one person's.

    `added_at` is None where it was before that was kept.
    """

    name: str
    roles: frozenset[Role]
    added_at: datetime | None = None
    added_by: str = ""
    removed_at: datetime | None = None


class PendingState(StrEnum):
    """What became of an act that needs two persons."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class PendingAct:
    """An act as it was proposed, and what became of it. What was proposed never changes.

    Attributes:
        arguments: All that is needed to do it.
        meaning: What it would do to the state as it stood, as its record would say it.
        digest: Of name, arguments, meaning and who proposed it.
        expires_at: The first instant at which nobody may approve it any more.
    """

    id: str
    act: str
    arguments: Mapping[str, Any]
    meaning: Mapping[str, Any]
    digest: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    state: PendingState = PendingState.PENDING
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None


def require_roles(roles: frozenset[Role]) -> frozenset[Role]:
    """Give back the roles if one person may hold them.

    Raises:
        InputError: there is none, or an auditor would also act.
    """
    if not roles or (Role.AUDITOR in roles and len(roles) > 1):
        raise InputError(
            "expected officer, operator or both, or auditor alone: who audits changes nothing", code="bad_roles"
        )
    return roles


class People:
    """The administrators and pending acts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Administrators.

    def add(self, one: Administrator, token_sha256: str) -> None:
        """Name an administrator by a token, of which only the digest is kept.

        Raises:
            InputError: the name cannot be one, or the roles do not go together.
            ConflictError: the name, in whatever case, or the token was given before.
        """
        require_id(one.name, "an administrator")
        require_roles(one.roles)
        if one.name.casefold() in {other.name.casefold() for other in self.every()}:
            raise ConflictError(
                f"expected a name that was never given, found `{one.name}`", code="administrator_exists"
            )
        self._require_new_token(token_sha256)
        values = {
            "name": one.name,
            "token_sha256": token_sha256,
            "roles": _spell(one.roles),
            "added_at": None if one.added_at is None else format_instant(one.added_at),
            "added_by": one.added_by,
            "removed_at": None,
        }
        self._connection.execute(insert(schema.administrators).values(**values))

    def holder(self, token: str) -> Administrator | None:
        """Whose token this is; None also where they were removed."""
        c = schema.administrators.c
        query = select(schema.administrators).where(c.token_sha256 == token_digest(token), c.removed_at.is_(None))
        found = self._connection.execute(query).one_or_none()
        return None if found is None else _administrator(found)

    def get(self, name: str) -> Administrator:
        """An administrator who was not removed.

        Raises:
            NotFoundError: there is none of that name.
        """
        for one in self.every():
            if one.name == name and one.removed_at is None:
                return one
        raise NotFoundError(f"expected the name of an administrator, found `{name}`", code="unknown_administrator")

    def every(self) -> list[Administrator]:
        """All administrators by name, also those who were removed."""
        found = self._connection.execute(select(schema.administrators).order_by(schema.administrators.c.name))
        return [_administrator(row) for row in found]

    def set_roles(self, name: str, roles: frozenset[Role]) -> None:
        """Give other roles."""
        self._set(name, roles=_spell(require_roles(roles)))

    def set_token(self, name: str, token_sha256: str) -> None:
        """Put another token in the place of the one before.

        Raises:
            ConflictError: it was given before.
        """
        self._require_new_token(token_sha256)
        self._set(name, token_sha256=token_sha256)

    def remove(self, name: str, at: datetime) -> None:
        """End what a token may do; the name stays taken."""
        self._set(name, removed_at=format_instant(at))

    def _set(self, name: str, **values: str) -> None:
        table = schema.administrators
        self._connection.execute(update(table).where(table.c.name == name).values(**values))

    def _require_new_token(self, token_sha256: str) -> None:
        query = select(schema.administrators.c.name).where(schema.administrators.c.token_sha256 == token_sha256)
        if self._connection.execute(query).first() is not None:
            raise ConflictError("expected the digest of a new token, found one that was given", code="token_exists")

    # Acts that wait for a second person.

    def propose(self, pending: PendingAct) -> None:
        """Keep an act until somebody else has decided on it.

        Raises:
            ConflictError: too many wait already.
        """
        if self.waiting() >= MOST_PENDING:
            raise ConflictError(f"expected at most {MOST_PENDING} proposals to wait", code="too_many_pending")
        values = {
            "id": pending.id,
            "act": pending.act,
            "arguments": json.dumps(pending.arguments),
            "meaning": json.dumps(pending.meaning),
            "digest": pending.digest,
            "proposed_by": pending.proposed_by,
            "proposed_at": format_instant(pending.proposed_at),
            "expires_at": format_instant(pending.expires_at),
            "state": pending.state.value,
        }
        self._connection.execute(insert(schema.pending).values(**values))

    def pending(self, pending_id: str) -> PendingAct:
        """A proposed act.

        Raises:
            NotFoundError: none of that id was ever proposed.
        """
        found = self._connection.execute(select(schema.pending).where(schema.pending.c.id == pending_id)).one_or_none()
        if found is None:
            raise NotFoundError(f"expected the id of a proposed act, found `{pending_id}`", code="unknown_pending")
        return _pending(found)

    def pendings(self, state: PendingState | None = None) -> list[PendingAct]:
        """Proposed acts, oldest first; of one state, or all."""
        query = select(schema.pending).order_by(schema.pending.c.id)
        if state is not None:
            query = query.where(schema.pending.c.state == state.value)
        return [_pending(row) for row in self._connection.execute(query)]

    def waiting(self) -> int:
        """How many proposed acts nobody has decided on."""
        c = schema.pending.c
        query = select(func.count()).where(c.state == PendingState.PENDING.value)
        return int(self._connection.execute(query).scalar_one())

    def expired(self, at: datetime) -> list[str]:
        """The proposed acts that can no longer be approved, and are not yet said to have expired."""
        c = schema.pending.c
        found = self._connection.execute(select(c.id, c.expires_at).where(c.state == PendingState.PENDING.value))
        return [row.id for row in found if at >= parse_instant(row.expires_at)]

    def decide(self, pending_id: str, state: PendingState, by: str, at: datetime, reason: str | None = None) -> None:
        """Say what became of a proposed act."""
        values = {"state": state.value, "decided_by": by, "decided_at": format_instant(at), "reason": reason}
        self._connection.execute(update(schema.pending).where(schema.pending.c.id == pending_id).values(**values))


def token_digest(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so its digest is no guess away."""
    return sha256(token.encode()).hexdigest()


def _spell(roles: frozenset[Role]) -> str:
    return ",".join(sorted(roles))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _administrator(row: Row[Any]) -> Administrator:
    roles = frozenset(map(Role, row.roles.split(",")))
    return Administrator(row.name, roles, _instant(row.added_at), row.added_by, _instant(row.removed_at))


def _pending(row: Row[Any]) -> PendingAct:
    return PendingAct(
        id=row.id,
        act=row.act,
        arguments=json.loads(row.arguments),
        meaning=json.loads(row.meaning),
        digest=row.digest,
        proposed_by=row.proposed_by,
        proposed_at=parse_instant(row.proposed_at),
        expires_at=parse_instant(row.expires_at),
        state=PendingState(row.state),
        decided_by=row.decided_by,
        decided_at=_instant(row.decided_at),
        reason=row.reason,
    )
