"""Alembic environment: runs the migrations on the connection that `upgrade` passes."""

from alembic import context

from weir.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
