"""Which messages are one turn, and how long it is waited for more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.incoming import Incoming, Reaction, Received
from avatar.records import Address, Author
from bot.joining import MOST, Take, Wait, Windows, decide

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ANN = Author(platform="telegram", external_id="1", name="Ann")
BEN = Author(platform="telegram", external_id="2", name="Ben")
LONG = "x" * 4090
WINDOWS = Windows()


def came(at: float, text: str = "hi", *, sent: float = 0, **more: Any) -> Received:
    incoming = Incoming(
        update_id=str(at),
        address=Address(platform=more.pop("platform", "telegram"), chat="1", bot="9"),
        author=more.pop("author", ANN),
        message_id="1",
        sent_at=NOW + timedelta(seconds=sent),
        text=text,
        **more,
    )
    at_ = NOW + timedelta(seconds=at)
    return Received(id=int(at * 1000), incoming=incoming, attempts=0, received_at=at_)


@pytest.mark.parametrize(
    ("waiting", "waited", "expected"),
    [
        # a single short message is held for 0.3 s, and no longer
        ([came(0)], 0.0, Wait(0.3)),
        ([came(0)], 0.25, Wait(0.05)),
        ([came(0)], 0.3, Take(1)),
        # each further one holds it again, up to 1.2 s in all
        ([came(0), came(0.2)], 0.2, Wait(0.3)),
        ([came(0), came(0.2)], 0.5, Take(2)),
        ([came(0), came(0.5), came(1.1)], 1.1, Wait(0.1)),
        ([came(0), came(0.5), came(1.1)], 1.2, Take(3)),
        ([came(0), came(1.21)], 1.3, Take(1)),
        # what is long, or of an album, has more coming
        ([came(0, LONG)], 0.3, Wait(0.9)),
        ([came(0, LONG)], 1.2, Take(1)),
        ([came(0, LONG), came(0.1, "end")], 0.4, Take(2)),
        ([came(0, album="a")], 0.3, Wait(0.9)),
        ([came(0, album="a"), came(0.1, album="a")], 1.2, Take(2)),
        # it is waiting since long: behind a reply, or since before a crash
        ([came(0), came(0.9), came(5)], 60.0, Take(2)),
        ([came(0), came(0.0, sent=30)], 60.0, Take(1)),  # fetched at once, sent far apart
        ([came(0), came(0.0, sent=2)], 60.0, Take(2)),
        # what is no talk is never joined and never waits, and it ends a turn
        ([came(0, "/help"), came(0.1)], 0.1, Take(1)),
        ([came(0), came(0.1, "/help"), came(0.2)], 0.2, Take(1)),
        ([came(0, "", action="stop:1")], 0.0, Take(1)),
        ([came(0), came(0.1, "", action="stop:1")], 0.1, Take(1)),
        ([came(0, edited=True), came(0.1)], 0.1, Take(1)),
        ([came(0), came(0.1, edited=True)], 0.1, Take(1)),
        ([came(0, "", reaction=Reaction.UP), came(0.1)], 0.1, Take(1)),
        ([came(0), came(0.1, "", reaction=Reaction.UP), came(0.2)], 0.2, Take(1)),
        # a command that was passed on is somebody's words
        ([came(0, "look"), came(0.1, "/help", forwarded="Mei")], 0.4, Take(2)),
        # somebody else's words end it, so that the order is kept
        ([came(0), came(0.1, author=BEN), came(0.2)], 0.2, Take(1)),
        # what named nobody is a part of what stands before it, and begins no turn
        ([came(0), came(0.2, addressed=False, follows=True)], 0.5, Take(2)),
        ([came(0, addressed=False, follows=True), came(0.1)], 0.1, Take(1)),
        # in the terminal a line is a message
        ([came(0, platform="terminal"), came(0.0, platform="terminal")], 0.0, Take(1)),
    ],
)
def test_decide(waiting: list[Received], waited: float, expected: Take | Wait) -> None:
    found = decide(waiting, waited=waited, windows=WINDOWS)
    if isinstance(expected, Wait):
        assert isinstance(found, Wait)
        assert found.seconds == pytest.approx(expected.seconds)
    else:
        assert found == expected


def test_a_turn_has_an_end() -> None:
    waiting = [replace(came(0), id=i) for i in range(MOST + 5)]
    assert decide(waiting, waited=0, windows=WINDOWS) == Take(MOST)


_MESSAGES = st.lists(
    st.builds(
        came,
        st.floats(0, 3),
        st.sampled_from(["hi", "/help", LONG, ""]),
        author=st.sampled_from([ANN, BEN]),
        album=st.sampled_from(["", "a"]),
        edited=st.booleans(),
    ),
    min_size=1,
    max_size=8,
).map(lambda found: sorted(found, key=lambda each: each.received_at))


@given(_MESSAGES, st.floats(0, 5))
def test_nobody_waits_too_long_and_nothing_foreign_is_taken(
    waiting: list[Received], waited: float
) -> None:
    found = decide(waiting, waited=waited, windows=WINDOWS)
    if isinstance(found, Wait):
        assert 0 < found.seconds <= WINDOWS.most - waited + 1e-9
        return
    taken = waiting[: found.count]
    assert len({each.incoming.author for each in taken}) == 1
    if len(taken) > 1:
        assert not any(each.incoming.edited or each.incoming.text == "/help" for each in taken)
        apart = (taken[-1].received_at - taken[0].received_at).total_seconds()
        assert apart <= WINDOWS.most
