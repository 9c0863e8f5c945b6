"""The use-cases are tested on the real store, like the jobs."""

from tests.jobs.conftest import empty_database, world

__all__ = ["empty_database", "world"]
