"""How the bots of avatars look: their names, what they say of themselves in each language, who may
use them, and their pictures.
"""

import base64
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import Bot, InputProfilePhotoStatic
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError

from avatar.accounts import OwnBot
from avatar.errors import AvatarNotFound
from avatar.language import NAMES, speaking
from avatar.records import Avatar
from avatar.stores import Store
from bot.cards import bots as cards
from bot.telegram.menu import code_of
from bot.telegram.platform import TelegramPlatform
from bot.telegram.request import seconds

log = logging.getLogger(__name__)

AGAIN_SECONDS = 300.0  # before what got lost on its way is tried again
_PRIVATE = "private"
_MARK = 24  # characters
_ADDED = 10  # people beside its owner who may use a bot that is not for everybody


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a bot says of itself in one language."""

    language: str
    description: str
    short_description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What an avatar's bot should look like."""

    name: str
    said: tuple[Said, ...]
    private: bool
    people: tuple[int, ...]  # who may use it beside its owner, where it is private
    picture: str  # tells one from another; "": none

    @property
    def words(self) -> str:
        """A mark of all but the picture."""
        said = (self.name, self.said, self.private, self.people)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:_MARK]


class Dresser:
    """Nothing depends on how a bot looks: where Telegram refuses, the bot runs all the same.

    These calls are held to limits of their own, which are tight (a name may be set a few times a
    day). So they are made where something is to be another than it was, which stands beside the
    bot; and of that, where Telegram has another yet. What it refuses is tried again when something
    changes, or by the next process; what was too much for now, when it is not any more; what got
    lost on its way, a little later.
    """

    def __init__(
        self,
        store: Store,
        main: TelegramPlatform,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._main = main
        self._clock = clock
        self._refused: dict[tuple[int, str], str] = {}  # by bot and part: the mark of what was
        self._held: dict[tuple[int, str], float] = {}  # by bot and part: until when, by the clock

    async def dress(self, own: OwnBot, platform: TelegramPlatform) -> None:
        """Where it looks otherwise than it should, as far as is known: change that."""
        look = await self._look_of(own)
        if look is None:
            return
        words, _, picture = own.dressed.partition(":")
        if look.words != words and await self._done(
            own, "words", look.words, lambda: self._put_words(platform, look)
        ):
            words = look.words
            await self._store.mark_bot(own.id, dressed=f"{words}:{picture}")
        if look.picture != picture and await self._done(
            own, "picture", look.picture, lambda: self._put_picture(own, platform.bot, look)
        ):
            await self._store.mark_bot(own.id, dressed=f"{words}:{look.picture}")

    async def _done(
        self, own: OwnBot, part: str, mark: str, put: Callable[[], Awaitable[None]]
    ) -> bool:
        """Whether a part of it is as it should be now."""
        key = (own.id, part)
        if self._refused.get(key) == mark or self._held.get(key, 0.0) > self._clock():
            return False
        try:
            await put()
        except TelegramError as error:
            log.warning("the %s of @%s could not be set: %s", part, own.username, error.message)
            if isinstance(error, (BadRequest, Forbidden)):
                self._refused[key] = mark
            else:
                wait = seconds(error) if isinstance(error, RetryAfter) else AGAIN_SECONDS
                self._held[key] = self._clock() + wait
            return False
        self._refused.pop(key, None)
        self._held.pop(key, None)
        return True

    async def _look_of(self, own: OwnBot) -> Look | None:
        """None: its avatar is gone."""
        try:
            avatar = await self._store.avatar(own.avatar_id)
        except AvatarNotFound:
            return None
        private = avatar.visibility == _PRIVATE
        owners = await self._store.owners(avatar.id) if private else ()
        return Look(
            name=avatar.name[:64],
            said=tuple(_said(avatar, language) for language in NAMES),
            private=private,
            people=tuple(
                sorted(int(each.external_id) for each in owners if each.platform == own.platform)
            ),
            picture=avatar.picture or "",
        )

    async def _put_words(self, platform: TelegramPlatform, look: Look) -> None:
        """Raises TelegramError. First who may use it: that is more than looks."""
        await self._main.bot.set_managed_bot_access_settings(
            int(platform.id), look.private, look.people[:_ADDED] if look.private else None
        )
        for said in look.said:
            await _say(platform.bot, said)
        if (await platform.bot.get_my_name()).name != look.name:
            await platform.bot.set_my_name(look.name)

    async def _put_picture(self, own: OwnBot, bot: Bot, look: Look) -> None:
        """Raises TelegramError."""
        url = await self._store.picture(own.avatar_id) if look.picture else None
        content = _jpeg(url)
        if content is None:
            await bot.remove_my_profile_photo()
        else:
            await bot.set_my_profile_photo(InputProfilePhotoStatic(photo=content))


def _said(avatar: Avatar, language: str) -> Said:
    with speaking(language):
        return Said(
            language=language,
            description=cards.description(avatar),
            short_description=cards.short_description(avatar),
        )


async def _say(bot: Bot, said: Said) -> None:
    """Raises TelegramError."""
    code = code_of(said.language)
    if (await bot.get_my_description(code)).description != said.description:
        await bot.set_my_description(said.description, code)
    if (await bot.get_my_short_description(code)).short_description != said.short_description:
        await bot.set_my_short_description(said.short_description, code)


def _jpeg(url: str | None) -> bytes | None:
    """The picture behind a data: URL; None for all but JPEG, which Telegram does not take here."""
    head, _, content = (url or "").partition(",")
    return base64.b64decode(content) if head.startswith("data:image/jpeg;base64") else None
