"""Bringing a database to the tables that this code knows.

Importing Alembic takes half a second, so a database that is up to date is recognised without it.
"""

import sqlite3
import threading
import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from storage.database import BUSY_SECONDS, CannotOpen, prepare_sqlite, write_option

HEAD = "0001"  # the newest revision under migrations/versions
SCRIPTS = Path(__file__).parent / "migrations"

_ADVISORY_LOCK = 4_211_765_003  # any number, the same in every process
_ALEMBIC = threading.Lock()  # Alembic keeps what it works on in globals


def migrate(url: URL, *, to: str = HEAD) -> None:
    """Bring a database to a revision; `base` takes all tables away. Blocks: call it in a thread.

    All or nothing, and safe when several processes start at once: the first takes the database's
    lock, the others wait for it and find the work done. Raises CannotOpen when the database was
    written by a newer version of this program.
    """
    sqlite = url.get_backend_name() == "sqlite"
    engine = create_engine(url.set(drivername="sqlite") if sqlite else url, poolclass=NullPool)
    if sqlite:
        prepare_sqlite(engine, foreign_keys=False)
    with engine.connect() as connection:
        if _revision(connection) == to:
            return
    if sqlite:
        _use_wal(engine)
    with engine.execution_options(**write_option()).begin() as connection:
        if not sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        current = _revision(connection)
        if current != to:
            with _ALEMBIC:
                _run(connection, current, to)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def _use_wal(engine: Engine) -> None:
    """Let readers and a writer work side by side; the file remembers it.

    SQLite does not wait by itself when somebody else changes the mode at the same moment.
    """
    give_up_at = time.monotonic() + BUSY_SECONDS
    connection = engine.raw_connection()
    try:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)
            else:
                return
    finally:
        connection.close()


def _run(connection: Connection, current: str | None, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - takes half a second, and is rarely needed
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise CannotOpen(
            f"the database was written by a newer version of this program (revision {current}, "
            f"this one knows {HEAD}): start that version, or restore an older copy"
        )
    if to == "base":
        command.downgrade(config, to)
    else:
        command.upgrade(config, to)
