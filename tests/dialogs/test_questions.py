"""A question that waits for a yes: for ten minutes, and for the person who asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.dialogs.stage import play, telegram_stage, terminal_stage
from tests.standins.telegram_api import BEN

NOT_OPEN = "no longer open"


class Time:
    """A clock that stands until it is put forward."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_a_yes_that_comes_too_late_changes_nothing(tmp_path: Path) -> None:
    time = Time()
    async with terminal_stage(tmp_path, clock=time) as stage:
        await play(stage, [("/prompt You are X.", "Version 1"), ("/delete 1", "Delete version 1")])
        time.now += timedelta(minutes=9, seconds=59)
        await play(stage, [("[Delete version 1]", "is deleted")])
        await play(stage, [("/prompt You are Y.", "Version 2"), ("/delete 2", "Delete version 2")])
        time.now += timedelta(minutes=10)
        await play(stage, [("[Delete version 2]", NOT_OPEN), ("/prompt", "You are Y.")])


async def test_a_yes_of_another_owner_counts_nothing(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo")])
        await play(
            ann,
            [
                (f"/owners add telegram:{BEN}", "Ben"),
                ("/prompt You are X.", "Version 1"),
                ("/delete 1", "Delete version 1"),
            ],
        )
        assert NOT_OPEN in await ben.forge("yes:1")
        await play(ben, [("/prompt", "You are X."), ("/delete 1", "Delete version 1")])
        await play(ann, [("[Delete version 1]", "is deleted")])  # hers was still open
        await play(ben, [("[Delete version 1]", "was deleted"), ("/history", "no versions yet")])
