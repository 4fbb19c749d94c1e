"""Policies are kept by their digest, so that a past decision can be made again."""

import sqlalchemy as sa
from alembic import op

from licet.errors import ConfigurationError

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "policies", sa.Column("digest", sa.String(64), primary_key=True), sa.Column("bundle", sa.Text, nullable=False)
    )


def downgrade() -> None:
    """There is no way back: what is on record could not be made again.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError("there is no way back: what is on record could not be made again")
