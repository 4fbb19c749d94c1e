"""The steps from each schema to the next, as Alembic runs them."""
