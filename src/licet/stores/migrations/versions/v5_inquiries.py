"""References that vendors were given, by their digests."""

import sqlalchemy as sa
from alembic import op

from licet.errors import ConfigurationError

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "inquiries",
        sa.Column("sha256", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("vendor", "party", "key")),
        sa.Column("begun_at", sa.String(40), nullable=False),
        sa.Column("latest_at", sa.String(40), nullable=True),
        sa.Column("latest_event", sa.String(64), nullable=True),
    )
    op.create_index("inquiries_by_party", "inquiries", ["party"])


def downgrade() -> None:
    """There is no way back: what vendors take back later would be nobody's.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError("there is no way back: what vendors take back later would be nobody's")
