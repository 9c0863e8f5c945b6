"""The rules of following, without any provider."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar import following
from avatar.following import Advance, Step
from avatar.providers import preset
from avatar.records import (
    Address,
    Job,
    JobEvent,
    NewNotice,
    NoticeKind,
    RemoteJob,
    Spent,
    Status,
    Version,
)
from avatar.why_failed import explained
from tests.avatar.make import NOW, a_model, an_avatar

POLL = timedelta(seconds=30)
OPENAI = preset("openai")
PRICE = OPENAI.price("gpt-4o-mini", on=NOW.date())
JOB = Job(
    id=1,
    version_id=20,
    key="abc",
    provider="openai",
    hyperparameters={"n_epochs": 3},
    created_at=NOW,
    next_poll_at=NOW,
    address=Address(platform="terminal", chat="1"),
)
TRAINING = a_model(
    status=Status.TRAINING, fine_tuned_model_id=None, estimated_tokens=1_000_000, epochs=3
)


def a_job(**changes: Any) -> Job:
    return replace(JOB, **changes)


def after(
    status: str, *, version: Version = TRAINING, job: Job = JOB, now: datetime = NOW, **fields: Any
) -> Advance:
    remote = RemoteJob(id="ftjob-1", status=status, **fields)
    price = OPENAI.price(version.base_model or "", on=now.date())
    return following.advance(job, version, remote, (), now=now, poll=POLL, price=price)


@pytest.mark.parametrize(
    ("job", "step"),
    [
        (a_job(), Step.UPLOAD),
        (a_job(remote_file_id="f"), Step.CREATE),
        (a_job(remote_file_id="f", create_attempted_at=NOW), Step.FIND),
        (a_job(remote_file_id="f", create_attempted_at=NOW, remote_job_id="j"), Step.ASK),
        (a_job(cancel_requested_at=NOW), Step.ABANDON),
        (a_job(remote_file_id="f", cancel_requested_at=NOW), Step.ABANDON),
        (a_job(create_attempted_at=NOW, cancel_requested_at=NOW), Step.FIND),
        (a_job(remote_job_id="j", cancel_requested_at=NOW), Step.CANCEL),
    ],
)
def test_what_comes_next(job: Job, step: Step) -> None:
    assert following.next_step(job) is step


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("ani", "ani-v2"),
        ("Ani_Bot!", "ani-bot-v2"),
        ("日本", "avatar-v2"),
        ("x" * 99, "x" * 30 + "-v2"),
    ],
)
def test_the_suffix_of_a_models_name(slug: str, name: str) -> None:
    assert following.suffix(an_avatar(slug=slug), TRAINING) == name


def test_success() -> None:
    advance = after(
        "succeeded", fine_tuned_model="ft:x", trained_tokens=2_000_000, finished_at=NOW, epochs=4
    )
    version = advance.version
    assert (version.status, version.fine_tuned_model_id) == (Status.COMPLETED, "ft:x")
    assert (version.trained_tokens, version.epochs, version.finished_at) == (2_000_000, 4, NOW)
    assert version.actual_cost == 6_000_000
    (spent,) = advance.spent
    assert (spent.kind, spent.month, spent.cost) == ("training", "2026-11", 6_000_000)
    (notice,) = advance.notices
    assert (notice.kind, notice.key) == (NoticeKind.TRAINING_COMPLETED, "training_ended:20")


def test_success_without_a_count_is_paid_by_our_estimate() -> None:
    advance = after("succeeded", fine_tuned_model="ft:x")
    assert (advance.version.trained_tokens, advance.version.actual_cost) == (None, 3_000_000)


def test_success_at_an_unknown_price_is_counted_without_one() -> None:
    version = replace(TRAINING, base_model="gpt-9")
    advance = after("succeeded", version=version, fine_tuned_model="ft:x", trained_tokens=5)
    assert advance.version.actual_cost is None
    assert [(spent.cost, spent.count) for spent in advance.spent] == [(None, 1)]


def test_success_without_a_model_is_waited_for() -> None:
    assert after("succeeded").version.status is Status.TRAINING


def test_failure_keeps_what_the_provider_said() -> None:
    advance = after("failed", error_code="invalid_n_examples", error_message="Too few.")
    assert (advance.version.error, advance.version.error_code) == ("Too few.", "invalid_n_examples")
    assert advance.spent == ()
    assert "at least 10 examples" in explained(advance.version.error_code)


def test_failure_without_a_reason_and_with_a_code_nobody_knows() -> None:
    assert after("failed").version.error == "The provider gave no reason."
    assert explained(None) == explained("never heard of") != ""


def test_cancellation_costs_what_was_trained() -> None:
    assert after("cancelled").version.actual_cost is None
    assert after("cancelled").spent == ()
    some = after("cancelled", trained_tokens=1_000_000)
    assert (some.version.actual_cost, len(some.spent)) == (3_000_000, 1)
    none = after("cancelled", trained_tokens=0)
    assert (none.version.actual_cost, none.spent) == (0, ())


def test_a_tombstone_gets_no_notice() -> None:
    buried = replace(TRAINING, deleted_at=NOW)
    advance = after("succeeded", version=buried, fine_tuned_model="ft:x", trained_tokens=1)
    assert advance.notices == ()
    assert len(advance.spent) == 1


def test_progress_comes_from_the_last_metrics() -> None:
    said: list[dict[str, object]] = [
        {"step": 1, "total_steps": 10, "train_loss": 2},
        {"message": "no metrics"},
        {"step": 7.0, "train_loss": 0.25},
        {"step": "8", "total_steps": True, "train_loss": float("nan")},
        {"step": -1, "train_loss": None},
    ]
    events = [
        JobEvent(remote_id=f"e{n}", created_at=NOW, level="info", message="", data=data)
        for n, data in enumerate(said)
    ]
    remote = RemoteJob(id="j", status="running", estimated_finish=NOW + POLL)
    job = following.advance(JOB, TRAINING, remote, events, now=NOW, poll=POLL, price=PRICE).job
    assert (job.step, job.total_steps, job.loss, job.last_event_id) == (7, 10, 0.25, "e4")
    assert job.estimated_finish == NOW + POLL
    assert job.next_poll_at == NOW + POLL


def test_delays_are_never_shorter_than_the_poll() -> None:
    slow = timedelta(hours=1)
    advance = following.postponed(a_job(failures=3), TRAINING, now=NOW, poll=slow)
    assert advance.job.next_poll_at == NOW + slow


_STATUS = st.sampled_from(["queued", "running", "succeeded", "failed", "cancelled", "unheard-of"])
_ANSWER = st.builds(
    RemoteJob,
    id=st.just("ftjob-1"),
    status=_STATUS,
    fine_tuned_model=st.none() | st.just("ft:x"),
    trained_tokens=st.none() | st.integers(0, 10**9),
    error_message=st.none() | st.just("No."),
)


@given(
    st.lists(st.tuples(_ANSWER | st.sampled_from(["silent", "unknown"]), st.integers(1, 500))),
    st.booleans(),
)
def test_any_answers_end_once_and_are_told_once(
    answers: list[tuple[RemoteJob | str, int]], buried: bool
) -> None:
    job = a_job(remote_job_id="ftjob-1")
    version = replace(TRAINING, deleted_at=NOW) if buried else TRAINING
    notices: list[NewNotice] = []
    spent: list[Spent] = []
    now, ended = NOW, None
    for answer, minutes in answers:
        now += timedelta(minutes=minutes)
        if job.ended_at is not None and not isinstance(answer, RemoteJob):
            continue  # nobody asks about it any more
        if answer == "silent":
            advance = following.postponed(job, version, now=now, poll=POLL)
        elif answer == "unknown":
            advance = following.vanished(job, version, now=now, poll=POLL)
        else:
            assert isinstance(answer, RemoteJob)
            advance = following.advance(job, version, answer, (), now=now, poll=POLL, price=PRICE)
        job, version = advance.job, advance.version
        notices += advance.notices
        spent += advance.spent
        if ended is not None:
            assert (job, version) == ended
        elif job.ended_at is not None:
            ended = (job, version)
        assert (job.ended_at is None) == (version.status is Status.TRAINING)
        assert (version.status is Status.COMPLETED) == (version.fine_tuned_model_id is not None)
        assert job.ended_at is not None or now < job.next_poll_at <= now + following.MAX_DELAY
    keys = [notice.key for notice in notices]
    assert len(keys) == len(set(keys))
    assert ("training_ended:20" in keys) == (ended is not None and not buried)
    assert len(spent) <= 1
