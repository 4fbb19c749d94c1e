"""Named administrators have roles, and what loosens waits for a second one.

Before, one administrator loosened alone: so it stays, until it is made stricter.
"""

import sqlalchemy as sa
from alembic import op

from licet.errors import ConfigurationError

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Give whoever there was both roles, and make room for what waits."""
    op.rename_table("administrators", "administrators_2")
    op.create_table(
        "administrators",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("roles", sa.String(64), nullable=False),
        sa.Column("added_at", sa.String(40), nullable=True),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("removed_at", sa.String(40), nullable=True),
    )
    op.execute(
        "INSERT INTO administrators(name, token_sha256, roles, added_at, added_by, removed_at) "
        "SELECT name, token_sha256, 'officer,operator', NULL, 'licet init', NULL FROM administrators_2"
    )
    op.drop_table("administrators_2")
    op.create_table(
        "pending",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("act", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("arguments", "meaning")),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("digest", "proposed_by")),
        *(sa.Column(name, sa.String(40), nullable=False) for name in ("proposed_at", "expires_at")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_at", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
    )
    op.create_index("pending_by_state", "pending", ["state"])
    op.execute("INSERT INTO meta(name, value) VALUES ('persons', 'one'), ('broken_invariants', '[]')")


def downgrade() -> None:
    """There is no way back: one would loosen alone again.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError("there is no way back: one would loosen alone again")
