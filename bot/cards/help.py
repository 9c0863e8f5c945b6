"""What one can do here, on one screen: everybody's commands with a word each, those of owners by
what they are about. `/help NAME` says the rest.
"""

from collections.abc import Sequence

from avatar.language import noted, tr
from bot.commands import Audience, Command
from bot.screen import Content
from bot.wording import escape, shortened

# Owners' commands by what they are about, in the order in which one needs them.
TOPICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        noted("What it says: {commands}"),
        ("prompt", "restore", "diff", "compare", "why", "voice", "picture"),
    ),
    (noted("Training: {commands}"), ("train", "teach", "examples", "retrain", "adopt", "cancel")),
    (
        noted("Learning Path: {commands}"),
        ("status", "history", "version", "note", "undo", "delete"),
    ),
    (noted("Models: {commands}"), ("activate", "deactivate", "base", "cost")),
    (noted("Data: {commands}"), ("dataset", "unlearn", "export", "import")),
    (
        noted("People: {commands}"),
        ("owners", "share", "invite", "people", "block", "unblock", "limits"),
    ),
    (
        noted("Places: {commands}"),
        ("avatar", "talkative", "quiet", "managers", "bot", "away", "honesty"),
    ),
)

_ALL = frozenset({Audience.EVERYONE, Audience.HOSTS})


def help_card(commands: Sequence[Command], *, talking_to: str | None) -> Content:
    """The commands that a person may use. `talking_to`: the name of the chat's avatar."""
    everyone = [c for c in commands if c.audience in _ALL]
    others = {c.name for c in commands if c.audience not in _ALL}
    chat = (
        tr("**Chat**: just write.")
        if talking_to is None
        else tr("**Chat with {name}**: just write.", name=escape(talking_to))
    )
    words = [f"- /{escape(each.name)} — {escape(tr(each.help))}" for each in everyone]
    parts = [chat, "\n".join(words)]
    if others:
        lines, rest = [], set(others)
        for topic, names in TOPICS:
            if here := [each for each in names if each in others]:
                lines.append(f"- {tr(topic, commands=_listed(here))}")
            rest -= set(names)
        if rest:
            lines.append(f"- {tr('More: {commands}', commands=_listed(sorted(rest)))}")
        parts += [tr("**For owners**"), "\n".join(lines)]
    if any(command.name == "teach" for command in commands):
        parts.append(tr("👍 under a reply keeps it as an example, 👎 asks for a better one."))
    if others:
        parts.append(tr("/help prompt says what /prompt does."))
    return Content(text="\n\n".join(parts))


def command_help(command: Command) -> Content:
    """Everything about one command."""
    return Content(text=f"{escape(command.usage)} — {escape(tr(command.help))}")


def no_such_command(name: str) -> Content:
    """For /help with a name that is none, or not for this person."""
    return Content(
        text=tr(
            "There is no command /{name} here. /help lists what there is.",
            name=escape(shortened(name, 32)),
        )
    )


def _listed(names: Sequence[str]) -> str:
    return " ".join(f"/{escape(name)}" for name in names)
