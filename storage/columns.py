"""The types of columns: what Python has on one side and SQLite and PostgreSQL on the other."""

import json
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, Text
from sqlalchemy.types import TypeDecorator

from avatar.records import Address

# SQLite numbers rows by itself only where the column's type is exactly INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """Aware datetimes, in UTC. A naive one is refused with ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a time without its zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite keeps no zone; what lies there was written in UTC.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from anywhere. What no database can hold (NUL, half of a surrogate pair) becomes
    U+FFFD, so that no message can make a write fail.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        text = value.replace("\0", "\ufffd")
        try:
            text.encode()
        except UnicodeEncodeError:
            return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
        return text


class Json(TypeDecorator[object]):
    """Plain data as JSON text, in ASCII: it holds every string that Python can have."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        return None if value is None else json.loads(value)


class Place(TypeDecorator[Address]):
    """An address in one column, where nothing is looked up by it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Address | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps([value.platform, value.chat, value.thread, value.bot])

    def process_result_value(self, value: str | None, dialect: Dialect) -> Address | None:
        if value is None:
            return None
        platform, chat, thread, bot = json.loads(value)
        return Address(platform=platform, chat=chat, thread=thread, bot=bot)


def choice(of: type[StrEnum], name: str) -> Enum:
    """One of an enum's words; a CHECK constraint of that name holds the database to them."""
    return Enum(
        of,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )
