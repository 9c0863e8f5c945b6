"""Following a fine-tune: what to do next, and what the provider's answer means. Pure.

The walk, each step written down before the next: upload the file; note that creation is attempted;
create the job with our key in its metadata; ask until it ends. After a crash anywhere the next
follower begins where the record says. Where it says that creation was attempted and not how that
ended, a job with our key is looked for and adopted, so nothing is ever paid twice.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from avatar import pricing
from avatar.errors import AvatarError, ModelGone, QuotaExceeded, TrainingClosed
from avatar.pricing import Price
from avatar.records import (
    Avatar,
    Job,
    JobEvent,
    NewNotice,
    NoticeKind,
    RemoteJob,
    Spent,
    Status,
    Version,
)

SEARCHES = 3  # looks for a job in doubt, polls apart, before it is created again
VANISHED = 5  # polls in a row that know nothing of a job, before it counts as failed
LONG = timedelta(hours=6)  # after which the owner hears that we are still waiting
MAX_DELAY = timedelta(minutes=10)  # between polls of a provider that does not answer

# The provider's codes for our errors, where there is advice for them (`avatar.why_failed`).
_CODES: tuple[tuple[type[AvatarError], str], ...] = (
    (TrainingClosed, "training_not_available"),
    (QuotaExceeded, "insufficient_quota"),
    (ModelGone, "model_not_found"),
)


class Step(Enum):
    """What a job needs next."""

    ABANDON = "abandon"  # cancelled before the provider heard of it
    FIND = "find"  # creation is in doubt
    UPLOAD = "upload"
    CREATE = "create"
    CANCEL = "cancel"
    ASK = "ask"


@dataclass(frozen=True, kw_only=True, slots=True)
class Advance:
    """What was learnt, to be written in one step."""

    job: Job
    version: Version
    notices: tuple[NewNotice, ...] = ()
    spent: tuple[Spent, ...] = ()


def next_step(job: Job) -> Step:
    """What a job that has not ended needs next."""
    if job.remote_job_id is not None:
        return Step.CANCEL if job.cancel_requested_at is not None else Step.ASK
    if job.create_attempted_at is not None:
        return Step.FIND
    if job.cancel_requested_at is not None:
        return Step.ABANDON
    return Step.UPLOAD if job.remote_file_id is None else Step.CREATE


def suffix(avatar: Avatar, version: Version) -> str:
    """What stands in the model's name, up to 40 of a-z, 0-9 and hyphens: `ani-v3`."""
    slug = re.sub(r"[^a-z0-9]+", "-", avatar.slug.lower()).strip("-")[:30] or "avatar"
    return f"{slug}-v{version.number}"


def adopted(job: Job, remote: RemoteJob) -> Job:
    """A job whose remote one is known now."""
    return replace(
        job, remote_job_id=remote.id, remote_status=remote.status, searches=0, failures=0
    )


def searched(job: Job, version: Version, *, now: datetime, poll: timedelta) -> Advance:
    """A job in doubt that was not found. After the last look it may be created again."""
    if job.searches + 1 >= SEARCHES:
        job = replace(job, create_attempted_at=None, searches=0, next_poll_at=now)
    else:
        job = replace(job, searches=job.searches + 1, next_poll_at=now + poll)
    return _waiting(job, version, now)


def postponed(job: Job, version: Version, *, now: datetime, poll: timedelta) -> Advance:
    """A job whose provider did not answer: asked again later, and later still."""
    delay = max(poll, min(poll * 2 ** min(job.failures, 12), MAX_DELAY))
    job = replace(job, failures=job.failures + 1, next_poll_at=now + delay)
    return _waiting(job, version, now)


def vanished(job: Job, version: Version, *, now: datetime, poll: timedelta) -> Advance:
    """A job that its provider says it does not know: that may pass, so it is asked again, later
    and later still, before it counts as lost.
    """
    searches = job.searches + 1
    if searches < VANISHED:
        return postponed(replace(job, searches=searches), version, now=now, poll=poll)
    if job.cancel_requested_at is not None:
        return cancelled(job, version, now=now)
    reason = "The provider does not know this training any more."
    return failed(job, version, reason=reason, code=None, now=now)


