"""Bring a store of an earlier schema up to this one, step by step, in one transaction."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, insert, text

from licet.stores import schema


def _from_1(connection: Connection) -> None:
    """Policies were not kept by digest."""
    schema.policies.create(connection, checkfirst=True)


def _from_2(connection: Connection) -> None:
    """There were no roles, and one administrator loosened alone: so it stays, until it is made stricter."""
    connection.execute(text("ALTER TABLE administrators RENAME TO administrators_2"))
    schema.administrators.create(connection)
    connection.execute(
        text(
            "INSERT INTO administrators(name, token_sha256, roles, added_at, added_by, removed_at) "
            "SELECT name, token_sha256, 'officer,operator', NULL, 'licet init', NULL FROM administrators_2"
        )
    )
    connection.execute(text("DROP TABLE administrators_2"))
    schema.pending.create(connection)
    connection.execute(
        insert(schema.meta), [{"name": "persons", "value": "one"}, {"name": "broken_invariants", "value": "[]"}]
    )


STEPS: Mapping[str, Callable[[Connection], None]] = {"1": _from_1, "2": _from_2}
"""What to do to a store of each earlier schema to have the next."""
