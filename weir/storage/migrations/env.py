"""What Alembic runs to work on the connection that `upgrade` hands it."""

from alembic import context

from weir.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
