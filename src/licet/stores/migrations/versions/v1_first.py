"""The first schema, which `licet init` of then has made; there is no earlier one to come from."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing: a store of an earlier form is none."""


def downgrade() -> None:
    """Nothing lies before it."""
