"""What was spent, added up by month."""

from functools import cache
from typing import Any

import sqlalchemy as sa

from avatar.records import Spent
from storage.base import insert_into
from storage.database import Database
from storage.tables import spending


def add_spent(database: Database, write: sa.Connection, spent: Spent) -> None:
    """Add an amount to the account of its month."""
    write.execute(_adding(database.is_sqlite), _amounts(spent))


def _amounts(spent: Spent) -> dict[str, Any]:
    new = {
        "count": spent.count,
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "cost": spent.cost or 0,
        "unpriced": spent.count if spent.cost is None else 0,
    }
    key = {
        "avatar_id": spent.avatar_id,
        "month": spent.month,
        "kind": spent.kind,
        "version_id": spent.version_id or 0,
        "model": spent.model,
    }
    return {**key, **new}


@cache
def _adding(is_sqlite: bool) -> Any:
    statement = insert_into(spending, is_sqlite=is_sqlite)
    amounts = ("count", "prompt_tokens", "completion_tokens", "cost", "unpriced")
    return statement.on_conflict_do_update(
        index_elements=["avatar_id", "month", "kind", "version_id", "model"],
        set_={name: spending.c[name] + statement.excluded[name] for name in amounts},
    )
