"""/unlearn: taking a person out of the stored examples."""

from dataclasses import dataclass

from avatar.dataset.openai_jsonl import MIN_EXAMPLES
from bot.actions import Verb, code
from bot.cards import unlearning as cards
from bot.handlers.desk import Desk
from bot.request import Answer, CommandHandler, PressHandler, Request
from bot.screen import Content

ASKED_AT_ONCE = 20  # versions in one question; the rest comes when these are done


@dataclass(frozen=True, slots=True)
class UnlearningHandlers:
    """The command; its questions are answered by the button of any question."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"unlearn": self.unlearn}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    async def unlearn(self, request: Request) -> Answer:
        name = " ".join(request.rest.split())
        held = (await self.desk.unlearning.find(request.avatar, name))[:ASKED_AT_ONCE]
        taught = await self.desk.unlearning.taught(request.avatar, name)
        asked = [code(Verb.UNLEARN, each.version.id) for each in held]
        if taught:
            asked.append(code(Verb.UNLEARN_TAUGHT, request.avatar.id))
        ids = []
        for action in asked:
            confirmation = await self.desk.learning_path.ask(
                action, person=request.person, now=request.now, about=name
            )
            ids.append(confirmation.id)
        return cards.question(request.avatar, name, held, ids, taught=len(taught))


async def unlearnt(desk: Desk, version_id: int, name: str, request: Request) -> Content:
    """Remove what was asked about and confirmed."""
    version = await desk.learning_path.get(version_id)
    gone = await desk.unlearning.remove(version, name, now=request.now)
    left = await desk.learning_path.get(version_id)
    return cards.removed(left, name, gone, enough=left.example_count >= MIN_EXAMPLES)


async def untaught(desk: Desk, name: str, request: Request) -> Content:
    """Remove from what was taught what was asked about and confirmed."""
    return cards.untaught(name, await desk.unlearning.unteach(request.avatar, name))
