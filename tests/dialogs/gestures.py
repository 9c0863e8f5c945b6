"""What people do beside writing: thumbs, edits, pictures, voice messages, things passed on.

A table like that of `stage.play`, whose left side may also be, with the words behind it:

    (up) (up gone) (down) (down gone)   a thumb under the newest message of the bot
    (edit) WORDS                        the person's last message says this now
    (reply) WORDS                       said in answer to the newest message of the bot
    (about) WORDS                       said in answer to the person's own last message
    (picture) (voice) (sticker)         sent, with words where there are any
    (album) WORDS                       two pictures at once, the words under the first
    (forward) WORDS                     words of somebody else
    (quick) A | B | C                   said one behind the other, at once
"""

import re
from collections.abc import Sequence
from typing import Any

from tests.dialogs.stage import DiscordStage, TelegramStage, play
from tests.standins import discord_api, telegram_api
from tests.standins.discord_world import snowflake
from tests.standins.openai_host import OGG, PNG

Place = TelegramStage | DiscordStage
_GESTURE = re.compile(r"\((\w+(?: gone)?)\) ?(.*)\Z", re.DOTALL)


async def act(stage: Place, table: Sequence[tuple[str, str]]) -> None:
    """Do what the left side says and look for the right one."""
    for said, expected in table:
        gesture = _GESTURE.match(said)
        if gesture is None or gesture[1] == "train":
            await play(stage, [(said, expected)])
            continue
        before = stage._since = stage._seen()
        if isinstance(stage, TelegramStage):
            _telegram(stage, gesture[1], gesture[2])
        else:
            _discord(stage, gesture[1], gesture[2])
        shown = await stage._answer(before)
        for part in filter(None, expected.split(" & ")):
            if part.startswith("!"):
                assert part[1:] not in shown, f"{said!r} showed {part[1:]!r}:\n{shown}"
            else:
                assert part in shown, f"{said!r} did not show {part!r}:\n{shown}"
        if not expected:
            assert shown == "", f"{said!r} showed something:\n{shown}"


def _telegram(stage: TelegramStage, gesture: str, text: str) -> None:
    server, chat = stage.standin, stage.user
    newest = max(server.messages(chat), default=0)
    told: dict[str, Any] = {"caption": text} if text else {}
    match gesture:
        case "up" | "down":
            server.react(newest, "👍" if gesture == "up" else "👎", chat=chat)
        case "up gone" | "down gone":
            server.react(newest, chat=chat)
        case "edit" | "about":
            mine = [
                id_ for id_, m in server._chats[chat].messages.items() if m["from"]["id"] == chat
            ]
            if gesture == "edit":
                server.edit(mine[-1], text, chat=chat)
            else:
                server.say(text, chat=chat, reply_to=mine[-1])
        case "reply":
            server.say(text, chat=chat, reply_to=newest)
        case "picture":
            server.say(chat=chat, photo=[_photo(server)], **told)
        case "album":
            server.say(chat=chat, photo=[_photo(server)], media_group_id="7", **told)
            server.say(chat=chat, photo=[_photo(server)], media_group_id="7")
        case "voice":
            voice = server._stored(telegram_api.Document(name="v", content=OGG))
            server.say(chat=chat, voice={**voice, "duration": 2})
        case "sticker":
            sized = {"width": 9, "height": 9, "is_animated": False, "is_video": False}
            named = {"file_id": "s", "file_unique_id": "s", "type": "regular", "emoji": "😀"}
            server.say(chat=chat, sticker={**sized, **named})
        case "forward":
            origin = {"type": "hidden_user", "sender_user_name": "Mei", "date": 1}
            server.say(text, chat=chat, forward_origin=origin)
        case "quick":
            for each in text.split(" | "):
                server.say(each, chat=chat)
        case _:
            raise AssertionError(gesture)


def _photo(server: telegram_api.TelegramStandIn) -> dict[str, Any]:
    stored = server._stored(telegram_api.Document(name="p", content=PNG))
    return {**stored, "width": 9, "height": 9}


def _discord(stage: DiscordStage, gesture: str, text: str) -> None:
    server = stage.standin
    there: dict[str, Any] = {"channel": stage.channel, "user": stage.user}
    newest = max(server.messages(stage.channel), default=0)
    thumb = "👍🏽" if gesture.startswith("up") else "👎"
    picture = discord_api.Document(name="p.png", content=PNG, content_type="image/png")
    match gesture:
        case "up" | "down":
            server.react(newest, thumb, **there)
        case "up gone" | "down gone":
            server.react(newest, thumb, gone=True, **there)
        case "edit" | "about":
            said = [
                int(m["id"])
                for m in server.channels[stage.channel].values()
                if m["author"]["id"] == str(stage.user)
            ]
            if gesture == "edit":
                server.edit(said[-1], text, channel=stage.channel)
            else:
                server.say(text, reply_to=said[-1], **there)
        case "reply":
            server.say(text, reply_to=newest, **there)
        case "picture":
            server.say(text, document=picture, **there)
        case "album":
            files = [server._stored(picture), server._stored(picture)]
            server.say(text, attachments=files, **there)
        case "voice":
            voice = discord_api.Document(name="v.ogg", content=OGG, content_type="audio/ogg")
            told = {**server._stored(voice), "waveform": "AAAA", "duration_secs": 2.0}
            server.say("", attachments=[told], **there)
        case "sticker":
            sticker = {"id": str(snowflake()), "name": "😀", "format_type": 1}
            server.say("", sticker_items=[sticker], **there)
        case "forward":
            snapshot = {
                "type": 0,
                "content": text,
                "embeds": [],
                "attachments": [],
                "timestamp": "2026-11-27T12:00:00+00:00",
                "edited_timestamp": None,
                "flags": 0,
            }
            server.say(
                "",
                message_reference={"type": 1, "message_id": "1", "channel_id": "2"},
                message_snapshots=[{"message": snapshot}],
                **there,
            )
        case "quick":
            for each in text.split(" | "):
                server.say(each, **there)
        case _:
            raise AssertionError(gesture)
