"""The imitator as an engine."""

import asyncio
import json
import math
import os
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from modelserver.engine import Lesson, Metrics, Order, Report, Said
from modelserver.imitator import voice
from modelserver.imitator.index import Entry, Index, known_share, terms

BASE_MODEL = "imitator-1"
CONTEXT_TOKENS = 16_384
LOADED = 8  # models kept in memory
STEPS_AN_EPOCH = 10
WORD_SECONDS = 0.015  # between two words of a reply, so that one sees it stream
_PIECES = re.compile(r"\s*\S+\s*")
_ENTRIES = "entries.json"


class Imitator:
    """Fulfils `modelserver.engine.Engine`."""

    def __init__(self, *, word_seconds: float = WORD_SECONDS) -> None:
        self._word_seconds = word_seconds
        self._loaded: OrderedDict[Path, Index] = OrderedDict()
        self._loading: dict[Path, asyncio.Task[Index]] = {}

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

    async def train(self, order: Order, report: Report) -> None:
        """Learn the exchanges by heart. The loss is real: how much of each batch was new to it."""
        lessons, size = order.lessons, order.batch_size
        batches = [lessons[i : i + size] for i in range(0, len(lessons), size)]
        total = order.epochs * len(batches)
        vocabulary: set[str] = set()
        for step in range(1, total + 1):
            batch = batches[(step - 1) % len(batches)]
            share = await asyncio.to_thread(_learn, vocabulary, batch)
            if step <= order.first_step:
                continue  # reported before a restart; only what was learnt is needed again
            await asyncio.sleep(order.seconds / total)
            loss = -math.log((1 + 1000 * share) / 1001)
            await report(
                Metrics(
                    step=step,
                    total_steps=total,
                    train_loss=round(abs(loss), 4),
                    train_mean_token_accuracy=round(share, 4),
                )
            )
        await asyncio.to_thread(_save, order.folder, lessons)

    async def reply(self, folder: Path | None, messages: Sequence[Said]) -> AsyncIterator[str]:
        """The reply, word by word."""
        if folder is None:
            text = voice.untrained(messages)
        else:
            index = await self._index(folder)
            text = await asyncio.to_thread(voice.trained, index, messages)
        for piece in _PIECES.findall(text):
            if self._word_seconds:
                await asyncio.sleep(self._word_seconds)
            yield piece

    async def _index(self, folder: Path) -> Index:
        """A model's index, loaded once however many ask for it."""
        if folder in self._loaded:
            self._loaded.move_to_end(folder)
            return self._loaded[folder]
        task = self._loading.get(folder)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(load, folder))
            self._loading[folder] = task
            task.add_done_callback(lambda _: self._loading.pop(folder, None))
        index = await asyncio.shield(task)
        self._loaded[folder] = index
        while len(self._loaded) > LOADED:
            self._loaded.popitem(last=False)
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
            before = " ".join(m.text for m, _ in talk[max(0, i - 3) : max(0, i - 1)])[-400:]
            entries.append(Entry(asked=asked, before=before, reply=message.text))
    return entries


def load(folder: Path) -> Index:
    """A model from its folder."""
    data = json.loads((folder / _ENTRIES).read_text(encoding="utf-8"))
    return Index([Entry(*entry) for entry in data])


def _learn(vocabulary: set[str], batch: Sequence[Lesson]) -> float:
    texts = [m.text for lesson in batch for m in lesson.messages if m.role == "assistant"]
    share = known_share(vocabulary, texts)
    for text in texts:
        vocabulary.update(terms(text))
    return share


def _save(folder: Path, lessons: Sequence[Lesson]) -> None:
    """Write the model so that it is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    data = [[entry.asked, entry.before, entry.reply] for entry in entries_of(lessons)]
    unfinished = folder / f"{_ENTRIES}.new"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / _ENTRIES)
