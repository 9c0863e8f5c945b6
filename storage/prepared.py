"""Statements that are run for every message.

SQLAlchemy takes some fifty microseconds to run a statement and a hundred to read a wide row, five
times what SQLite does; a reply runs some fourteen. On SQLite these go to the driver as SQLAlchemy
wrote them once, and values and rows are changed by the types of its columns, as it would do.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

K = TypeVar("K")

Statement = sa.Select[Any] | sa.Insert | sa.Update
Values = Mapping[str, Any]
_Change = Callable[[Any], Any]

# Named parameters: one dictionary fits them, whatever their order.
_DIALECT = sqlite.dialect(paramstyle="named")


class Prepared:
    """A statement whose parameters are given by name. All of it raises what SQLAlchemy raises."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        columns = list(statement.exported_columns)
        self._names = [str(column.key) for column in columns]
        self._changes = _changes(enumerate(_read(column.type) for column in columns))
        self._written: dict[tuple[str, ...], Written] = {}

    def tuples(self, connection: sa.Connection, values: Values) -> Sequence[Sequence[Any]]:
        """Its rows; none where it returns nothing."""
        if connection.dialect.name != _DIALECT.name:
            result = connection.execute(self._statement, values)
            return result.all() if result.returns_rows else []
        names = tuple(values)
        written = self._written.get(names)
        if written is None:  # an INSERT is written for the columns that are given
            written = self._written[names] = Written(self._statement, names)
        rows = written.run(connection, values)
        return [self._changed(row) for row in rows] if self._changes else rows

    def rows(self, connection: sa.Connection, values: Values) -> list[dict[str, Any]]:
        """The same, by the names of its columns."""
        found = self.tuples(connection, values)
        return [dict(zip(self._names, row, strict=True)) for row in found]

    def row(self, connection: sa.Connection, values: Values) -> dict[str, Any] | None:
        """The only one; None: there is none."""
        return next(iter(self.rows(connection, values)), None)

    def scalar(self, connection: sa.Connection, values: Values) -> Any:
        """What stands first in the only one; None: there is none."""
        return next((row[0] for row in self.tuples(connection, values)), None)

    def _changed(self, row: Sequence[Any]) -> Sequence[Any]:
        changed = list(row)
        for place, change in self._changes:
            changed[place] = change(changed[place])
        return changed


class Written:
    """A statement as SQLite takes it, for values of these names."""

    def __init__(self, statement: Statement, names: Sequence[str]) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT, column_keys=list(names))
        self.sql = str(compiled)
        binds = compiled.construct_params(dict.fromkeys(names))
        changes = dict(_changes((name, _write(compiled.binds[name].type)) for name in binds))
        self._changes = [(name, changes[name]) for name in names if name in changes]
        self._fixed = {  # what it holds itself
            name: changes[name](value) if name in changes else value
            for name, value in binds.items()
            if name not in names
        }

    def parameters(self, values: Values) -> dict[str, Any]:
        """What the driver is given."""
        parameters = {**self._fixed, **values}
        for name, change in self._changes:
            parameters[name] = change(parameters[name])
        return parameters

    def run(self, connection: sa.Connection, values: Values) -> list[Any]:
        """In the transaction that the connection is in."""
        driver: Any = connection.connection.driver_connection
        try:
            rows: list[Any] = driver.execute(self.sql, self.parameters(values)).fetchall()
        except sqlite3.Error as error:
            kind = getattr(sa.exc, type(error).__name__, sa.exc.DBAPIError)
            raise kind(self.sql, None, error) from error
        return rows


def _changes(found: Iterable[tuple[K, _Change | None]]) -> list[tuple[K, _Change]]:
    return [(key, change) for key, change in found if change is not None]


def _write(type_: sa.types.TypeEngine[Any]) -> _Change | None:
    """How a value is changed on its way into the database."""
    return type_.dialect_impl(_DIALECT).bind_processor(_DIALECT)


def _read(type_: sa.types.TypeEngine[Any]) -> _Change | None:
    """How a value is changed on its way out."""
    return type_.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
