"""What is counted, for Prometheus: the only module that knows it.

The sets of labels are bounded: platforms, providers, endings, classes of our errors. No person,
chat or avatar is ever named.
"""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from avatar.errors import AvatarError
from avatar.meter import Tallies
from avatar.records import Finish, Status, Usage

CONTENT_TYPE = CONTENT_TYPE_LATEST
# OpenAI's words for a job that has not ended, and ours for one that is not there yet.
STATES = ("not_created", "validating_files", "queued", "running", "paused", "other")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120)
_DOLLAR = 1_000_000  # micro-dollars


class Metrics:
    """Fulfils `avatar.meter.Meter`, in a registry of its own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._replies = Counter(
            "avatar_bot_replies",
            "Replies that were shown to their end.",
            ["platform", "finish"],
            registry=registry,
        )
        self._first = Histogram(
            "avatar_bot_reply_first_words_seconds",
            "From a message coming in until the first words of its reply go to the platform.",
            ["platform"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._end = Histogram(
            "avatar_bot_reply_seconds",
            "From a message coming in until the platform has taken the whole reply.",
            ["platform"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "avatar_bot_tokens",
            "Tokens used at providers.",
            ["provider", "kind", "direction"],
            registry=registry,
        )
        self._cost = Counter(
            "avatar_bot_cost_dollars",
            "What was spent, as far as prices are known.",
            ["provider", "kind"],
            registry=registry,
        )
        self._unpriced = Counter(
            "avatar_bot_unpriced",
            "Uses of a provider whose price is not known.",
            ["provider", "kind"],
            registry=registry,
        )
        self._trainings = Counter(
            "avatar_bot_trainings_ended", "Trainings that ended.", ["status"], registry=registry
        )
        self._notices = Counter(
            "avatar_bot_notices",
            "Attempts at bringing a notice.",
            ["outcome"],
            registry=registry,
        )
        self._errors = Counter(
            "avatar_bot_errors", "What went wrong.", ["kind", "where"], registry=registry
        )
        self._up = Gauge(
            "avatar_bot_database_up", "Whether the database answers.", registry=registry
        )
        self._inbox = Gauge(
            "avatar_bot_inbox_waiting", "Messages that are not answered yet.", registry=registry
        )
        self._inbox_age = Gauge(
            "avatar_bot_inbox_oldest_seconds",
            "How long the oldest of them waits.",
            registry=registry,
        )
        self._owed = Gauge("avatar_bot_notices_owed", "Notices still owed.", registry=registry)
        self._owed_age = Gauge(
            "avatar_bot_notices_oldest_seconds",
            "How long the one that is due first is owed.",
            registry=registry,
        )
        self._jobs = Gauge(
            "avatar_bot_jobs_open",
            "Trainings that have not ended, by the provider's status.",
            ["state"],
            registry=registry,
        )

    def replied(self, *, platform: str, finish: Finish, first: float | None, end: float) -> None:
        """A reply was shown to its end."""
        self._replies.labels(platform, finish.value).inc()
        if first is not None:
            self._first.labels(platform).observe(first)
        self._end.labels(platform).observe(end)

    def spent(self, *, kind: str, provider: str, usage: Usage, cost: int | None) -> None:
        """A provider was used."""
        for direction, count in (
            ("prompt", usage.prompt_tokens),
            ("cached", usage.cached_tokens),
            ("completion", usage.completion_tokens),
        ):
            self._tokens.labels(provider, kind, direction).inc(max(0, count))
        if cost is None:
            self._unpriced.labels(provider, kind).inc()
        else:
            self._cost.labels(provider, kind).inc(max(0, cost) / _DOLLAR)

    def trained(self, status: Status) -> None:
        """A training ended."""
        self._trainings.labels(status.value).inc()

    def delivered(self, outcome: str) -> None:
        """A notice was brought."""
        self._notices.labels(outcome).inc()

    def failed(self, error: BaseException, *, where: str) -> None:
        """Something went wrong."""
        kind = type(error).__name__ if isinstance(error, AvatarError) else "unexpected"
        self._errors.labels(kind, where).inc()

    def text(self, tallies: Tallies | None) -> bytes:
        """Everything as Prometheus reads it. None: the database does not answer; what waits in it
        is then as it was last known.
        """
        self._up.set(tallies is not None)
        if tallies is not None:
            self._inbox.set(tallies.inbox_waiting)
            self._inbox_age.set(tallies.inbox_oldest or 0)
            self._owed.set(tallies.notices_owed)
            self._owed_age.set(tallies.notices_oldest or 0)
            states = dict.fromkeys(STATES, 0)
            for status, count in tallies.jobs.items():
                states[status if status in states else "other"] += count
            for state, count in states.items():
                self._jobs.labels(state).set(count)
        return generate_latest(self._registry)
