"""Which workers of the queue live: each holds a lock in the database by a connection that goes with
its process, so that the others see at once when it was killed.

Heartbeats alone cannot say it that soon: a worker on a busy machine may be late with them, and one
that is taken for dead while it answers is answered for twice.
"""

import logging

import psycopg
import sqlalchemy as sa
from procrastinate.connector import BaseAsyncConnector
from procrastinate.manager import JobManager

log = logging.getLogger(__name__)

# The locks are named (7301936, the worker's id).
_HOLD = "SELECT pg_advisory_lock_shared(7301936, %s)"
_LET_GO = "SELECT pg_advisory_unlock_shared(7301936, %s)"

# The jobs of a worker that is not known any more; of one whose process is gone (its lock went, and
# it is not only that its connection broke: no heartbeat came either); and of one that hangs, or
# whose machine is gone (a connection may seem to stand for long then). They are told of as new jobs
# are, so that they do not wait for a poll.
TAKE_OVER = sa.text("""
    WITH taken AS (
        UPDATE procrastinate_jobs
        SET status = 'todo', attempts = attempts + 1, worker_id = NULL, abort_requested = false,
            scheduled_at = NULL
        WHERE status = 'doing' AND (worker_id IS NULL OR worker_id IN (
            SELECT id FROM procrastinate_workers AS worker
            WHERE last_heartbeat < now() - make_interval(secs => :stalled)
            OR last_heartbeat < now() - make_interval(secs => :silent) AND NOT EXISTS (
                SELECT 1 FROM pg_locks
                WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 7301936
                AND objid = worker.id AND granted AND database = (
                    SELECT oid FROM pg_database WHERE datname = current_database()))))
        RETURNING id, queue_name)
    SELECT id, pg_notify('procrastinate_queue_v1#' || queue_name,
        json_build_object('type', 'job_inserted', 'job_id', id)::text)
    FROM taken
""")


class Living:
    """The locks of this process's workers."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.AsyncConnection | None = None
        self._workers: set[int] = set()

    async def hold(self, worker_id: int) -> None:
        """From now on, this worker lives. Raises psycopg.Error."""
        self._workers.add(worker_id)
        if self._connection is None or self._connection.closed:
            await self._connect()
        else:
            await self._connection.execute(_HOLD, (worker_id,))

    async def let_go(self, worker_id: int) -> None:
        """It ended by itself. Raises psycopg.Error."""
        self._workers.discard(worker_id)
        if self._connection is not None and not self._connection.closed:
            await self._connection.execute(_LET_GO, (worker_id,))

    async def keep(self) -> None:
        """To be called now and then: a connection that broke is replaced."""
        if not self._workers or self._connection is None:
            return
        try:
            await self._connection.execute("SELECT 1")
        except psycopg.Error:
            log.debug("the connection by which others see that we live is made again")
            try:
                await self._connect()
            except psycopg.Error as error:
                log.debug("not yet: %s", error)

    async def close(self) -> None:
        """Nothing lives here any more."""
        if self._connection is not None:
            await self._connection.close()

    async def _connect(self) -> None:
        await self.close()
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        self._connection = connection
        for worker_id in self._workers:
            await connection.execute(_HOLD, (worker_id,))


class Manager(JobManager):
    """procrastinate's, whose workers hold a lock as long as they live: from before they take their
    first job.
    """

    def __init__(self, connector: BaseAsyncConnector, living: Living) -> None:
        super().__init__(connector)
        self._living = living

    async def register_worker(self) -> int:
        worker_id = await super().register_worker()
        await self._living.hold(worker_id)
        return worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        try:
            await super().unregister_worker(worker_id)
        finally:
            await self._living.let_go(worker_id)
