"""What one can do here, on one screen: everybody's commands with a word each, those of owners by
what they are about. `/help NAME` says the rest.
"""

from collections.abc import Sequence

from bot.commands import Audience, Command
from bot.screen import Content
from bot.wording import escape, shortened

# Owners' commands by what they are about, in the order in which one needs them.
TOPICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What it says", ("prompt", "restore", "diff", "compare", "why", "voice", "picture")),
    ("Training", ("train", "teach", "examples", "retrain", "adopt", "cancel")),
    ("Learning Path", ("status", "history", "version", "note", "undo", "delete")),
    ("Models", ("activate", "deactivate", "base", "cost")),
    ("Data", ("dataset", "unlearn", "export", "import")),
    ("People", ("owners", "share", "invite", "people", "block", "unblock", "limits")),
    ("Places", ("avatar", "talkative", "quiet", "managers", "bot", "away", "honesty")),
)

_ALL = frozenset({Audience.EVERYONE, Audience.HOSTS})


def help_card(commands: Sequence[Command], *, talking_to: str | None) -> Content:
    """The commands that a person may use. `talking_to`: the name of the chat's avatar."""
    everyone = [c for c in commands if c.audience in _ALL]
    others = {c.name for c in commands if c.audience not in _ALL}
    name = f" with {escape(talking_to)}" if talking_to is not None else ""
    words = [f"- /{escape(each.name)} — {escape(each.help)}" for each in everyone]
    parts = [f"**Chat{name}**: just write.", "\n".join(words)]
    if others:
        lines, rest = [], set(others)
        for topic, names in TOPICS:
            if here := [each for each in names if each in others]:
                lines.append(f"- {topic}: {_listed(here)}")
            rest -= set(names)
        if rest:
            lines.append(f"- More: {_listed(sorted(rest))}")
        parts += ["**For owners**", "\n".join(lines)]
    if any(command.name == "teach" for command in commands):
        parts.append("👍 under a reply keeps it as an example, 👎 asks for a better one.")
    if others:
        parts.append("/help prompt says what /prompt does.")
    return Content(text="\n\n".join(parts))


def command_help(command: Command) -> Content:
    """Everything about one command."""
    return Content(text=f"{escape(command.usage)} — {escape(command.help)}")


def no_such_command(name: str) -> Content:
    """For /help with a name that is none, or not for this person."""
    return Content(
        text=f"There is no command /{escape(shortened(name, 32))} here. /help lists what there is."
    )


def _listed(names: Sequence[str]) -> str:
    return " ".join(f"/{escape(name)}" for name in names)
