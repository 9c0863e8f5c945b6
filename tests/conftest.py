"""Held over all tests: no query reads a whole table that grows, and no secret stands in a log. And
a PostgreSQL for all.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from storage.database import Database
from storage.prepared import Values, Written
from storage.schema import bring_up_to_date
from tests import secrecy
from tests.standins import made, postgres

# A busy machine is no fault of a test.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")

# What grows with use. `avatars` and `avatar_owners` are listed in pages by their own key.
GROWING = {
    "acquaintances",
    "account_chats",
    "accounts",
    "activations",
    "avatar_training_data",
    "budgets",
    "chats",
    "confirmations",
    "fine_tune_events",
    "fine_tune_jobs",
    "guesses",
    "imports",
    "incoming",
    "invitations",
    "links",
    "message_refs",
    "messages",
    "notices",
    "people",
    "spending",
    "taught",
    "training_drafts",
    "training_examples",
}
# Hold only what still waits: walking along one of these costs what is waiting.
PARTIAL = {
    "ix_avatar_training_data_training",
    "ix_fine_tune_jobs_open",
    "ix_incoming_waiting",
    "ix_notices_owed",
}


def full_scans(statement: str, plan: list[str]) -> list[str]:
    """The steps of a query plan that walk through all of a table that grows."""
    if "LIMIT" in statement and "WHERE" not in statement and len(plan) == 1:
        return []  # a page along an index, from its beginning
    found = []
    for step in plan:
        words = step.split()
        if words[0] == "SCAN" and words[1] in GROWING and words[-1] not in PARTIAL:
            found.append(step)
    return found


@pytest.fixture(scope="session", autouse=True)
def no_full_scans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Collects every statement that any test runs on SQLite and looks at its plan at the end."""
    statements: dict[str, Any] = {}

    def collect(
        connection: Any, _: Any, statement: str, parameters: Any, __: Any, many: bool
    ) -> None:
        if connection.dialect.name == "sqlite" and statement.split(maxsplit=1)[0] in {
            "SELECT",
            "UPDATE",
            "DELETE",
        }:
            statements.setdefault(statement, parameters[0] if many else parameters)

    def run(self: Written, connection: sa.Connection, values: Values) -> list[Any]:
        collect(connection, None, self.sql, self.parameters(values), None, False)
        return as_it_runs(self, connection, values)

    as_it_runs = Written.run
    event.listen(Engine, "before_cursor_execute", collect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Written, "run", run)  # what goes past SQLAlchemy
        yield
    event.remove(Engine, "before_cursor_execute", collect)
    file = tmp_path_factory.mktemp("plans") / "empty.db"
    asyncio.run(_make(file))
    for statement, plan in _plans(file, statements):
        scans = full_scans(statement, plan)
        assert not scans, f"{scans} in\n{statement}"


async def _make(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    await bring_up_to_date(database)
    await database.close()


def _plans(file: Path, statements: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    connection = sqlite3.connect(file)
    for statement, parameters in statements.items():
        if "sqlite_master" in statement or "alembic" in statement:
            continue
        try:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # a test's own
                continue
            raise
        yield statement, [row[3] for row in rows]
    connection.close()


@pytest.fixture(scope="session", autouse=True)
def no_secret_in_a_log() -> Iterator[None]:
    """Reads every log of all tests, to debug, for every secret that any of them uses."""
    with secrecy.watched() as watch:
        yield
    assert not watch.leaks, "\n".join(watch.leaks)


@pytest.fixture(scope="session", autouse=True)
def new_databases_are_cheap() -> Iterator[None]:
    with made.once():
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster | None]:
    if postgres.programs() is None:
        yield None
    else:
        with postgres.running() as running:
            yield running
