"""What the follower does with a provider's answers, refusals and silence."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from avatar.errors import (
    AvatarError,
    NotTraining,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RemoteNotFound,
    RequestRefused,
    TrainingClosed,
    WrongKey,
)
from avatar.following import LONG, MAX_DELAY
from avatar.pricing import month_of
from avatar.records import JobEvent, NoticeKind, Status
from jobs.follower import LEASE
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, COST, POLL, Ear, Remote, World, an_error


async def test_a_training_goes_its_way(world: World) -> None:
    remote = Remote("validating_files", "queued", "running", "what is this?", "succeeded")
    remote.said = [
        JobEvent(
            remote_id="e1",
            created_at=NOW,
            level="info",
            message="Step 5/10",
            data={"step": 5, "total_steps": 10, "train_loss": 0.5},
        )
    ]
    version = await world.start()
    assert world.nudges == [None]
    await world.store.set_progress_message(version.id, address=ADDRESS, message_id="7")
    await world.follow(world.follower(remote), passes=3)
    job = await world.job(version)
    assert (job.remote_status, job.step, job.total_steps, job.loss) == ("running", 5, 10, 0.5)
    assert job.last_event_id == "e1"
    assert [event.message for event in await world.store.job_events(job.id, limit=9)] == [
        "Step 5/10"
    ]
    await world.follow(world.follower(remote))

    ended = await world.version(version)
    assert ended.status is Status.COMPLETED
    assert ended.fine_tuned_model_id == "ft:gpt-4o-mini:o:x:1"
    assert (ended.trained_tokens, ended.actual_cost) == (2_000_000, COST)
    assert ended.finished_at is not None
    (notice,) = await world.notices()
    assert (notice.kind, notice.address) == (NoticeKind.TRAINING_COMPLETED, ADDRESS)
    (made,) = remote.made.values()
    assert made.metadata["suffix"] == "ani-v1"
    (file,) = remote.files.values()
    assert [example.turns[0].text for example in file] == [f"Question {n}" for n in range(12)]
    avatar = await world.store.avatar(world.avatar.id)
    assert avatar.active_model_id is None  # never activated by itself
    statuses = [(shown.status, job.remote_status) for shown, job in world.ear.shown]
    assert statuses == [
        (Status.TRAINING, "validating_files"),
        (Status.TRAINING, "queued"),
        (Status.TRAINING, "running"),
        (Status.TRAINING, "what is this?"),
        (Status.COMPLETED, "succeeded"),
    ]
    assert {job.progress_message_id for _, job in world.ear.shown} == {"7"}


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [
        ("create", TrainingClosed, "training_not_available"),
        ("create", QuotaExceeded, "insufficient_quota"),
        ("create", WrongKey, None),
        ("create", RequestRefused, None),
        ("upload", WrongKey, None),
    ],
)
async def test_a_refusal_ends_it_with_a_sentence(
    world: World, step: str, kind: type[ProviderError], code: str | None
) -> None:
    remote = Remote()
    remote.errors[step] = [error := an_error(kind)]
    version = await world.start()
    await world.follow(world.follower(remote), passes=1)
    ended = await world.version(version)
    assert (ended.status, ended.error, ended.error_code) == (Status.FAILED, error.sentence, code)
    assert not remote.files  # the orphan was deleted
    assert not remote.made
    assert [n.kind for n in await world.notices()] == [NoticeKind.TRAINING_FAILED]
    assert world.ear.shown[-1][0].status is Status.FAILED


async def test_a_file_that_cannot_be_deleted_changes_nothing(world: World) -> None:
    remote = Remote()
    remote.errors = {"create": [TrainingClosed()], "delete_file": [ProviderUnavailable()]}
    version = await world.start()
    await world.follow(world.follower(remote), passes=1)
    assert (await world.version(version)).status is Status.FAILED


async def test_after_a_doubtful_creation_it_looks_before_it_creates(world: World) -> None:
    remote = Remote()
    remote.errors["create"] = [Overloaded()]
    await world.start()
    began = world.time.now
    await world.follow(world.follower(remote))
    creations = [n for n, call in enumerate(remote.calls) if call == "create"]
    assert len(creations) == 2
    between = remote.calls[creations[0] + 1 : creations[1]]
    assert between == ["find"] * 3
    assert len(remote.made) == 1
    assert world.time.now - began >= 3 * POLL  # the looks were polls apart


async def test_a_job_that_was_made_all_the_same_is_adopted(world: World) -> None:
    remote = Remote()
    remote.create_then = [ProviderUnavailable()]
    version = await world.start()
    await world.follow(world.follower(remote))
    assert remote.calls.count("create") == 1
    assert (await world.version(version)).status is Status.COMPLETED


async def test_an_unforeseen_error_of_a_creation_is_a_doubt_too(world: World) -> None:
    remote = Remote()
    remote.create_then = [ZeroDivisionError()]
    await world.start()
    await world.follow(world.follower(remote))
    assert remote.calls.count("create") == len(remote.made) == 1


async def test_a_provider_that_does_not_answer_is_asked_later_and_later(world: World) -> None:
    remote = Remote()
    remote.errors["job"] = [ProviderUnavailable() for _ in range(8)]
    version = await world.start()
    follower, delays = world.follower(remote), []
    for _ in range(8):
        await world.follow(follower, passes=1)
        delays.append((await world.job(version)).next_poll_at - world.time.now)
    assert delays == [POLL * n for n in (1, 2, 4, 8, 16)] + [MAX_DELAY] * 3
    await world.follow(follower, passes=1)
    job = await world.job(version)
    assert (job.failures, job.next_poll_at - world.time.now) == (0, POLL)


async def test_a_vanished_job_is_waited_for_and_then_lost(world: World) -> None:
    remote = Remote()
    version = await world.start()
    await world.follow(world.follower(remote), passes=1)
    gone = dict(remote.made)
    remote.made.clear()
    remote.errors["job"] = [ProviderUnavailable()] * 7  # silence does not count as vanished
    await world.follow(world.follower(remote), passes=7 + 4)
    assert (await world.version(version)).status is Status.TRAINING
    remote.made.update(gone)
    await world.follow(world.follower(remote), passes=1)
    assert (await world.job(version)).searches == 0
    remote.made.clear()
    await world.follow(world.follower(remote))
    ended = await world.version(version)
    assert ended.status is Status.FAILED
    assert ended.error == "The provider does not know this training any more."


async def test_it_is_never_failed_for_being_slow_and_says_once_that_it_waits(world: World) -> None:
    remote = Remote("queued")
    version = await world.start()
    follower = world.follower(remote)
    for hours, notices in ((5, 0), (7, 1), (100, 0), (10_000, 0)):
        world.time.now = NOW + timedelta(hours=hours)
        await follower.follow_once(world.time.now)
        assert [n.kind for n in await world.notices()] == [NoticeKind.STILL_WAITING] * notices
        assert (await world.version(version)).status is Status.TRAINING


async def test_it_says_that_it_waits_also_when_the_provider_is_silent(world: World) -> None:
    remote = Remote()
    await world.start()
    follower = world.follower(remote)
    world.time.now = NOW + LONG
    remote.errors["upload"] = [ProviderUnavailable()]
    await follower.follow_once(world.time.now)
    assert [n.kind for n in await world.notices()] == [NoticeKind.STILL_WAITING]


async def test_cancelling_before_anything_was_sent(world: World) -> None:
    remote = Remote()
    version = await world.start()
    await world.trainings.cancel(version, now=world.time.now)
    await world.follow(world.follower(remote))
    assert remote.calls == []
    assert (await world.version(version)).status is Status.CANCELLED
    with pytest.raises(NotTraining):
        await world.trainings.cancel(await world.version(version), now=world.time.now)


async def test_cancelling_while_the_file_is_on_its_way(world: World) -> None:
    version = await world.start()

    class Slow(Remote):
        async def upload(self, *args: Any) -> str:
            file_id = await super().upload(*args)
            await world.trainings.cancel(version, now=world.time.now)
            return file_id

    remote = Slow()
    await world.follow(world.follower(remote), passes=1)
    assert remote.calls == ["upload", "delete_file"]
    assert (await world.version(version)).status is Status.CANCELLED


async def test_cancelling_while_creation_is_in_doubt(world: World) -> None:
    remote = Remote()
    remote.create_then = [ProviderUnavailable()]
    version = await world.start()
    await world.follow(world.follower(remote), passes=1)
    await world.trainings.cancel(version, now=world.time.now)
    await world.follow(world.follower(remote))
    assert remote.calls == ["upload", "create", "find", "cancel", "events"]
    assert [job.status for job in remote.made.values()] == ["cancelled"]
    assert (await world.version(version)).status is Status.CANCELLED


async def test_what_was_trained_until_it_was_cancelled_is_counted(world: World) -> None:
    class Charging(Remote):
        async def cancel(self, remote_id: str) -> Any:
            return replace(await super().cancel(remote_id), trained_tokens=1_000_000)

    version = await world.start()
    remote = Charging("running")
    await world.follow(world.follower(remote), passes=2)
    await world.trainings.cancel(version, now=world.time.now)
    await world.follow(world.follower(remote))
    ended = await world.version(version)
    assert (ended.status, ended.trained_tokens, ended.actual_cost) == (
        Status.CANCELLED,
        1_000_000,
        3_000_000,
    )


async def test_one_that_ended_before_the_cancellation_came_is_completed(world: World) -> None:
    version = await world.start()
    remote = Remote("running", "succeeded")
    await world.follow(world.follower(remote), passes=1)
    await remote.job("ftjob-1")  # it succeeds unseen
    await world.trainings.cancel(version, now=world.time.now)
    await world.follow(world.follower(remote))
    assert (await world.version(version)).status is Status.COMPLETED


async def test_a_deleted_version_gets_no_notice_and_its_money_is_counted(world: World) -> None:
    version = await world.start()
    remote = Remote("running", "succeeded")
    await world.follow(world.follower(remote), passes=1)
    await remote.job("ftjob-1")
    await world.store.delete_version(version.id, person_id=world.person.id, now=world.time.now)
    await world.follow(world.follower(remote))
    assert await world.notices() == []
    (line,) = await world.store.spending(world.avatar.id, month=month_of(world.time.now))
    assert (line.count, line.cost) == (1, COST)
    assert await world.store.job_of(version.id) is None


async def test_many_jobs_are_asked_about_by_the_list(world: World) -> None:
    remote = Remote("running", "running", "succeeded")
    versions = [await world.start() for _ in range(6)]
    follower = world.follower(remote)
    world.time.now += POLL
    assert await follower.follow_once(world.time.now) == 6
    remote.calls.clear()
    world.time.now += POLL
    assert await follower.follow_once(world.time.now) == 6
    assert remote.calls.count("jobs") == 1
    assert "job" not in remote.calls
    del remote.made["ftjob-3"]  # not in the list: asked about by itself
    remote.calls.clear()
    world.time.now += POLL
    await follower.follow_once(world.time.now)
    assert remote.calls.count("job") == 1
    statuses = [(await world.version(version)).status for version in versions]
    assert statuses.count(Status.COMPLETED) == 5


@pytest.mark.parametrize("error", [ProviderUnavailable(), ZeroDivisionError()])
async def test_without_the_list_each_is_asked(world: World, error: Exception) -> None:
    remote = Remote("running", "succeeded")
    versions = [await world.start() for _ in range(5)]
    follower = world.follower(remote)
    await world.follow(follower, passes=1)
    remote.errors["jobs"] = [error]
    await world.follow(follower, passes=1)
    assert {(await world.version(version)).status for version in versions} == {Status.COMPLETED}


async def test_events_are_read_for_a_bounded_number_of_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.follower.WATCHED", 4)
    remote = Remote("running")
    seen = [await world.start(10) for _ in range(7)]
    unseen = await world.start(10)
    for version in seen:
        await world.store.set_progress_message(version.id, address=ADDRESS, message_id="7")
    follower = world.follower(remote)
    asked: list[str] = []

    class Counting(Remote):
        async def events(self, remote_id: str, *, after: str | None) -> Any:
            asked.append(remote_id)
            return await super().events(remote_id, after=after)

    counting = Counting("running")
    counting.made, counting.files = remote.made, remote.files
    await world.follow(follower, passes=1)
    assert remote.calls.count("events") == 4
    unseen_id = (await world.job(unseen)).remote_job_id
    follower = world.follower(counting)
    for _ in range(2):
        await world.follow(follower, passes=1)
    assert len(asked) == 2 * 4
    assert unseen_id not in asked
    assert len(set(asked)) == 7  # each had its turn


async def test_a_bad_job_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await world.start(), await world.start()

    class Breaking(Remote):
        async def upload(self, name: str, examples: Any) -> str:
            if name.startswith(f"version-{bad.id}-"):
                raise ZeroDivisionError
            return await super().upload(name, examples)

    await world.follow(world.follower(Breaking()), passes=6)
    assert (await world.version(good)).status is Status.COMPLETED
    assert (await world.version(bad)).status is Status.TRAINING
    job = await world.job(bad)
    assert job.failures >= 2
    assert job.next_poll_at > world.time.now
    assert "ZeroDivisionError" in caplog.text


async def test_a_provider_that_is_not_set_up_leaves_its_jobs_waiting(world: World) -> None:
    version = await world.start()
    follower = world.follower(Remote())
    follower._trainers = {}
    await world.follow(follower, passes=3)
    assert (await world.job(version)).failures == 3


async def test_two_followers_share_the_work(world: World) -> None:
    remote = Remote("running")
    for _ in range(3):
        await world.start()
    world.time.now += POLL
    counts = await asyncio.gather(
        *(world.follower(remote, owner).follow_once(world.time.now) for owner in "abc")
    )
    assert sum(counts) == 3
    assert len(remote.made) == 3


async def test_who_lost_the_lease_writes_nothing(world: World) -> None:
    """One is stuck in a call for longer than its lease; another follows the job to its end."""
    version = await world.start()
    remote = Remote("running")
    await world.follow(world.follower(remote), passes=1)

    class Stuck(Remote):
        async def job(self, remote_id: str) -> Any:
            answer = await remote.job(remote_id)
            world.time.now += LEASE
            await world.follow(world.follower(other, "another"))
            return answer

    other = Remote("failed")
    other.made = dict(remote.made)
    await world.follow(world.follower(Stuck(), "stuck"), passes=1)
    ended = await world.version(version)
    assert ended.status is Status.FAILED
    assert [n.kind for n in await world.notices()] == [NoticeKind.TRAINING_FAILED]


async def test_a_lease_is_renewed_while_a_call_takes_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.follower.LEASE", timedelta(seconds=0.3))
    version = await world.start()
    other = Remote()

    class Slow(Remote):
        async def upload(self, *args: Any) -> str:
            for _ in range(8):
                await asyncio.sleep(0.1)
                world.time.now += timedelta(seconds=0.1)
                assert await world.follower(other, "other").follow_once(world.time.now) == 0
            return await super().upload(*args)

    remote = Slow("running")
    await world.follow(world.follower(remote), passes=1)
    assert (await world.job(version)).remote_job_id == "ftjob-1"
    assert other.calls == []


async def test_nobody_is_shown_what_has_not_changed(world: World) -> None:
    await world.start()
    remote = Remote("running")
    await world.follow(world.follower(remote), passes=4)
    assert len(world.ear.shown) == 1


async def test_a_herald_that_breaks_undoes_nothing(world: World) -> None:
    class Broken(Ear):
        async def show_progress(self, *_: object) -> None:
            raise ZeroDivisionError

    world.ear = Broken()
    version = await world.start()
    await world.follow(world.follower(Remote()))
    assert (await world.version(version)).status is Status.COMPLETED
    assert len(await world.notices()) == 1


def test_every_error_of_a_provider_has_a_sentence() -> None:
    for kind in (TrainingClosed, QuotaExceeded, WrongKey, RequestRefused, RemoteNotFound):
        error: AvatarError = an_error(kind)
        assert "{" not in error.sentence
