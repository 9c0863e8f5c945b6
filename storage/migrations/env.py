"""What Alembic runs for every command: the connection comes from `storage.migrate`, with its
transaction begun, so that a migration happens as a whole or not at all.
"""

from alembic import context

from storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
