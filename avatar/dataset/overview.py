"""What an export holds, counted in one pass and in little memory."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from avatar.dataset.said import Drop, Heading, Said

MIN_SILENCE, MAX_SILENCE = 600, 4 * 3600  # seconds
MAX_STORED = 1_000_000  # characters of an overview that is kept while choices are made
_SILENCES = 4  # times the upper quartile of the pauses; our choice


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Somebody who speaks in an export."""

    id: str
    name: str
    messages: int
    usable: int  # of these, those that have words of their own


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """One chat of an export."""

    id: str
    title: str
    messages: int
    speakers: tuple[Speaker, ...]  # most messages first
    first: datetime | None  # None: no message
    last: datetime | None
    in_order: bool  # the file has its messages oldest first
    silence: float  # seconds without a message after which a conversation has ended

    @property
    def is_group(self) -> bool:
        return len(self.speakers) > 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What there is to choose from."""

    format: str  # "Telegram"
    chats: tuple[Chat, ...]  # most messages first
    speakers: tuple[Speaker, ...]  # over all chats, most messages first
    owner: str | None  # the id of the speaker whose export this is, where the file says so
    ignored: tuple[str, ...]  # files of an archive that are no chats

    @property
    def messages(self) -> int:
        return sum(chat.messages for chat in self.chats)

    def speaker(self, speaker_id: str) -> Speaker | None:
        return next((s for s in self.speakers if s.id == speaker_id), None)


def overview_json(overview: Overview) -> dict[str, object] | None:
    """An overview as it is stored; None: it is too large for that. Its times of the first and last
    messages stay behind: nothing is built from them.
    """
    data: dict[str, object] = {
        "format": overview.format,
        "owner": overview.owner,
        "names": {speaker.id: speaker.name for speaker in overview.speakers},
        "chats": [
            [
                chat.id,
                chat.title,
                chat.messages,
                [[speaker.id, speaker.messages, speaker.usable] for speaker in chat.speakers],
                chat.in_order,
                chat.silence,
            ]
            for chat in overview.chats
        ],
    }
    return data if len(json.dumps(data)) <= MAX_STORED else None


def overview_of(data: Mapping[str, Any]) -> Overview:
    """The overview that was stored."""
    names = data["names"]
    totals: dict[str, list[int]] = {}
    chats = []
    for chat_id, title, messages, said, in_order, silence in data["chats"]:
        for speaker, count, usable in said:
            total = totals.setdefault(speaker, [0, 0])
            total[0] += count
            total[1] += usable
        chats.append(
            Chat(
                id=chat_id,
                title=title,
                messages=messages,
                speakers=_named({s: [count, usable] for s, count, usable in said}, names),
                first=None,
                last=None,
                in_order=in_order,
                silence=silence,
            )
        )
    return Overview(
        format=data["format"],
        chats=tuple(chats),
        speakers=_named(totals, names),
        owner=data["owner"],
        ignored=(),
    )


def _named(said: Mapping[str, list[int]], names: Mapping[str, str]) -> tuple[Speaker, ...]:
    """Speakers, the one with the most messages first."""
    return tuple(
        Speaker(id=speaker, name=names.get(speaker) or speaker, messages=messages, usable=usable)
        for speaker, (messages, usable) in sorted(said.items(), key=lambda one: -one[1][0])
    )


class _Tally:
    """One chat, while it is counted."""

    __slots__ = ("first", "in_order", "last", "latest", "messages", "pauses", "said", "title")

    def __init__(self) -> None:
        self.title = ""
        self.messages = 0
        self.said: dict[str, list[int]] = {}  # by speaker: messages, and the usable of them
        self.first = math.inf
        self.last = -math.inf
        self.latest = -math.inf  # of the newest message that somebody said
        self.in_order = True
        self.pauses: dict[int, int] = {}  # by their seconds; all long ones are one

    def silence(self) -> float:
        """Four times the upper quartile of the pauses, from 10 minutes to 4 hours."""
        wanted = 0.75 * sum(self.pauses.values())
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

    @property
    def messages(self) -> int:
        """So far."""
        return sum(tally.messages for tally in self._chats.values())

    def add(self, item: Said | Heading) -> None:
        if not isinstance(item, Said):
            if item.chat:
                tally = self._chats.setdefault(item.chat, _Tally())
                tally.title = item.title or tally.title
            self._owner = item.owner or self._owner
            return
        found = self._chats.get(item.chat)
        tally = self._chats.setdefault(item.chat, _Tally()) if found is None else found
        tally.messages += 1
        at = item.at
        if at > tally.last:  # noqa: PLR1730 - a call takes longer, a million times
            tally.last = at
        if at < tally.first:  # noqa: PLR1730
            tally.first = at
        if item.drop is Drop.SERVICE:  # whom a notice names has not said anything
            return
        speaker = item.speaker
        counts = tally.said.get(speaker)
        if counts is None:
            counts = tally.said[speaker] = [0, 0]
        counts[0] += 1
        if item.drop is None and item.text:
            counts[1] += 1
        self._names[speaker] = item.name  # the newest name stays
        pause = at - tally.latest
        if pause < 0:
            tally.in_order = False
            pause = 0.0
        whole = int(pause) if pause < MAX_SILENCE else MAX_SILENCE
        tally.pauses[whole] = tally.pauses.get(whole, 0) + 1
        tally.latest = at

    def overview(self, *, form: str, ignored: tuple[str, ...]) -> Overview:
        said: dict[str, list[int]] = {}
        for tally in self._chats.values():
            for speaker, (messages, usable) in tally.said.items():
                counts = said.setdefault(speaker, [0, 0])
                counts[0] += messages
                counts[1] += usable
        return Overview(
            format=form,
            chats=tuple(
                sorted(
                    (self._chat(chat_id, tally) for chat_id, tally in self._chats.items()),
                    key=lambda chat: -chat.messages,
                )
            ),
            speakers=_named(said, self._names),
            owner=self._owner,
            ignored=ignored,
        )

    def _chat(self, chat_id: str, tally: _Tally) -> Chat:
        return Chat(
            id=chat_id,
            title=tally.title or chat_id,
            messages=tally.messages,
            speakers=_named(tally.said, self._names),
            first=datetime.fromtimestamp(tally.first, UTC) if tally.messages else None,
            last=datetime.fromtimestamp(tally.last, UTC) if tally.messages else None,
            in_order=tally.in_order,
            silence=tally.silence(),
        )