def advance(
    job: Job,
    version: Version,
    remote: RemoteJob,
    events: Sequence[JobEvent],
    *,
    now: datetime,
    poll: timedelta,
    price: Price | None,
) -> Advance:
    """What the provider's answer means. States that we do not know mean "not finished"; nothing is
    failed for being slow. A job that has ended stays as it is. `price` is the base model's.
    """
    if job.ended_at is not None:
        return Advance(job=job, version=version)
    job = replace(
        job,
        remote_status=remote.status,
        estimated_finish=remote.estimated_finish,
        searches=0,
        failures=0,
        next_poll_at=now + poll,
    )
    job = _heard(job, events)
    if remote.epochs is not None:
        version = replace(version, epochs=remote.epochs)
    match remote.status:
        case "succeeded" if remote.fine_tuned_model:
            return _completed(job, version, remote, now, price)
        case "failed":
            reason = remote.error_message or "The provider gave no reason."
            return failed(job, version, reason=reason, code=remote.error_code, now=now)
        case "cancelled":
            return cancelled(
                job, version, now=now, trained_tokens=remote.trained_tokens, price=price
            )
        case _:
            return _waiting(job, version, now)


def _heard(job: Job, events: Sequence[JobEvent]) -> Job:
    """The progress that events tell of."""
    step, total, loss = job.step, job.total_steps, job.loss
    for event in events:
        step = _whole(event.data.get("step"), step)
        total = _whole(event.data.get("total_steps"), total)
        value = event.data.get("train_loss")
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            loss = float(value)
    return replace(
        job,
        step=step,
        total_steps=total,
        loss=loss,
        last_event_id=events[-1].remote_id if events else job.last_event_id,
    )


def _whole(value: object, otherwise: int | None) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31:
        return int(value)
    return otherwise


def _completed(
    job: Job, version: Version, remote: RemoteJob, now: datetime, price: Price | None
) -> Advance:
    version = replace(
        version,
        status=Status.COMPLETED,
        fine_tuned_model_id=remote.fine_tuned_model,
        trained_tokens=remote.trained_tokens,
        finished_at=remote.finished_at or now,
    )
    tokens = remote.trained_tokens  # where the provider does not say, our estimate is counted
    if tokens is None:
        tokens = version.estimated_tokens
    return _ended(job, version, NoticeKind.TRAINING_COMPLETED, now, tokens=tokens, price=price)


def failed(job: Job, version: Version, *, reason: str, code: str | None, now: datetime) -> Advance:
    """A training that will give no model."""
    version = replace(version, status=Status.FAILED, error=reason, error_code=code, finished_at=now)
    return _ended(job, version, NoticeKind.TRAINING_FAILED, now)


def refused(job: Job, version: Version, error: AvatarError, *, now: datetime) -> Advance:
    """A training that the provider did not take."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    return failed(job, version, reason=error.sentence, code=code, now=now)


def cancelled(
    job: Job,
    version: Version,
    *,
    now: datetime,
    trained_tokens: int | None = None,
    price: Price | None = None,
) -> Advance:
    """A training that was ended by somebody; what the provider trained until then is counted."""
    version = replace(
        version, status=Status.CANCELLED, trained_tokens=trained_tokens, finished_at=now
    )
    return _ended(
        job, version, NoticeKind.TRAINING_CANCELLED, now, tokens=trained_tokens, price=price
    )


def _ended(
    job: Job,
    version: Version,
    kind: NoticeKind,
    now: datetime,
    *,
    tokens: int | None = None,
    price: Price | None = None,
) -> Advance:
    """`tokens`: what was trained and is paid; None: nothing."""
    spent: tuple[Spent, ...] = ()
    if tokens is not None:
        version = replace(version, actual_cost=pricing.training_cost(price, tokens))
    if tokens or version.status is Status.COMPLETED:
        spent = (
            Spent(
                avatar_id=version.avatar_id,
                month=pricing.month_of(now),
                kind="training",
                version_id=version.id,
                model=version.base_model or "",
                prompt_tokens=tokens or 0,
                completion_tokens=0,
                cost=version.actual_cost,
            ),
        )
    return Advance(
        job=replace(job, ended_at=now),
        version=version,
        notices=_notice(job, version, kind, f"training_ended:{version.id}"),
        spent=spent,
    )


def _waiting(job: Job, version: Version, now: datetime) -> Advance:
    notices: tuple[NewNotice, ...] = ()
    if job.waiting_told_at is None and now - job.created_at >= LONG:
        job = replace(job, waiting_told_at=now)
        notices = _notice(job, version, NoticeKind.STILL_WAITING, f"still_waiting:{version.id}")
    return Advance(job=job, version=version, notices=notices)


def _notice(job: Job, version: Version, kind: NoticeKind, key: str) -> tuple[NewNotice, ...]:
    """The notice of a version, unless nobody asked for it or it was deleted meanwhile."""
    if job.address is None or version.deleted_at is not None:
        return ()
    return (
        NewNotice(
            kind=kind,
            key=key,
            address=job.address,
            avatar_id=version.avatar_id,
            version_id=version.id,
        ),
    )
