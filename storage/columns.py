"""What the tables are made of: the metadata they belong to, and kinds of columns that are the same
on SQLite and PostgreSQL.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from avatar.text import storable

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps it without a zone; naive times are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(sa.types.TypeDecorator[str]):
    """Text from outside. What a database cannot hold (half a surrogate pair; NUL on PostgreSQL)
    becomes U+FFFD: a reply that was paid for, or the end of a job, is never refused for one
    character.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Line(sa.types.TypeDecorator[str]):
    """The same, cut to a length: SQLite keeps what is longer, and PostgreSQL refuses it."""

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return storable(value)[: self.length]


# SQLite numbers rows by itself only in a column called INTEGER; AUTOINCREMENT keeps the number
# of a deleted row from being given again, so that an old button never means another row.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def id_() -> sa.Column[int]:
    """The number of a row."""
    return sa.Column("id", Id, primary_key=True, autoincrement=True)


def ref(name: str, target: str, *, nullable: bool = False, cascade: bool = False) -> sa.Column[Any]:
    """A reference to a row of another table; `cascade`: it goes with that."""
    return sa.Column(
        name,
        Id,
        sa.ForeignKey(f"{target}.id", ondelete="CASCADE" if cascade else None),
        nullable=nullable,
    )


AUTO: dict[str, Any] = {"sqlite_autoincrement": True}
