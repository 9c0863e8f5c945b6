"""The store: all parts together, over one database that is brought up to date first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError

from avatar.errors import StoreFailed
from storage.accounts import AccountTables, OwnBotTables
from storage.acquaintances import AcquaintanceTables
from storage.arrivals import ArrivalTables
from storage.avatars import AvatarTables
from storage.budgets import BudgetTables
from storage.clock import ClockTables
from storage.database import Database, DatabaseRefused, data_folder
from storage.exchanges import ExchangeTables
from storage.exports import ExportTables
from storage.imports import ImportTables
from storage.inbox import InboxTables
from storage.linking import LinkTables
from storage.models import ModelTables
from storage.places import PlaceTables
from storage.references import ReferenceTables
from storage.schema import bring_up_to_date
from storage.sealing import Sealer
from storage.spending import SpendingTables
from storage.tallies import TallyTables
from storage.teaching import TaughtTables
from storage.trainings import TrainingTables
from storage.unsaying import UnsaidTables


class SqlStore(
    ArrivalTables,
    ExchangeTables,
    ReferenceTables,
    SpendingTables,
    AvatarTables,
    TrainingTables,
    ImportTables,
    TaughtTables,
    InboxTables,
    ModelTables,
    BudgetTables,
    AcquaintanceTables,
    PlaceTables,
    LinkTables,
    TallyTables,
    ClockTables,
    ExportTables,
    OwnBotTables,
    AccountTables,
    UnsaidTables,
):
    """Fulfils `avatar.stores.Store`."""


@asynccontextmanager
async def open_store(url: str, *, sealer: Sealer | None = None) -> AsyncIterator[SqlStore]:
    """A store at a database URL, its tables made or migrated. Secrets are sealed by `sealer`; by
    default with the key beside the database. Raises DatabaseRefused.
    """
    try:
        database = Database(url)
    except OSError as error:
        raise DatabaseRefused(reason="its folder cannot be made.", detail=str(error)) from error
    try:
        try:
            await bring_up_to_date(database)
        except (DBAPIError, StoreFailed) as error:
            reason = "it cannot be opened, read or written."
            raise DatabaseRefused(reason=reason, detail=str(error)) from error
        yield SqlStore(database, sealer or Sealer(folder=data_folder(url)))
    finally:
        await database.close()
