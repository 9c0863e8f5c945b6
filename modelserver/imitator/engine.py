"""The imitator as an engine."""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

from modelserver.disk import write_whole
from modelserver.engine import Lesson, Metrics, Order, Report, Said, Trained, Wish
from modelserver.imitator import voice
from modelserver.imitator.index import Entry, Index
from modelserver.imitator.learning import Memory, loss

BASE_MODEL = "imitator-1"
CONTEXT_TOKENS = 16_384
AT_ONCE = 2
LOADED = 8  # models kept in memory
STEPS_AN_EPOCH = 10
MAX_REPORTS = 500  # of a training; with more steps only some are reported
WORD_SECONDS = 0.015  # between two words of a reply, so that one sees it stream
_PIECES = re.compile(r"\s*\S+\s*")
_INDEX = "index"


class Imitator:
    """Fulfils `modelserver.engine.Engine`."""

    methods: tuple[str, ...] = ("supervised",)
    builds_on = False

    def __init__(self, *, word_seconds: float = WORD_SECONDS, at_once: int = AT_ONCE) -> None:
        self._word_seconds = word_seconds
        self.at_once = at_once
        self._loaded: dict[Path, Index] = {}  # the one used longest ago comes first
        self._loading = asyncio.Lock()

    async def start(self) -> None:
        """There is nothing to start."""

    async def close(self) -> None:
        """There is nothing to close."""

    @property
    def base_models(self) -> tuple[str, ...]:
        return (BASE_MODEL,)

    @property
    def context_tokens(self) -> int:
        return CONTEXT_TOKENS

    def batch_size(self, examples: int) -> int:
        """So that an epoch has about ten steps, however many examples there are."""
        return max(1, min(256, round(examples / STEPS_AN_EPOCH)))

    def tokens(self, text: str) -> int:
        """There is no tokenizer: four bytes count as a token."""
        return max(1, math.ceil(len(text.encode("utf-8", "replace")) / 4))

    async def train(self, order: Order, report: Report) -> Trained:
        """Learn the exchanges by heart; see `learning` for what the numbers mean."""
        lessons, size = order.lessons, order.batch_size
        batches = [lessons[i : i + size] for i in range(0, len(lessons), size)]
        total = order.epochs * len(batches)
        shown = math.ceil(total / MAX_REPORTS)  # every how many steps
        memory = Memory()
        for step in range(1, total + 1):
            known = await asyncio.to_thread(memory.hear, batches[(step - 1) % len(batches)])
            if step <= order.first_step:
                continue  # reported before; what was learnt then is only learnt again
            if step % shown and step != total:
                continue
            await asyncio.sleep(order.seconds * min(shown, total) / total)
            metrics = Metrics(
                step=step,
                total_steps=total,
                train_loss=round(loss(known), 4),
                train_mean_token_accuracy=round(known, 4),
            )
            if order.validation and (step % len(batches) == 0 or step == total):
                held_out = await asyncio.to_thread(memory.known, order.validation)
                metrics = replace(
                    metrics,
                    valid_loss=round(loss(held_out), 4),
                    valid_mean_token_accuracy=round(held_out, 4),
                )
            await report(metrics)
        await asyncio.to_thread(_save, order.folder, lessons)
        return Trained()

    async def reply(
        self, folder: Path | None, messages: Sequence[Said], wish: Wish
    ) -> AsyncGenerator[str, None]:
        """The reply, word by word. It is always the same one, so no wish changes it."""
        if folder is None:
            text = voice.untrained(messages)
        else:
            index = await self._index(folder)
            text = await asyncio.to_thread(voice.trained, index, messages)
        for piece in _PIECES.findall(text):
            if self._word_seconds:
                await asyncio.sleep(self._word_seconds)
            yield piece

    async def forget(self, folder: Path) -> None:
        """Not kept in memory any longer."""
        self._loaded.pop(folder, None)

    async def _index(self, folder: Path) -> Index:
        """A model's index, loaded by one however many ask for it."""
        async with self._loading:
            index = self._loaded.pop(folder, None)
            if index is None:
                index = await asyncio.to_thread(load, folder)
            self._loaded[folder] = index  # the last one is the one used last
            while len(self._loaded) > LOADED:
                self._loaded.pop(next(iter(self._loaded)))
        return index


def entries_of(lessons: Sequence[Lesson]) -> list[Entry]:
    """What lessons teach: each reply that is to be learnt, with what led to it."""
    entries = []
    for lesson in lessons:
        talk = [
            (m, learn)
            for m, learn in zip(lesson.messages, lesson.learn, strict=True)
            if m.role != "system"
        ]
        for i, (message, learn) in enumerate(talk):
            if message.role != "assistant" or not learn:
                continue
            asked = next((m.text for m, _ in reversed(talk[:i]) if m.role == "user"), "")
            before = voice.context([m.text for m, _ in talk[: max(0, i - 1)]])
            entries.append(Entry(asked=asked, before=before, reply=message.text))
    return entries


def load(folder: Path) -> Index:
    """A model from its folder."""
    return Index.from_bytes((folder / _INDEX).read_bytes())


def _save(folder: Path, lessons: Sequence[Lesson]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _INDEX, Index(entries_of(lessons)).to_bytes())
