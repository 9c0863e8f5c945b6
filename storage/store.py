"""The store: everything that is remembered, behind `avatar.ports.Store`.

async with open_store("sqlite+aiosqlite:///data/avatar.db") as store:
    avatar = await store.avatar_by_slug("malaysian")
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError

from storage.avatars import AvatarsPart
from storage.chats import ChatsPart
from storage.database import CannotOpen, Database, make_engine, make_folder, read_url
from storage.inbox import InboxPart
from storage.migrate import migrate
from storage.people import PeoplePart
from storage.spending import SpendingPart
from storage.trainings import TrainingsPart
from storage.versions import VersionsPart


class SqlStore(
    PeoplePart,
    AvatarsPart,
    VersionsPart,
    TrainingsPart,
    ChatsPart,
    SpendingPart,
    InboxPart,
):
    """Fulfils `avatar.ports.Store` on a database whose tables are there."""


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[SqlStore]:
    """The store at a DATABASE_URL: made or migrated as needed, closed at the end.

    Raises CannotOpen, whose text is one line for the operator.
    """
    address = read_url(url)
    try:
        make_folder(address)
        await asyncio.to_thread(migrate, address)
    except (DBAPIError, OSError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error.strerror
        shown = address.render_as_string(hide_password=True)
        raise CannotOpen(f"the database {shown} cannot be opened: {reason}") from error
    database = Database(make_engine(address))
    try:
        yield SqlStore(database)
    finally:
        await database.close()
