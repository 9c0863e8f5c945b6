"""A process that dies at a step: before or after anything it does to the world outside.

The steps are found by running a walk once: every transaction that writes, every call of the
provider and every call of the platform is one, as it happens. Then the walk is run again for each,
and dies there: what the dead process still tries to do (its `finally`s) does not happen.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database

# What changes nothing at the provider: dying around it is dying at the step before it.
_READS = frozenset({"events", "find", "job", "jobs", "models", "has_model", "may_train"})


class Killed(BaseException):
    """The process is gone: nothing that runs after it may matter."""


class Death:
    """Comes at the step with a number; 0: never, the steps are only counted."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.steps: list[str] = []
        self.came = asyncio.Event()

    def step(self, name: str) -> None:
        """Something is about to be done, or was done. Raises Killed."""
        if self.came.is_set():
            raise Killed
        self.steps.append(name)
        if len(self.steps) == self.at:
            self.came.set()
            raise Killed

    def around(self, port: object, kind: str) -> Any:
        """A port whose calls are steps."""
        return _Mortal(port, kind, self)

    def writing(
        self, real: Callable[[Database], AbstractAsyncContextManager[AsyncConnection]]
    ) -> Callable[[Database], AbstractAsyncContextManager[AsyncConnection]]:
        """`Database.writing`, dying before the commit or after it."""

        @asynccontextmanager
        async def writing(database: Database) -> AsyncIterator[AsyncConnection]:
            # This generator, contextlib's __aenter__, and the method of the store.
            name = sys._getframe(2).f_code.co_name
            async with real(database) as write:
                yield write
                self.step(f"{name}: not committed")
            self.step(f"{name}: committed")

        return writing

    def write(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """`Database.write`, likewise."""

        async def write(database: Database, work: Callable[[Any], Any]) -> Any:
            name = work.__qualname__.split(".<locals>")[0]

            def done(connection: Any) -> Any:
                result = work(connection)
                self.step(f"{name}: not committed")
                return result

            result = await real(database, done)
            self.step(f"{name}: committed")
            return result

        return write


class _Mortal:
    def __init__(self, port: object, kind: str, death: Death) -> None:
        self._port, self._kind, self._death = port, kind, death

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name in _READS:
            return method

        async def call(*args: object, **keywords: object) -> object:
            self._death.step(f"{self._kind}.{name}: not done")
            result = await method(*args, **keywords)
            self._death.step(f"{self._kind}.{name}: done")
            return result

        return call
