"""Run the migrations for Alembic, on the connection that the store passes in."""

from __future__ import annotations

from alembic import context

from gridmap.plans._database import METADATA

# Alembic loads this file under a name of its own; everybody else only reads it.
if __name__ == "env_py":
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()
