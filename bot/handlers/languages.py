"""In which language people are spoken to: /language. Who may was checked before."""

from dataclasses import dataclass

from avatar.errors import BadText
from avatar.language import known, speak
from bot.actions import Verb
from bot.cards import languages as cards
from bot.handlers.desk import Desk
from bot.request import Answer, CommandHandler, PressHandler, Request


@dataclass(frozen=True, slots=True)
class LanguageHandlers:
    """The language of what is not said by the avatar."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"language": self.language}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    async def language(self, request: Request) -> Answer:
        if not request.rest:
            return cards.spoken(request.chat.language)
        code = known(request.rest.strip())
        if not code:
            raise BadText(reason=cards.usage())
        await self.desk.store.set_language(request.chat.id, code)
        speak(code)
        return cards.spoken(code)
