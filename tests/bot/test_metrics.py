"""What Prometheus reads: counted, bounded, and without people."""

from prometheus_client.parser import text_string_to_metric_families

from avatar.errors import ModelGone, NotDelivered
from avatar.meter import UNCOUNTED, Meter, Tallies
from avatar.records import Finish, Status, Usage
from bot.metrics import STATES, Metrics


def read(metrics: Metrics, tallies: Tallies | None = None) -> dict[str, float]:
    """Samples as `name{label,…}`, the labels in order of the alphabet."""
    return {
        f"{sample.name}{{{','.join(sorted(sample.labels.values()))}}}": sample.value
        for family in text_string_to_metric_families(metrics.text(tallies).decode())
        for sample in family.samples
    }


def happen(meter: Meter) -> None:
    """One of everything that can be counted."""
    meter.replied(platform="telegram", finish=Finish.STOP, first=0.4, end=2.5)
    meter.replied(platform="telegram", finish=Finish.STOPPED, first=None, end=0.3)
    usage = Usage(prompt_tokens=100, completion_tokens=20, cached_tokens=60)
    meter.spent(kind="chat", provider="openai", usage=usage, cost=1_500_000)
    meter.spent(kind="chat", provider="openai", usage=usage, cost=None)
    meter.trained(Status.COMPLETED)
    meter.delivered("later")
    meter.failed(ModelGone(model="m"), where="chat")
    meter.failed(NotDelivered(), where="notice")
    meter.failed(ZeroDivisionError(), where="chat")


def test_what_happens_is_counted() -> None:
    metrics = Metrics()
    happen(metrics)
    happen(UNCOUNTED)  # and nowhere, where nobody reads it
    found = read(metrics)
    assert found["avatar_bot_replies_total{stop,telegram}"] == 1
    assert found["avatar_bot_reply_seconds_count{telegram}"] == 2
    assert found["avatar_bot_reply_seconds_sum{telegram}"] == 2.8
    assert found["avatar_bot_reply_first_words_seconds_count{telegram}"] == 1
    assert found["avatar_bot_tokens_total{chat,openai,prompt}"] == 200
    assert found["avatar_bot_tokens_total{cached,chat,openai}"] == 120
    assert found["avatar_bot_cost_dollars_total{chat,openai}"] == 1.5
    assert found["avatar_bot_unpriced_total{chat,openai}"] == 1
    assert found["avatar_bot_trainings_ended_total{completed}"] == 1
    assert found["avatar_bot_notices_total{later}"] == 1
    assert found["avatar_bot_errors_total{ModelGone,chat}"] == 1
    assert found["avatar_bot_errors_total{chat,unexpected}"] == 1
    assert found["process_resident_memory_bytes{}"] > 1_000_000


def test_what_waits_is_read_at_the_scrape() -> None:
    metrics = Metrics()
    tallies = Tallies(
        inbox_waiting=3,
        inbox_oldest=7.5,
        notices_owed=2,
        notices_oldest=None,
        jobs={"running": 4, "a word of another host": 1, "not_created": 2},
    )
    found = read(metrics, tallies)
    assert found["avatar_bot_database_up{}"] == 1
    assert found["avatar_bot_inbox_waiting{}"] == 3
    assert found["avatar_bot_inbox_oldest_seconds{}"] == 7.5
    assert found["avatar_bot_notices_owed{}"] == 2
    assert found["avatar_bot_jobs_open{running}"] == 4
    assert found["avatar_bot_jobs_open{other}"] == 1
    assert {name for name in found if name.startswith("avatar_bot_jobs_open")} == {
        f"avatar_bot_jobs_open{{{state}}}" for state in STATES
    }
    gone = read(metrics, None)
    assert gone["avatar_bot_database_up{}"] == 0
    assert gone["avatar_bot_inbox_waiting{}"] == 3  # as it was last known


def test_each_installation_counts_for_itself() -> None:
    one, other = Metrics(), Metrics()
    one.delivered("delivered")
    assert "avatar_bot_notices_total{delivered}" in read(one)
    assert "avatar_bot_notices_total{delivered}" not in read(other)
