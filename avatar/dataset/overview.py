"""Counting what an export holds, in one pass and in little memory."""

import math
from collections import Counter
from datetime import UTC, datetime

from avatar.dataset.export import Chat, Drop, Heading, Overview, Said, Speaker

MIN_SILENCE, MAX_SILENCE = 600, 4 * 3600  # seconds
_SILENCES = 4  # times the upper quartile of the pauses; our choice


class _Tally:
    """One chat, while it is counted."""

    __slots__ = (
        "first",
        "in_order",
        "last",
        "latest",
        "messages",
        "pauses",
        "said",
        "title",
        "usable",
    )

    def __init__(self) -> None:
        self.title = ""
        self.messages = 0
        self.said: Counter[str] = Counter()
        self.usable: Counter[str] = Counter()
        self.first = math.inf
        self.last = -math.inf
        self.latest: float | None = None
        self.in_order = True
        self.pauses: Counter[int] = Counter()  # by their seconds; all long ones are one

    def silence(self) -> float:
        """Four times the upper quartile of the pauses, from 10 minutes to 4 hours."""
        wanted = 0.75 * self.pauses.total()
        passed = 0
        for pause, count in sorted(self.pauses.items()):
            passed += count
            if passed >= wanted:
                return float(min(MAX_SILENCE, max(MIN_SILENCE, _SILENCES * pause)))
        return float(MIN_SILENCE)


class Count:
    """Adds up an export."""

    def __init__(self) -> None:
        self._chats: dict[str, _Tally] = {}
        self._names: dict[str, str] = {}
        self._owner: str | None = None

    def add(self, item: Said | Heading) -> None:
        if isinstance(item, Heading):
            if item.chat:
                tally = self._chats.setdefault(item.chat, _Tally())
                tally.title = item.title or tally.title
            self._owner = item.owner or self._owner
            return
        tally = self._chats.get(item.chat) or self._chats.setdefault(item.chat, _Tally())
        tally.messages += 1
        at = item.at
        if item.drop is not Drop.SERVICE:  # whom a notice names has not said anything
            speaker = item.speaker
            tally.said[speaker] += 1
            if item.drop is None and item.text:
                tally.usable[speaker] += 1
            if item.name:
                self._names[speaker] = item.name  # the newest name stays
            if tally.latest is not None:
                pause = int(at - tally.latest)
                if at < tally.latest:
                    tally.in_order = False
                tally.pauses[pause if pause < MAX_SILENCE else MAX_SILENCE] += 1
            tally.latest = at
        if at < tally.first:  # noqa: PLR1730 - a call would take longer, a million times
            tally.first = at
        if at > tally.last:  # noqa: PLR1730
            tally.last = at

    def overview(self, *, form: str, ignored: tuple[str, ...]) -> Overview:
        said: Counter[str] = Counter()
        usable: Counter[str] = Counter()
        for tally in self._chats.values():
            said.update(tally.said)
            usable.update(tally.usable)
        return Overview(
            format=form,
            chats=tuple(
                sorted(
                    (self._chat(chat_id, tally) for chat_id, tally in self._chats.items()),
                    key=lambda chat: -chat.messages,
                )
            ),
            speakers=self._speakers(said, usable),
            owner=self._owner,
            ignored=ignored,
        )

    def _chat(self, chat_id: str, tally: _Tally) -> Chat:
        return Chat(
            id=chat_id,
            title=tally.title or chat_id,
            messages=tally.messages,
            speakers=self._speakers(tally.said, tally.usable),
            first=datetime.fromtimestamp(tally.first, UTC) if tally.messages else None,
            last=datetime.fromtimestamp(tally.last, UTC) if tally.messages else None,
            in_order=tally.in_order,
            silence=tally.silence(),
        )

    def _speakers(self, said: Counter[str], usable: Counter[str]) -> tuple[Speaker, ...]:
        return tuple(
            Speaker(
                id=speaker,
                name=self._names.get(speaker, speaker),
                messages=count,
                usable=usable[speaker],
            )
            for speaker, count in said.most_common()
        )
