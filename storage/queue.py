"""The inbox and the work behind it for many processes: procrastinate, a task queue on PostgreSQL.

A message and its job are written in one transaction. The job holds nothing of what was said: its
lock is the address, which keeps the order; its queue is the platform, so that only processes that
can answer there take it. A job goes when its message is done with. Whatever lies in the inbox
without a job (its database was copied, or the job was ended by an abort) gets one by `_look_after`,
and so do jobs whose worker died.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress

import procrastinate
import psycopg
import sqlalchemy as sa
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.job_context import AbortReason, JobContext
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from avatar.errors import StoreFailed
from avatar.incoming import Incoming, Received
from avatar.ports import Clock
from avatar.records import Address
from avatar.work import Handle
from storage import rows
from storage.inbox import add_incoming
from storage.living import TAKE_OVER, Living, Manager
from storage.store import SqlStore

log = logging.getLogger(__name__)

HEARTBEAT = 1.0  # seconds
STALLED = 30.0  # seconds without a heartbeat, and a worker's jobs are taken over
_SILENT = 3.0  # heartbeats that are missed, where the worker's process seems to be gone
LOOK_EVERY = 2.0  # seconds between looks for jobs of dead workers, and for messages without a job
POLL = 1.0  # seconds until what is due again is seen; new jobs are told of at once
_TURN_EVERY = 2.0  # seconds between asking whether the other process is still there
_ANSWERS = 10.0  # seconds that the database gets to say that it is our turn still
_PAUSE, _LONGEST = 1.0, 30.0  # seconds until a worker that broke off begins again
_POOL = 4  # connections, beside those of the store

_ANSWER, _NUDGE = "answer", "nudge"  # tasks
_JOBS_QUEUE = "jobs"  # where nudges wait; the others are named for their platforms
_HURRY = 1  # the priority of what passes the queue

_FORGET_WORKERS = sa.text(
    "DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => :past)"
)
_ENDED = sa.text("DELETE FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing')")
_WITHOUT_JOB = sa.text("""
    SELECT id, payload FROM incoming
    WHERE done_at IS NULL AND payload IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs
        WHERE task_name = 'answer' AND (args->>'inbox_id')::bigint = incoming.id)
    ORDER BY id LIMIT 1000
""")
_STOP = sa.text("""
    SELECT procrastinate_cancel_job_v1(id, true, false) FROM procrastinate_jobs
    WHERE lock = :place AND status = 'doing'
""")
_UNSETTLED = sa.text(
    "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'answer' AND "
    "(CAST(:place AS text) IS NULL OR args->>'place' = :place) LIMIT 1"
)


class _Later(Exception):
    """Not an error: it is to be tried again after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"again in {seconds:.0f} s")


