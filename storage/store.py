"""The store: all parts together, over one database that is brought up to date first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.avatars import AvatarTables
from storage.chats import ChatTables
from storage.database import Database
from storage.inbox import InboxTables
from storage.people import PeopleTables
from storage.schema import bring_up_to_date
from storage.trainings import TrainingTables


class SqlStore(PeopleTables, AvatarTables, TrainingTables, ChatTables, InboxTables):
    """Fulfils `avatar.ports.Store`."""


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[SqlStore]:
    """A store at a database URL, its tables made or migrated. Raises DatabaseRefused."""
    database = Database(url)
    try:
        await bring_up_to_date(database)
        yield SqlStore(database)
    finally:
        await database.close()
