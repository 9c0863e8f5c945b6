"""Voice messages: /voice, what they say, and answers that are spoken."""

from dataclasses import dataclass, replace

from avatar.errors import AvatarError, BadText, DeliveryError
from avatar.incoming import Incoming
from avatar.language import tr
from avatar.records import Message
from avatar.saying import VOICE
from bot.actions import Verb
from bot.cards import voices as cards
from bot.downloads import content_of
from bot.handlers.desk import Desk
from bot.request import Answer, CommandHandler, PressHandler, Request
from bot.screen import Speaker

LARGEST = 20_000_000  # bytes of a voice message


@dataclass(frozen=True, slots=True)
class VoiceHandlers:
    """Commands around voices, and what chatting needs of them."""

    desk: Desk

    @property
    def commands(self) -> dict[str, CommandHandler]:
        return {"voice": self.voice}

    @property
    def presses(self) -> dict[Verb, PressHandler]:
        return {}

    async def voice(self, request: Request) -> Answer:
        avatar, words = request.avatar, request.rest.split()
        if len(words) > 1:
            raise BadText(reason=tr("Say on, off or the name of one voice: /voice on"))
        chosen = avatar.voice
        if words:
            chosen = await self.desk.voices.choose(avatar, words[0])
        voices = () if chosen is None and words else self.desk.voices.speaker(avatar).voices
        return cards.voice(avatar, chosen, voices=voices)

    async def heard(self, request: Request) -> tuple[Incoming, ...]:
        """The parts of a message with what was said in place of each voice message. Raises
        CannotHear, BadText, TooFast, SpentUp, ProviderError and NotDelivered.
        """
        return tuple([await self._heard(request, part) for part in request.parts])

    async def _heard(self, request: Request, part: Incoming) -> Incoming:
        said, rest = [], []
        for file in part.attachments:
            if file.kind != VOICE:
                rest.append(file)
                continue
            content = await content_of(request.messenger, part.address, file, limit=LARGEST)
            said.append(
                await self.desk.voices.transcribe(
                    request.avatar, "voice.ogg", content, person=request.person
                )
            )
        if not said:
            return part
        text = "\n".join(filter(None, [*said, part.text]))
        return replace(part, text=text, attachments=tuple(rest))

    async def answer(self, request: Request, message: Message) -> tuple[str, ...]:
        """Speak a reply, if the avatar does that and was spoken to; the ids of what was sent."""
        spoken_to = any(file.kind == VOICE for part in request.parts for file in part.attachments)
        if request.avatar.voice is None or not spoken_to:
            return ()
        address, messenger = request.incoming.address, request.messenger
        try:
            sound = await self.desk.voices.speak(request.avatar, message.text)
            return await messenger.send_voice(address, sound, speaker=Speaker.of(request.avatar))
        except DeliveryError:
            raise
        except AvatarError as error:
            await messenger.send(address, cards.not_spoken(error))
            return ()
