"""Which schema a store has, and how it comes to have this one.

The steps are Alembic's, under `migrations`. Stores from before it was used name their
schema among their single values; the numbers are the same.
"""

import logging
from importlib.resources import files

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, inspect, select

from licet.errors import ConfigurationError
from licet.stores import schema

HEAD = "6"
"""The revision of the tables in `schema`."""

_BEFORE = ("1", "2", "3")
_STEPS = (*_BEFORE, "4", "5")
# Alembic's own table, by its own name.
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def stamp(connection: Connection) -> None:
    """Say of tables that were just made that they are of this schema."""
    _version.create(connection)
    connection.execute(insert(_version).values(version_num=HEAD))


def revision_of(connection: Connection) -> str | None:
    """Which schema a store has; None if it names none."""
    names = inspect(connection).get_table_names()
    if _version.name in names:
        return connection.execute(select(_version.c.version_num)).scalar_one_or_none()
    if schema.meta.name not in names:
        return None
    query = select(schema.meta.c.value).where(schema.meta.c.name == "schema")
    found = connection.execute(query).scalar_one_or_none()
    return found if found in _BEFORE else None


def is_current(connection: Connection) -> bool:
    """Whether a store is of this schema, and says so where Alembic looks."""
    return inspect(connection).has_table(_version.name) and revision_of(connection) == HEAD


def bring_up(connection: Connection) -> None:
    """Run every step that is missing, in the transaction that is open.

    Raises:
        ConfigurationError: no steps lead from where the store is.
    """
    found = revision_of(connection)
    if found not in _STEPS:
        raise ConfigurationError(f"expected a store of the schema `{HEAD}` or an earlier one, found `{found}`")
    if not inspect(connection).has_table(_version.name):
        _version.create(connection)
        connection.execute(insert(_version).values(version_num=found))
        connection.execute(delete(schema.meta).where(schema.meta.c.name == "schema"))
    # Imported here: only a store that is not of this schema needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(files("licet.stores").joinpath("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")
