"""Slack's export: a zip with a folder a channel and a file a day."""

import html
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from avatar.dataset.json_stream import elements
from avatar.dataset.readers.faults import no_message, no_time
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit
from avatar.dataset.times import seconds

_SPOKEN = (None, "me_message", "thread_broadcast", "file_share", "reply_broadcast")
_BARE = ("mailto", "tel")  # what Slack puts before an address that somebody wrote without
_SLACKBOT = "USLACKBOT"  # of which users.json says that it is none
_MARKUP = re.compile(r"<([@#!]?)([^<>|]{1,500})(?:\|([^<>]{0,500}))?>")


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """Channel by channel, day by day. Raises BadDataset for a wrong time."""
    people = _People()
    channels: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        folder, _, last = source.name.rpartition("/")
        if last == "users.json":
            for user in elements(source, tick):
                people.learn(user)
        else:
            channels[folder or source.name].append(source)
    for channel, days in channels.items():
        yield Heading(chat=channel, title="#" + channel.rpartition("/")[2])
        for source in sorted(days, key=lambda day: day.name):
            for number, message in enumerate(elements(source, tick), start=1):
                if not isinstance(message, dict):
                    raise no_message(source.name, number)
                try:
                    at = seconds(message.get("ts"))
                except ValueError as error:
                    raise no_time(source.name, number, message.get("ts")) from error
                yield _said(message, channel, at, people)


class _People:
    """Who is who, from users.json."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.bots: set[str] = {_SLACKBOT}

    def learn(self, user: Any) -> None:
        if not isinstance(user, dict) or not isinstance(user.get("id"), str):
            return
        profile = user.get("profile")
        profile = profile if isinstance(profile, dict) else {}
        shown = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"))
        name = next((n for n in (*shown, user.get("name")) if isinstance(n, str) and n.strip()), "")
        self.names[user["id"]] = fit(name) or user["id"]
        if user.get("is_bot") is True:
            self.bots.add(user["id"])


def _said(message: dict[str, Any], channel: str, at: float, people: _People) -> Said:
    stamp = message.get("ts")
    user, content, thread = message.get("user"), message.get("text"), message.get("thread_ts")
    speaker = fit(user) if isinstance(user, str) and user else "?"
    text = fit(_plain(content, people.names)) if isinstance(content, str) else ""
    return Said(
        chat=channel,
        speaker=speaker,
        name=people.names.get(speaker, speaker),
        at=at,
        text=text,
        id=fit(str(stamp)),
        reply_to=fit(thread) if isinstance(thread, str) and thread != stamp else "",
        drop=_drop(message, text, is_bot=speaker in people.bots),
    )


def _plain(text: str, names: dict[str, str]) -> str:
    """Slack's markup as people see it: `<@U1>` is a name, `<https://…|label>` is the link."""

    def shown(match: re.Match[str]) -> str:
        sign, what, label = match.groups()
        if sign == "@":
            return "@" + names.get(what, label or what)
        if sign == "#":
            return "#" + (label or what)
        if sign == "!":
            named = label or what.partition("^")[0]  # <!here>, <!subteam^S1|@team>
            # A date is written out in its label.
            return named if what.startswith("date^") else "@" + named.lstrip("@")
        scheme, colon, address = what.partition(":")
        return address if colon and scheme in _BARE else what

    return html.unescape(_MARKUP.sub(shown, text) if "<" in text else text)


def _drop(message: dict[str, Any], text: str, *, is_bot: bool) -> Drop | None:
    subtype = message.get("subtype")
    if is_bot or subtype == "bot_message" or message.get("bot_id"):
        return Drop.BOT
    if subtype == "tombstone":
        return Drop.DELETED
    if message.get("type") != "message" or subtype not in _SPOKEN:
        return Drop.SERVICE
    if not text:
        return Drop.MEDIA if message.get("files") or message.get("attachments") else Drop.EMPTY
    return None