class _Again(BaseRetryStrategy):
    """A job ends when its message is done with, and by nothing else."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        match exception:
            case _Later(seconds=seconds):
                pass
            case asyncio.CancelledError():  # this process ends: another one may begin at once
                seconds = 0.0
            case _:
                seconds = min(_PAUSE * 2 ** min(job.attempts, 10), _LONGEST)
        return RetryDecision(retry_in={"milliseconds": int(seconds * 1000)})


class PostgresQueue:
    """Fulfils `avatar.work.WorkQueue`. Made by `open_queue`."""

    def __init__(
        self,
        store: SqlStore,
        *,
        passes: Callable[[Incoming], bool],
        concurrency: int,
        clock: Clock,
        heartbeat: float = HEARTBEAT,
        stalled: float = STALLED,
    ) -> None:
        self._db = store.database
        self._store = store
        self._passes = passes
        self._concurrency = concurrency
        self._clock = clock
        self._heartbeat = heartbeat
        self._stalled = stalled
        url = self._db.url.set(drivername="postgresql")
        self._conninfo = url.render_as_string(hide_password=False)
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo, min_size=1, max_size=_POOL
        )
        self._living = Living(self._conninfo)
        self._app = procrastinate.App(connector=connector)
        self._app.job_manager = Manager(connector, self._living)
        self._app.task(name=_ANSWER, pass_context=True, retry=_Again())(self._answer)
        self._app.task(name=_NUDGE)(self._nudged)
        self._handles: dict[str, Handle] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._told: set[asyncio.Task[None]] = set()
        self._stop_here: Callable[[Address], bool] = lambda _: False
        self._follow: Callable[[], None] = lambda: None
        self._answering: set[asyncio.Future[float | None]] = set()
        self._closed = False
        self._over = False  # what is answered is cancelled, also what begins only now

    async def put(self, *incoming: Incoming) -> None:
        """Messages and their jobs, in one transaction."""
        async with self._db.writing() as write:
            received = await write.run_sync(
                lambda sync: add_incoming(self._db, sync, incoming, attempts=0, now=self._clock())
            )
            if received:
                raw = await write.get_raw_connection()
                await self._app.job_manager.batch_defer_jobs_async(
                    [self._job(each.id, each.incoming) for each in received],
                    connection=raw.driver_connection,
                )

    def _job(self, inbox_id: int, incoming: Incoming) -> Job:
        hurries = self._passes(incoming)
        place = _place(incoming.address)
        return Job(
            queue=incoming.address.platform,
            lock=None if hurries else place,
            queueing_lock=None,
            task_name=_ANSWER,
            task_kwargs={"inbox_id": inbox_id, "place": place},
            priority=_HURRY if hurries else 0,
        )

    async def serve(self, platforms: Collection[str], handle: Handle) -> None:
        """A worker for each platform, until `close`."""
        for platform in platforms:
            if platform not in self._handles:
                self._handles[platform] = handle
                self._begin(self._work(platform, self._concurrency))

    def stops_by(self, stop: Callable[[Address], bool]) -> None:
        """How a reply that is being written here is stopped."""
        self._stop_here = stop

    async def stop(self, address: Address) -> bool:
        """By procrastinate's abort, which reaches the worker as a notification."""
        async with self._db.writing() as write:
            asked = await write.execute(_STOP, {"place": _place(address)})
            return asked.first() is not None

    async def settled(self, address: Address) -> None:
        """Looked for in the database: another process may be answering."""
        await self._until_none(_place(address))

    async def quiet(self) -> None:
        """The same, for all addresses."""
        await self._until_none(None)

    async def _until_none(self, place: str | None) -> None:
        while True:
            async with self._db.reading() as read:
                if await read.scalar(_UNSETTLED, {"place": place}) is None:
                    return
            await asyncio.sleep(0.02)

    async def close(self, *, grace: float) -> None:
        """What is being answered gets `grace` seconds, and is handed over then."""
        self._closed = True
        for task in self._serving:
            task.cancel()  # procrastinate's worker begins nothing more, and waits for its jobs
        if self._answering:
            await asyncio.wait(set(self._answering), timeout=grace)
        self._over = True
        for work in self._answering:
            work.cancel()
        await asyncio.gather(*self._serving, *self._told, return_exceptions=True)
        self._serving.clear()

    def nudge(self) -> None:
        """By a job, of which one waits at a time."""

        async def tell() -> None:
            with suppress(AlreadyEnqueued):
                await self._app.configure_task(
                    _NUDGE, queue=_JOBS_QUEUE, queueing_lock=_NUDGE
                ).defer_async()

        task = asyncio.create_task(tell())
        self._told.add(task)
        task.add_done_callback(self._told_or_not)

    def _told_or_not(self, task: asyncio.Task[None]) -> None:
        self._told.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a nudge was not given, and the next poll comes anyway: %s", error)

    async def nudges(self, follow: Callable[[], None]) -> None:
        """A worker for nudges, until `close`."""
        self._follow = follow
        self._begin(self._work(_JOBS_QUEUE, 1))

    async def alone(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """By an advisory lock that lives as long as a connection of its own."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True
                ) as connection:
                    await _turn(connection, name)
                    await _while_held(connection, work)
                    return
            except psycopg.OperationalError as error:
                log.warning("%s: the database does not hold our turn: %s", name, _line(error))
                await asyncio.sleep(_TURN_EVERY)

    # Workers

    def _begin(self, serving: Coroutine[None, None, None]) -> None:
        self._serving.add(asyncio.create_task(serving))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """While inside, it is connected, and what fell out of the queue is put back."""
        async with self._app.open_async():
            looking = asyncio.create_task(self._keep_looking())
            try:
                yield
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
                await self.close(grace=0.0)
                await self._living.close()

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self._living.keep()
                await self._look_after()
            except StoreFailed as error:
                log.debug("nobody looks after the queue: %s", error.detail)
            except Exception:
                log.exception("looking after the queue failed")
            await asyncio.sleep(LOOK_EVERY)

    async def _look_after(self) -> None:
        """Jobs of dead workers; messages without a job. One process at a time."""
        async with self._db.writing() as write:
            if not await write.scalar(sa.text("SELECT pg_try_advisory_xact_lock(7301935)")):
                return
            silent = _SILENT * self._heartbeat
            taken = (
                await write.execute(TAKE_OVER, {"stalled": self._stalled, "silent": silent})
            ).all()
            if taken:
                log.warning("%s messages are taken over from a worker that died", len(taken))
            await write.execute(_FORGET_WORKERS, {"past": self._stalled})
            await write.execute(_ENDED)
            found = (await write.execute(_WITHOUT_JOB)).mappings().all()
            jobs = [self._job(row["id"], rows.incoming(row["payload"])) for row in found]
            if jobs:
                raw = await write.get_raw_connection()
                await self._app.job_manager.batch_defer_jobs_async(
                    jobs, connection=raw.driver_connection
                )
                log.info("%s messages were not answered yet and are queued again", len(jobs))

    async def _work(self, queue: str, concurrency: int) -> None:
        """Serve one queue until `close`, however often the database goes away."""
        wait = _PAUSE
        while not self._closed:
            began = asyncio.get_running_loop().time()
            try:
                await self._app.run_worker_async(
                    queues=[queue],
                    name=queue,
                    concurrency=concurrency,
                    fetch_job_polling_interval=POLL,
                    abort_job_polling_interval=POLL,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    update_heartbeat_interval=self._heartbeat,
                    stalled_worker_timeout=self._stalled,
                )
            except (ConnectorException, psycopg.Error) as error:
                log.warning("the worker of %s broke off: %s", queue, _cause(error))
            else:
                log.warning("the worker of %s ended", queue)
            if asyncio.get_running_loop().time() - began > _LONGEST:
                wait = _PAUSE
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST)

    async def _nudged(self) -> None:
        self._follow()

    async def _answer(self, context: JobContext, *, inbox_id: int, place: str) -> None:
        """The task. Raises _Later; ends normally when the message is done with."""
        handle = self._handles[context.job.queue]
        received = await self._store.begin(inbox_id)
        if received is None:
            return
        tries = context.job.attempts
        delay = await self._stoppable(context, received, handle(received, tries))
        if delay is not None:
            raise _Later(delay)

    async def _stoppable(
        self, context: JobContext, received: Received, handling: Awaitable[float | None]
    ) -> float | None:
        """An abort stops the reply, which is then stored and shown as far as it came. Cancelled is
        it only by the end of the process.
        """
        work = asyncio.ensure_future(handling)
        if self._over:
            work.cancel()
        self._answering.add(work)
        work.add_done_callback(self._answering.discard)
        while True:
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                if work.cancelled():
                    raise
                if context.abort_reason() is AbortReason.USER_REQUEST:
                    self._stop_here(received.incoming.address)
                else:
                    work.cancel()


async def _turn(connection: psycopg.AsyncConnection, name: str) -> None:
    """Wait for the lock of that name."""
    waited = False
    while True:
        asked = await connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)
        )
        row = await asked.fetchone()
        if row is not None and row[0]:
            if waited:
                log.info("%s: it is our turn", name)
            return
        if not waited:
            log.info("%s: another process does this; waiting until it ends", name)
            waited = True
        await asyncio.sleep(_TURN_EVERY)


async def _while_held(
    connection: psycopg.AsyncConnection, work: Callable[[], Coroutine[None, None, None]]
) -> None:
    """Work as long as the connection lives. Raises OperationalError when it does not."""
    task = asyncio.create_task(work())
    try:
        while not (await asyncio.wait({task}, timeout=_TURN_EVERY))[0]:
            async with asyncio.timeout(_ANSWERS):
                await connection.execute("SELECT 1")
    except TimeoutError as error:
        raise psycopg.OperationalError("the database does not answer") from error
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    task.result()


def _place(address: Address) -> str:
    return json.dumps([address.platform, address.bot, address.chat, address.thread])


def _cause(error: BaseException) -> str:
    """procrastinate's errors say nothing by themselves."""
    return _line(error.__cause__ or error)


def _line(error: BaseException) -> str:
    """The first line of what it says: psycopg adds hints below."""
    return (str(error) or type(error).__name__).splitlines()[0]


@asynccontextmanager
async def open_queue(
    store: SqlStore,
    *,
    passes: Callable[[Incoming], bool],
    concurrency: int,
    clock: Clock,
    heartbeat: float = HEARTBEAT,
    stalled: float = STALLED,
) -> AsyncIterator[PostgresQueue]:
    """The queue in a store's database, which must be PostgreSQL. `passes` says which messages wait
    for nothing; `concurrency` is how many are answered at once here, a platform.
    """
    queue = PostgresQueue(
        store,
        passes=passes,
        concurrency=concurrency,
        clock=clock,
        heartbeat=heartbeat,
        stalled=stalled,
    )
    async with queue.opened():
        yield queue
