"""Who may do what: one table of every command, every button and every address on the web.

The dispatcher opens a door only after it looked here, so a handler never checks who asks. What a
door is about decides whose owners are meant: the avatar of the chat for commands, and for buttons
the avatar behind the first number of their code. Who may not see an avatar is told the same as for
one that does not exist.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from avatar.errors import AvatarError, AvatarNotFound, Expired, VersionNotFound
from avatar.language import tr
from avatar.records import Avatar
from avatar.stores import Store
from bot.actions import Action, Verb, decode
from bot.commands import COMMANDS, Audience


class About(StrEnum):
    """What the first number of a button's code is, or what a command is about."""

    NOTHING = "nothing"
    CHAT = "chat"  # the avatar that the chat talks to
    AVATAR = "avatar"
    VERSION = "version"
    DRAFT = "draft"
    IMPORT = "import"
    TAUGHT = "taught"
    INVITATION = "invitation"
    QUESTION = "question"  # what was asked about; only who was asked may answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Who may pass."""

    audience: Audience
    about: About


def _buttons(audience: Audience, about: About, *verbs: Verb) -> dict[Verb, Door]:
    return dict.fromkeys(verbs, Door(audience=audience, about=about))


# What a command asks for stands with its declaration in `bot.commands`, which menus and /help read.
OF_COMMANDS: Mapping[str, Door] = {
    command.name: Door(audience=command.audience, about=About.CHAT) for command in COMMANDS
}

OF_BUTTONS: Mapping[Verb, Door] = {
    # Everybody's own things. Which avatars somebody can see is looked up when it is pressed.
    **_buttons(Audience.EVERYONE, About.NOTHING, Verb.TALK, Verb.AVATARS, Verb.STOP, Verb.NO),
    # Never pressed themselves: what a yes to a question does.
    **_buttons(Audience.EVERYONE, About.NOTHING, Verb.FORGET, Verb.LINK, Verb.UNLINK),
    **_buttons(Audience.OWNERS, About.QUESTION, Verb.YES),
    **_buttons(
        Audience.OWNERS,
        About.AVATAR,
        Verb.BASE,
        Verb.UNDO,
        Verb.HISTORY,
        Verb.BASES,
        Verb.REBASE,
        Verb.TAUGHT,
        Verb.PREFER,
        Verb.LESSONS,
        Verb.LESSON_FILE,
        Verb.UNLEARN_TAUGHT,
        Verb.NO_PICTURE,
        Verb.STOP_BOT,
        Verb.START_BOT,
        Verb.PUBLISH,
        Verb.HIDE,
        Verb.PEOPLE,
        Verb.BLOCK,
        Verb.UNBLOCK,
    ),
    **_buttons(
        Audience.OWNERS,
        About.DRAFT,
        Verb.TRAIN,
        Verb.EPOCHS,
        Verb.DROP,
        Verb.WHERE,
        Verb.TARGET,
        Verb.OPTIONS,
        Verb.OPTION,
        Verb.LOOK,
        Verb.LEAVE,
        Verb.KINDS,
        Verb.KIND,
        Verb.REPORT,
        Verb.FLIGHT,
        Verb.ADD_TAUGHT,
    ),
    **_buttons(
        Audience.OWNERS,
        About.IMPORT,
        Verb.SPEAKER,
        Verb.OFFERED,
        Verb.MARK,
        Verb.ONLY,
        Verb.ALL_CHATS,
        Verb.MARKED,
    ),
    **_buttons(Audience.OWNERS, About.TAUGHT, Verb.UNTEACH),
    **_buttons(Audience.OWNERS, About.INVITATION, Verb.REVOKE),
    **_buttons(
        Audience.OWNERS,
        About.VERSION,
        Verb.ACTIVATE,
        Verb.DEACTIVATE,
        Verb.DELETE,
        Verb.DELETE_MODEL,
        Verb.CANCEL,
        Verb.SHOW,
        Verb.PROMPT,
        Verb.RETRAIN,
        Verb.DATASET,
        Verb.UNLEARN,
    ),
}


class Caller(StrEnum):
    """Who is answered at an address of the bot's own HTTP server."""

    ANYBODY = "anybody"  # who reaches the port; it tells nothing of people and of what was said
    TELEGRAM = "telegram"  # who knows the secret that Telegram was told for that bot


# By path, as the servers' routes name it.
OF_ROUTES: dict[str, Caller] = {
    "/healthz": Caller.ANYBODY,
    "/readyz": Caller.ANYBODY,
    "/metrics": Caller.ANYBODY,
    "/telegram/{bot}": Caller.TELEGRAM,
}


async def subject(store: Store, action: Action) -> Avatar | None:
    """The avatar that a button is about. None: it is about none, or what it was about is gone."""
    door = OF_BUTTONS[action.verb]
    if door.about is About.QUESTION:  # what was asked about counts, also if ownership ended since
        confirmation = await store.confirmation(action.numbers[0])
        return None if confirmation is None else await subject(store, decode(confirmation.action))
    if door.about is About.AVATAR:
        return await store.avatar(action.numbers[0])
    finder = _FINDERS.get(door.about)
    found = None if finder is None else await finder(store, action.numbers[0])
    return None if found is None else await store.avatar(found.avatar_id)


def missing(about: About, id_: int) -> AvatarError:
    """What is said of something that does not exist, or that the person may not know of."""
    match about:
        case About.VERSION:
            return VersionNotFound(number=tr("like that"))
        case About.AVATAR:
            return AvatarNotFound(slug=str(id_))
        case _:
            return Expired(command=tr("the command"))


class _OfAvatar(Protocol):
    @property
    def avatar_id(self) -> int: ...


_FINDERS: Mapping[About, Callable[[Store, int], Awaitable[_OfAvatar | None]]] = {
    About.VERSION: lambda store, id_: store.version(id_),
    About.DRAFT: lambda store, id_: store.draft(id_),
    About.IMPORT: lambda store, id_: store.import_(id_),
    About.TAUGHT: lambda store, id_: store.taught_one(id_),
    About.INVITATION: lambda store, id_: store.invitation(id_),
}
