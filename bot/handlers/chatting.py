"""Talking with an avatar: replies, /retry, /stop, /new, /why, /compare."""

from collections.abc import Sequence

from avatar.conversation import Reply
from avatar.errors import BadText, NotActivatable
from avatar.incoming import DRAFT
from avatar.language import noted, tr
from avatar.records import Status, Version
from avatar.saying import says_something
from avatar.versions import parse_number
from bot.actions import Verb, code
from bot.cards import chatting as cards
from bot.cards import people, status
from bot.dispatcher import split_command
from bot.handlers.desk import Desk
from bot.handlers.feedback import FeedbackHandlers
from bot.handlers.replies import meant_reply
from bot.handlers.replying import Said, reply_to, said_anew, shown_as
from bot.handlers.voices import VoiceHandlers
from bot.request import Answer, CommandHandler, PressHandler, Request
from bot.screen import Button, Content

_SILENT = {
    Status.TRAINING: noted("it is training, so it cannot answer."),
    Status.FAILED: noted("it is failed, so it cannot answer."),
    Status.CANCELLED: noted("it is cancelled, so it cannot answer."),
}


class ChattingHandlers:
    """What is no command, and the commands around it."""

    def __init__(self, desk: Desk, feedback: FeedbackHandlers, voices: VoiceHandlers) -> None:
        self._desk = desk
        self._feedback = feedback
        self._voices = voices

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {
            "new": self.new,
            "retry": self.retry,
            "stop": self.stop,
            "why": self.why,
            "compare": self.compare,
        }

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {Verb.STOP: self.press_stop}

    async def chat(self, request: Request) -> Answer:
        """A message to the avatar."""
        if request.incoming.edited:
            return await self._edited(request)
        if (kept := await self._feedback.correction(request)) is not None:
            return kept
        if request.about is None and not request.barred:
            return people.nobody(creates=request.creates)
        if not request.met:
            await self._desk.store.meet(request.avatar.id, request.person.id, now=request.now)
        if not any(map(says_something, request.parts)):
            return cards.only_text(manages=request.manages)
        if request.again and await self._desk.store.reply_to_inbox(request.inbox_id) is not None:
            heard = request.parts  # it was answered, and nothing more has to be known of it
        else:
            heard = await self._voices.heard(request)
        return await self._reply(request, Said.of(heard))

    async def _edited(self, request: Request) -> Answer:
        """The last question says something else now: it is answered anew, in place of the old
        answer. What was edited further back, or says the same as before, stays as it is.
        """
        name, _ = split_command(request.incoming.text)
        anew = None if name is not None else await said_anew(self._desk, request)
        if anew is None:
            return None
        return await self._reply(request, anew.said, in_place_of=anew.shown)

    async def retry(self, request: Request) -> Answer:
        """The last message once more."""
        _ = request.avatar
        last = await self._desk.conversation.last_said(request.chat.id)
        return await self._reply(request, Said(text=last.text, retry_of=last))

    async def _reply(
        self, request: Request, said: Said, *, in_place_of: Sequence[str] = ()
    ) -> Answer:
        def worded(reply: Reply) -> Content:
            # Stored, and not known to be shown: the process died somewhere in between. In place
            # of an older answer nothing can stand twice.
            doubtful = reply.again and request.shown is not False and not in_place_of
            return cards.reply(reply, perhaps_again=doubtful)

        with self._desk.running.stoppable(request.incoming.address) as stop:
            shown = await reply_to(
                self._desk,
                request,
                said,
                worded=worded,
                stop=stop,
                button=Button(label=tr("Stop"), action=code(Verb.STOP)),
                in_place_of=in_place_of,
            )
        if shown is None or said.retry_of is not None:
            return None
        if spoken := await self._voices.answer(request, shown):
            await shown_as(self._desk, request, shown, spoken)
        return None

    async def stop(self, request: Request) -> Answer:
        stopped = await self._desk.running.stop(request.incoming.address)
        # Pressed under what was being written, it came too late: the whole reply is there.
        late = DRAFT in request.incoming.facts
        return None if stopped or late else cards.nothing_to_stop()

    async def press_stop(self, request: Request, _: tuple[int, ...]) -> Answer:
        return await self.stop(request)

    async def new(self, request: Request) -> Answer:
        avatar = request.avatar
        await self._desk.store.new_conversation(request.chat.id, now=request.now)
        return cards.fresh(avatar)

    async def why(self, request: Request) -> Answer:
        found = await meant_reply(self._desk.store, request)
        message, pair = await self._desk.conversation.what_gave(found, request.avatar)
        return status.why(message, pair, request.avatar, now=request.now)

    async def compare(self, request: Request) -> Answer:
        given = request.rest.split(maxsplit=2)
        if len(given) < 3:
            raise BadText(
                reason=tr(
                    "Name two versions (or base) and the message: /compare 2 base How are you?"
                )
            )
        sides = [await self._side(request, word) for word in given[:2]]
        compared = await self._desk.conversation.compare(
            request.avatar, sides, given[2], person=request.person
        )
        return cards.comparison(request.avatar, given[2], compared)

    async def _side(self, request: Request, word: str) -> Version | None:
        if word.lower() == "base":
            return None
        version = await self._desk.learning_path.find(request.avatar.id, parse_number(word))
        if version.status is not Status.COMPLETED:
            raise NotActivatable(number=version.number, reason=tr(_SILENT[version.status]))
        return version
