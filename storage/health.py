"""Whether the database does its work, and the lines in the log that say so.

A full disk or a lost connection fails everything at once: it is told once a minute, without
tracebacks, and once more when it is over.
"""

import logging
import sqlite3
import time
from collections.abc import Callable

import sqlalchemy.exc

from avatar.errors import StoreFailed

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds between lines about the same trouble

# https://sqlite.org/rescode.html; what is not here is a fault of a statement.
_SQLITE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another process has it locked",
    sqlite3.SQLITE_LOCKED: "another process has it locked",
    sqlite3.SQLITE_READONLY: "its file may only be read",
    sqlite3.SQLITE_IOERR: "the disk reports errors",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html, by the first two characters.
_POSTGRESQL = {
    "08": "it cannot be reached",
    "25": "it may only be read",
    "40": "two writes were in each other's way",
    "53": "it has no room, memory or connections left",
    "55": "another process has it locked",
    "57": "it is being shut down",
    "58": "its disk reports errors",
}


def trouble(error: BaseException) -> str | None:
    """What is wrong with the database, in words; None: the statement is at fault."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return "all connections to it are busy"
    if isinstance(error, OSError):
        return "it cannot be reached"
    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL.get(str(state)[:2])
    lost = error.connection_invalidated or isinstance(error, sqlalchemy.exc.OperationalError)
    return "it cannot be reached" if lost and not isinstance(error.orig, sqlite3.Error) else None


class Health:
    """Notices when the database fails, and when it works again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}  # trouble → when it was told last

    def failed(self, what: str, error: BaseException) -> StoreFailed:
        """The error for those who asked; `what` is what is wrong."""
        now = self._clock()
        if now - self._told.get(what, now - EVERY) >= EVERY:
            log.error("the database fails: %s. It is tried again until it works.", what)
            self._told[what] = now
        return StoreFailed(detail=f"{what} ({_line(error)})")

    def worked(self) -> None:
        """Something was written."""
        if self._told:
            log.warning("the database works again (it failed: %s)", "; ".join(self._told))
            self._told.clear()


def _line(error: BaseException) -> str:
    orig = getattr(error, "orig", None) or error
    return (str(orig) or type(orig).__name__).splitlines()[0]
