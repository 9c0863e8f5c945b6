"""Alembic's scripts: one file a step under `versions`, run by `storage.migrate`."""
