"""What Alembic runs first: the steps happen in the transaction that was begun for them, or not at all."""

from alembic import context

from licet.stores.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
