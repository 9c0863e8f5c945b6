"""New databases that cost little: what the migrations make is made once, and repeated."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import sqlalchemy as sa

from storage import schema
from storage.store import open_store
from tests.standins.postgres import Cluster

migrated = schema._upgrade  # the real one


@cache
def template(cluster: Cluster) -> str:
    """The name of a database of PostgreSQL with all tables."""
    url = cluster.create()

    async def open_once() -> None:
        async with open_store(url):
            pass

    asyncio.run(open_once())
    return url.partition("@/")[2].partition("?")[0]


@contextmanager
def once() -> Iterator[None]:
    """A new SQLite database gets what the migrations made of the first one; others are migrated."""
    statements: list[str] = []

    def made(connection: sa.Connection) -> None:
        if connection.dialect.name != "sqlite" or sa.inspect(connection).get_table_names():
            migrated(connection)
        elif statements:
            for statement in statements:
                connection.exec_driver_sql(statement)
        else:
            migrated(connection)
            raw = connection.connection.driver_connection
            assert raw is not None
            statements.extend(
                line for line in raw.iterdump() if line not in {"BEGIN TRANSACTION;", "COMMIT;"}
            )

    schema._upgrade = made
    try:
        yield
    finally:
        schema._upgrade = migrated
