"""What each command and button does: thin, from a `Request` to a card."""

from avatar.accounts import Way
from bot.actions import Verb
from bot.handlers.away import AwayHandlers
from bot.handlers.bots import BotHandlers
from bot.handlers.chatting import ChattingHandlers
from bot.handlers.desk import Desk
from bot.handlers.doors import DoorHandlers
from bot.handlers.exporting import ExportingHandlers
from bot.handlers.feedback import FeedbackHandlers
from bot.handlers.guests import GuestHandlers
from bot.handlers.importing import ImportingHandlers
from bot.handlers.languages import LanguageHandlers
from bot.handlers.linking import LinkingHandlers
from bot.handlers.people import PeopleHandlers
from bot.handlers.pictures import PictureHandlers
from bot.handlers.places import PlaceHandlers
from bot.handlers.teaching import TeachingHandlers
from bot.handlers.training import TrainingHandlers
from bot.handlers.unlearning import UnlearningHandlers
from bot.handlers.versions import VersionHandlers
from bot.handlers.voices import VoiceHandlers
from bot.request import CommandHandler, PressHandler, ReactionHandler


class Handlers:
    """All of them; a test holds them to `bot.commands` and `bot.actions`."""

    def __init__(self, desk: Desk) -> None:
        feedback = FeedbackHandlers(desk)
        voices = VoiceHandlers(desk)
        chatting = ChattingHandlers(desk, feedback, voices)
        bots = BotHandlers(desk)
        away = AwayHandlers(desk)
        parts = (
            PeopleHandlers(desk),
            VersionHandlers(desk),
            TrainingHandlers(desk),
            ImportingHandlers(desk),
            TeachingHandlers(desk),
            UnlearningHandlers(desk),
            DoorHandlers(desk),
            PlaceHandlers(desk),
            LinkingHandlers(desk),
            LanguageHandlers(desk),
            bots,
            away,
            PictureHandlers(desk),
            ExportingHandlers(desk),
            voices,
            chatting,
        )
        self.chat: CommandHandler = chatting.chat
        self.reactions: ReactionHandler = feedback.react
        self.ways: dict[Way, CommandHandler] = {
            **bots.ways,
            **away.ways,
            **GuestHandlers(desk).ways,
        }
        self.commands: dict[str, CommandHandler] = {}
        self.presses: dict[Verb, PressHandler] = {}
        for part in parts:
            self.commands |= part.commands
            self.presses |= part.presses
