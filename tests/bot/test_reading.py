"""While a file is read it is told how far it is, and it can be stopped."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from avatar.dataset.watch import Stage, Watch
from avatar.errors import ReadingStopped
from avatar.records import Address, Attachment
from avatar.work import WorkQueue
from bot.handlers import reading
from bot.handlers.reading import told
from bot.running import Running
from bot.screen import Content, Messenger

HERE = Address(platform="terminal", chat="1")
FILE = Attachment(ref="1", name="result.json", size=41_000_000, kind="document")


class Paper:
    """Remembers what is shown, and waits for it."""

    def __init__(self) -> None:
        self.shown: list[Content] = []
        self.news = asyncio.Condition()

    async def send(self, address: Address, content: Content) -> Sequence[str]:
        await self._show(content)
        return ("1",)

    async def edit(
        self, address: Address, message_id: str, content: Content, *, quiet: bool = False
    ) -> None:
        assert (message_id, quiet) == ("1", True)
        await self._show(content)

    async def _show(self, content: Content) -> None:
        async with self.news:
            self.shown.append(content)
            self.news.notify_all()

    async def shows(self, text: str) -> Content:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: self.shown and text in self.shown[-1].text)
        return self.shown[-1]


class NoQueue:
    """Of a process that is alone."""

    def stops_by(self, stop: object) -> None:
        pass

    async def stop(self, address: Address) -> bool:
        return False


@pytest.fixture
def running() -> Running:
    return Running(cast(WorkQueue, NoQueue()))


async def test_each_stage_is_told_in_one_message(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "EVERY", 0.001)
    paper = Paper()
    async with told(cast(Messenger, paper), HERE, FILE, running) as watch:
        first = await paper.shows("Fetching `result.json` (41 MB)…")
        assert [button.label for row in first.buttons for button in row] == ["Stop"]
        watch.begin(Stage.READING)
        await paper.shows("Reading `result.json`…")
        watch.messages = 12_345
        watch.at(20_500_000, 41_000_000)
        await paper.shows("Reading `result.json`: 20 of 41 MB, 12,345 messages so far…")
        watch.begin(Stage.BUILDING)
        watch.at(30_000_000, 41_000_000)
        await paper.shows("Building examples from `result.json`: 30 of 41 MB…")
        watch.begin(Stage.MASKING)
        watch.at(700, 2_100)
        await paper.shows("Building examples from `result.json`: 700 of 2,100…")
        watch.begin(Stage.COUNTING)
        await paper.shows("Counting tokens, and keeping the examples from `result.json`…")
    last = await paper.shows("`result.json` was looked at: 12,345 messages.")
    assert last.buttons == ()


async def test_of_a_small_file_that_is_read_at_once_nothing_is_told(running: Running) -> None:
    paper = Paper()
    small = Attachment(ref="1", name="chat.txt", size=2_000, kind="document")
    async with told(cast(Messenger, paper), HERE, small, running):
        pass
    assert paper.shown == []


async def test_it_is_stopped_while_it_is_fetched(running: Running) -> None:
    paper = Paper()
    watch = Watch()
    with pytest.raises(ReadingStopped) as caught:
        async with told(cast(Messenger, paper), HERE, FILE, running) as watch:
            await paper.shows("Fetching")
            assert await running.stop(HERE)
            await asyncio.sleep(10)
    assert "nothing of result.json was kept" in caught.value.sentence
    assert watch.stopped
    assert "not read to its end" in paper.shown[-1].text
    assert not await running.stop(HERE)  # it is over


async def test_what_takes_too_long_by_itself_was_not_stopped(running: Running) -> None:
    with pytest.raises(TimeoutError):
        async with told(cast(Messenger, Paper()), HERE, FILE, running):
            raise TimeoutError


async def test_the_end_of_the_process_is_no_stop(running: Running) -> None:
    paper = Paper()

    async def read() -> None:
        async with told(cast(Messenger, paper), HERE, FILE, running):
            await asyncio.sleep(10)

    task = asyncio.create_task(read())
    await paper.shows("Fetching")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
