"""Statements that go past SQLAlchemy do what they do through it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from storage.columns import Id, Json, Line, Moment, Words, id_
from storage.health import trouble
from storage.prepared import Prepared

METADATA = sa.MetaData()
KINDS = sa.Table(
    "kinds",
    METADATA,
    id_(),
    sa.Column("moment", Moment),
    sa.Column("words", Words()),
    sa.Column("line", Line(5)),
    sa.Column("data", Json),
    sa.Column("yes", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("name", sa.String(16), nullable=False, unique=True),
)
ADD = sa.insert(KINDS).returning(KINDS)
MALAYSIA = timezone(timedelta(hours=8))

TEXTS = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=12)
VALUES = st.fixed_dictionaries(
    {"name": st.just("one")},
    optional={
        "moment": st.none()
        | st.builds(datetime.fromtimestamp, st.floats(0, 4e9), st.sampled_from([UTC, MALAYSIA])),
        "words": st.none() | TEXTS,
        "line": st.none() | TEXTS,
        "data": st.none() | st.dictionaries(st.text(max_size=3), st.integers() | st.booleans()),
        "yes": st.booleans(),
    },
)


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        METADATA.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


@given(values=VALUES)
def test_values_and_rows_are_those_of_sqlalchemy(
    connection: sa.Connection, values: dict[str, Any]
) -> None:
    with connection.begin() as transaction:
        through = connection.execute(ADD, values).mappings().one()
        transaction.rollback()
    with connection.begin() as transaction:
        past = Prepared(ADD).row(connection, values)
        assert past == dict(through)
        read = Prepared(sa.select(KINDS).where(KINDS.c.id == sa.bindparam("id", type_=Id)))
        assert read.row(connection, {"id": through["id"]}) == dict(through)
        transaction.rollback()


def test_the_statement_s_own_values_and_those_that_are_given(connection: sa.Connection) -> None:
    change = Prepared(
        sa.update(KINDS)
        .where(KINDS.c.name == sa.bindparam("who"))
        .values(moment=datetime(2026, 1, 1, 8, tzinfo=MALAYSIA), words=sa.bindparam("said"))
        .returning(KINDS.c.moment, KINDS.c.words.label("text"))
    )
    upsert = Prepared(
        sqlite.insert(KINDS).on_conflict_do_nothing(index_elements=["name"]).returning(KINDS.c.id)
    )
    counted = Prepared(sa.select(sa.func.count()).select_from(KINDS).limit(1))
    with connection.begin() as transaction:
        assert upsert.scalar(connection, {"name": "a"}) is not None
        assert upsert.scalar(connection, {"name": "a", "words": "other columns"}) is None
        assert upsert.tuples(connection, {"name": "b"}) != []
        assert change.row(connection, {"who": "nobody", "said": "x"}) is None
        given = {"who": "a", "said": "half \ud800"}
        assert change.rows(connection, given) == [
            {"moment": datetime(2026, 1, 1, tzinfo=UTC), "text": "half \ufffd"}
        ]
        assert given["said"] == "half \ud800"  # what is given is not changed
        assert counted.scalar(connection, {}) == 2
        transaction.rollback()


def test_errors_are_those_of_sqlalchemy_and_say_nothing_of_the_values(
    connection: sa.Connection,
) -> None:
    add = Prepared(sa.insert(KINDS))
    with connection.begin() as transaction:
        assert add.tuples(connection, {"name": "secret"}) == []
        with pytest.raises(sa.exc.IntegrityError, match="UNIQUE") as refused:
            add.tuples(connection, {"name": "secret"})
        assert trouble(refused.value) is None
        assert "secret" not in str(refused.value)
        connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(sa.exc.OperationalError) as refused_too:
            add.tuples(connection, {"name": "other"})
        assert trouble(refused_too.value) == "its file may only be read"
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        transaction.rollback()
