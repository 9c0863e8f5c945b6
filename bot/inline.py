"""What an avatar says to a line that somebody types behind its bot's name in any chat, to share it.

Such a line comes with every letter and nobody waits for most of them, so it is no message: it does
not lie in the inbox, and is forgotten when the process ends.
"""

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from avatar.access import Access, access
from avatar.conversation import Conversation
from avatar.errors import AvatarError, ProviderError, SpentUp, TooFast
from avatar.language import speaking, tr
from avatar.ports import Clock
from avatar.records import Address, Author
from avatar.stores import Store

log = logging.getLogger(__name__)

LINE = 64  # characters of what stands above the answers: Telegram's limit
FEWEST = 3  # characters: less is the beginning of something
MOST = 20  # answers for one person
WITHIN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shareable:
    """An answer to be shared."""

    avatar: str  # its name
    text: str  # Markdown


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """No answer, and why: what can be shown of it is one short line."""

    why: str  # at most LINE characters
    slug: str  # of the avatar


class InlineAnswers:
    """Asks the avatar that a person talks to with a bot, so often and no oftener."""

    def __init__(
        self,
        store: Store,
        conversation: Conversation,
        *,
        clock: Clock,
        operators: Collection[tuple[str, str]] = (),
        most: int = MOST,
    ) -> None:
        self._store = store
        self._conversation = conversation
        self._clock = clock
        self._operators = operators  # (platform, their id there)
        self._most = most
        self._asked: dict[str, deque[datetime]] = {}

    async def __call__(
        self, author: Author, address: Address, text: str
    ) -> Shareable | Unanswered | None:
        """`address` is the person's private chat with the bot. None: there is no avatar that
        talks to them, or the text is too short.
        """
        now = self._clock()
        if len(text.strip()) < FEWEST:
            return None
        arrival = await self._store.arrival(author, address, home=None, now=now)
        if arrival.avatar is None:
            return None
        operator = (author.platform, author.external_id) in self._operators
        let_in = access(arrival.avatar, arrival.standing, operator=operator, in_group=False)
        if let_in is not Access.WELCOME:
            return None
        with speaking(arrival.chat.language):
            if not self._may(author.external_id, now):
                why = tr("{most} lines an hour, no more", most=self._most)
                return Unanswered(why=why, slug=arrival.avatar.slug)
            try:
                said = await self._conversation.once(arrival.avatar, text, person=arrival.person)
            except AvatarError as error:
                log.info("a line was not answered: %s %s", error, error.detail)
                return Unanswered(why=_briefly(error), slug=arrival.avatar.slug)
        return Shareable(avatar=arrival.avatar.name, text=said.text) if said.text else None

    def _may(self, who: str, now: datetime) -> bool:
        # Later than now: the clock went back since.
        for known in [
            each for each, times in self._asked.items() if not now - WITHIN <= times[-1] <= now
        ]:
            del self._asked[known]
        times = self._asked.setdefault(who, deque(maxlen=self._most))
        if len(times) == self._most and times[0] > now - WITHIN:
            return False
        times.append(now)
        return True


def _briefly(error: AvatarError) -> str:
    """What happened and what to do, in one line of LINE characters in every language: the whole
    sentence is said where they write to the avatar.
    """
    match error:
        case TooFast():
            return tr("Too many at once: again in {seconds} s", **error.fields)
        case SpentUp():
            return tr("No more for now: the limit of costs is reached")
        case ProviderError():
            return tr("The model does not answer now: try again later")
        case _:
            return tr("That could not be answered")
