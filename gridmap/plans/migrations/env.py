"""What Alembic runs around the migrations: on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from gridmap.plans._database import METADATA

# Alembic loads this file under a name of its own; everybody else only reads it.
if __name__ == "env_py":
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()
