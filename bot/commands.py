"""The one declaration of commands: the menus, `/help` and the completion of every platform.

What a command does is found in `bot.handlers` under its name; a test holds the two together.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from avatar.language import NAMES


class Audience(StrEnum):
    """Who may use a command."""

    EVERYONE = "everyone"
    OWNERS = "owners"  # of the avatar that the chat talks to; operators always may
    CREATORS = "creators"  # whom AVATAR_CREATION lets make avatars
    PLACES = "places"  # who runs the group or server, and whom they named
    HOSTS = "hosts"  # likewise in groups; alone with the bot everybody


class Kind(StrEnum):
    """What a parameter holds; platforms complete it accordingly."""

    VERSION = "version"
    PROMPT_VERSION = "prompt_version"
    VERSION_OR_BASE = "version_or_base"
    TRAINING = "training"  # the number of a version in training
    AVATAR = "avatar"  # a slug
    PAGE = "page"
    FILE = "file"  # an attachment; in the terminal a path
    PERSON = "person"  # telegram:123
    COMMAND = "command"  # the name of one
    VOICE = "voice"  # on, off or the name of one
    ROLE = "role"  # of a server; or off
    ZONE = "zone"  # Asia/Kuala_Lumpur
    NUMBER = "number"  # from 1 on
    WORD = "word"
    TEXT = "text"  # the rest, with its line breaks


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a command."""

    name: str
    kind: Kind
    required: bool = True
    about: str = ""  # what it is, where the kind does not say it
    words: tuple[str, ...] = ()  # what it can be: there is nothing else, or, with `open`, there is
    open: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command as people see it."""

    name: str
    help: str  # one line
    audience: Audience
    parameters: tuple[Parameter, ...] = ()
    platforms: tuple[str, ...] = ()  # only there; none named: everywhere
    menu: str = ""  # how the menu of a message offers it, on platforms where messages have one

    @property
    def usage(self) -> str:
        """As it is typed: `/diff A B`, `/history [page]`."""
        words = [p.name if p.required else f"[{p.name}]" for p in self.parameters]
        return " ".join([f"/{self.name}", *words])

    def exists_on(self, platform: str) -> bool:
        """Whether that platform has it."""
        return not self.platforms or platform in self.platforms


def _for(
    audience: Audience,
    name: str,
    help_: str,
    *parameters: Parameter,
    menu: str = "",
    platforms: tuple[str, ...] = (),
) -> Command:
    return Command(
        name=name,
        help=help_,
        audience=audience,
        parameters=parameters,
        menu=menu,
        platforms=platforms,
    )


_everyone = partial(_for, Audience.EVERYONE)
_owners = partial(_for, Audience.OWNERS)
_creators = partial(_for, Audience.CREATORS)
_places = partial(_for, Audience.PLACES)
_hosts = partial(_for, Audience.HOSTS)


COMMANDS: tuple[Command, ...] = (
    _everyone(
        "start",
        "say hello, or talk to another avatar",
        Parameter(name="avatar", kind=Kind.AVATAR, required=False),
    ),
    _everyone(
        "talk",
        "open a thread that is one conversation",
        Parameter(name="avatar", kind=Kind.AVATAR, required=False),
        platforms=("discord",),
    ),
    _everyone(
        "help",
        "all commands, or what one of them does",
        Parameter(name="command", kind=Kind.COMMAND, required=False),
    ),
    _everyone("new", "begin a new conversation"),
    _everyone("retry", "answer my last message again"),
    _everyone("stop", "stop what is being written or read"),
    _everyone("avatars", "whom you can talk to"),
    _hosts(
        "language",
        "in which language the bot speaks",
        Parameter(
            name="language",
            kind=Kind.WORD,
            required=False,
            about="which; without it you see what there is",
            words=tuple(NAMES),
        ),
    ),
    _everyone("privacy", "what is stored about you"),
    _everyone("forgetme", "delete what you said"),
    _everyone(
        "link",
        "be one person here and on another platform",
        Parameter(
            name="code",
            kind=Kind.WORD,
            required=False,
            about="the code that you got on the other platform; without it you get one here",
        ),
    ),
    _everyone("unlink", "be a person of your own here again"),
    _everyone("wait", "wait until no training runs (for scripts)", platforms=("terminal",)),
    _owners("status", "what is active, what it costs, what is in training"),
    _owners(
        "history",
        "the Learning Path, newest first",
        Parameter(name="page", kind=Kind.PAGE, required=False),
    ),
    _owners("version", "everything about one version", Parameter(name="N", kind=Kind.VERSION)),
    _owners(
        "prompt",
        "show the active prompt, or make a new one (Quick Training)",
        Parameter(name="text", kind=Kind.TEXT, required=False),
    ),
    _owners(
        "restore", "make an earlier prompt active", Parameter(name="N", kind=Kind.PROMPT_VERSION)
    ),
    _owners(
        "train",
        "train a model on examples or a chat export (Deep Training)",
        Parameter(name="file", kind=Kind.FILE),
        menu="Train on this file",
    ),
    _owners(
        "teach",
        "what a reply should have said: the one it answers, or the last",
        Parameter(name="answer", kind=Kind.TEXT),
    ),
    _owners(
        "examples",
        "what was taught in the chat",
        Parameter(name="page", kind=Kind.PAGE, required=False),
    ),
    _owners(
        "unlearn",
        "remove a person from the stored examples, after asking",
        Parameter(name="name", kind=Kind.TEXT),
    ),
    _owners(
        "dataset",
        "the examples of a version as a file",
        Parameter(name="N", kind=Kind.VERSION),
    ),
    _owners(
        "retrain",
        "train the examples of a version again, also elsewhere",
        Parameter(name="N", kind=Kind.VERSION),
    ),
    _owners(
        "adopt",
        "take a model that exists at a provider as a version",
        Parameter(
            name="model",
            kind=Kind.WORD,
            required=False,
            about="the model's name at the provider; without it you see which there are",
        ),
    ),
    _owners("base", "the base model: what it is, and what it can be"),
    _owners("activate", "make a version active", Parameter(name="N", kind=Kind.VERSION)),
    _owners("deactivate", "go back to the base model"),
    _owners("delete", "delete a version, after asking", Parameter(name="N", kind=Kind.VERSION)),
    _owners("cancel", "cancel a training", Parameter(name="N", kind=Kind.TRAINING)),
    _owners("undo", "take back the last switch"),
    _owners(
        "compare",
        "the same message answered by two versions",
        Parameter(name="A", kind=Kind.VERSION_OR_BASE),
        Parameter(name="B", kind=Kind.VERSION_OR_BASE),
        Parameter(name="message", kind=Kind.TEXT),
    ),
    _owners(
        "diff",
        "what changed between two prompts",
        Parameter(name="A", kind=Kind.PROMPT_VERSION),
        Parameter(name="B", kind=Kind.PROMPT_VERSION),
    ),
    _owners("why", "what gave a reply: the one it answers, or the last", menu="Why this reply"),
    _owners("cost", "what was spent this month"),
    _owners(
        "picture",
        "what the avatar looks like where it speaks under its own name",
        Parameter(name="file", kind=Kind.FILE, required=False),
    ),
    _owners(
        "voice",
        "answer voice messages by voice: on, off, or the name of a voice",
        Parameter(name="voice", kind=Kind.VOICE, required=False),
    ),
    _owners(
        "note",
        "write a note to a version",
        Parameter(name="N", kind=Kind.VERSION),
        Parameter(name="text", kind=Kind.TEXT),
    ),
    _owners(
        "owners",
        "who owns this avatar; add or remove somebody",
        Parameter(
            name="add|remove",
            kind=Kind.WORD,
            required=False,
            about="what to do; without it you see who owns it",
            words=("add", "remove"),
        ),
        Parameter(name="person", kind=Kind.PERSON, required=False),
    ),
    _owners(
        "limits",
        "how much may be said and spent",
        Parameter(
            name="what",
            kind=Kind.WORD,
            required=False,
            about="replies to one person in a minute, or costs of a day or a month",
            words=("messages", "day", "month"),
        ),
        Parameter(
            name="most",
            kind=Kind.WORD,
            required=False,
            about="a number of replies, or US dollars; usual: no limit of its own",
            words=("usual",),
            open=True,
        ),
    ),
    _owners("share", "the link to this avatar, and who may use it"),
    _owners(
        "invite",
        "a link that lets people in to a private avatar",
        Parameter(
            name="uses", kind=Kind.NUMBER, required=False, about="for how many people; usually 1"
        ),
        Parameter(
            name="days", kind=Kind.NUMBER, required=False, about="for how many days; usually 7"
        ),
    ),
    _owners(
        "people",
        "who talks to this avatar",
        Parameter(name="page", kind=Kind.PAGE, required=False),
    ),
    _owners(
        "block",
        "let somebody talk to this avatar no more",
        Parameter(name="person", kind=Kind.PERSON, required=False),
    ),
    _owners(
        "unblock",
        "let somebody talk to this avatar again",
        Parameter(name="person", kind=Kind.PERSON, required=False),
    ),
    _places(
        "avatar",
        "choose which avatar speaks in this group or channel",
        Parameter(name="avatar", kind=Kind.AVATAR, required=False),
    ),
    _places(
        "talkative",
        "how often the avatar speaks here without being asked",
        Parameter(
            name="percent",
            kind=Kind.WORD,
            required=False,
            about="of what is said here, up to 30; or one of the words",
            words=("off", "sometimes", "often"),
            open=True,
        ),
    ),
    _places(
        "quiet",
        "when the avatar does not speak here",
        Parameter(
            name="hours",
            kind=Kind.WORD,
            required=False,
            about="from when to when; off: at no time",
            words=("22:00-07:00", "off"),
            open=True,
        ),
        Parameter(name="zone", kind=Kind.ZONE, required=False),
    ),
    _places(
        "managers",
        "the role that may choose who speaks in this server",
        Parameter(name="role", kind=Kind.ROLE, required=False),
        platforms=("discord",),
    ),
    _owners("export", "everything of this avatar as one file"),
    _creators(
        "import",
        "make an avatar of a file that /export made",
        Parameter(name="file", kind=Kind.FILE),
    ),
    _owners("bot", "this avatar's own Telegram bot", platforms=("telegram",)),
    _owners(
        "away",
        "let this avatar answer in your own chats, and when",
        Parameter(name="on|off|hours|who", kind=Kind.TEXT, required=False),
        platforms=("telegram",),
    ),
    _owners(
        "honesty",
        "how it says in your chats that it is no human",
        Parameter(name="text", kind=Kind.TEXT, required=False),
        platforms=("telegram",),
    ),
    _creators("newavatar", "make another avatar", Parameter(name="name", kind=Kind.TEXT)),
)

BY_NAME = {command.name: command for command in COMMANDS}
