"""Standings, links and keys are found by whom they are about, and standings by who issued them."""

import sqlalchemy as sa
from alembic import op

from licet.decisions import RowKind, decode_row
from licet.errors import ConfigurationError
from licet.stores.holdings import about

revision = "4"
down_revision = "3"
_AT_A_TIME = 10_000


def upgrade() -> None:
    """Add the columns, and fill them for what there is."""
    for name in ("owner", "source"):
        op.add_column("rows", sa.Column(name, sa.String(128), nullable=True))
        op.create_index(f"rows_by_{name}", "rows", ["kind", name])
    kinds = (RowKind.STANDING, RowKind.LINK, RowKind.KEY)
    table = sa.table("rows", *map(sa.column, ("kind", "key", "body", "owner", "source")))
    here = table.c.kind.in_([kind.value for kind in kinds]), table.c.body.is_not(None)
    connection = op.get_bind()
    last = ("", "")
    change = (
        sa.update(table)
        .where(table.c.kind == sa.bindparam("of_kind"), table.c.key == sa.bindparam("of_key"))
        .values(owner=sa.bindparam("owner"), source=sa.bindparam("source"))
    )
    while True:
        after = sa.tuple_(table.c.kind, table.c.key) > last
        query = sa.select(table.c.kind, table.c.key, table.c.body).where(*here, after)
        found = connection.execute(query.order_by(table.c.kind, table.c.key).limit(_AT_A_TIME)).all()
        if not found:
            return
        last = found[-1].kind, found[-1].key
        rows = [(row.kind, row.key, about(decode_row(RowKind(row.kind), row.body))) for row in found]
        connection.execute(change, [{"of_kind": kind, "of_key": key, **who} for kind, key, who in rows])


def downgrade() -> None:
    """There is no way back: an earlier licet would write rows without them.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError("there is no way back: an earlier licet would write rows that are not found")
