"""Requests for a human review, and what is known of their documents."""

import sqlalchemy as sa
from alembic import op

from licet.errors import ConfigurationError

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add the two tables."""
    for name, about, flags in (
        ("reviews", "party", ("is_open", "has_message")),
        ("review_documents", "review", ("is_held",)),
    ):
        op.create_table(
            name,
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column(about, sa.String(128 if about == "party" else 64), nullable=False),
            *(sa.Column(flag, sa.Integer, nullable=False) for flag in flags),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
        op.create_index(f"{name}_by_{about}", name, [about])
    op.create_index("reviews_by_state", "reviews", ["is_open"])
    op.create_index("review_documents_held", "review_documents", ["is_held"])


def downgrade() -> None:
    """There is no way back: an earlier licet would destroy no document in time.

    Raises:
        ConfigurationError: always.
    """
    raise ConfigurationError("there is no way back: an earlier licet would destroy no document in time")
