"""/help: all that one may do, on one screen of a telephone."""

import re

from bot.cards.help import TOPICS, help_card
from bot.commands import COMMANDS, Audience

LINES = 30  # of a telephone
WIDTH = 48  # characters


def test_everything_is_there_once_and_fits_one_screen() -> None:
    here = [c for c in COMMANDS if not c.platforms or "telegram" in c.platforms]
    text = help_card(here, talking_to="Demo").text.replace("\\", "")
    named = re.findall(r"(?<![\w/])/([a-z]+)", text.rsplit("\n\n", 1)[0])
    assert sorted(named) == sorted(command.name for command in here)
    lines = [line for line in text.split("\n") if line]
    assert sum(-(-len(line) // WIDTH) for line in lines) <= LINES


def test_who_owns_nothing_reads_of_no_owners_command() -> None:
    everyone = [c for c in COMMANDS if c.audience is Audience.EVERYONE]
    text = help_card(everyone, talking_to=None).text
    assert "owners" not in text.lower()


def test_no_command_stands_in_two_topics() -> None:
    names = [name for _, topic in TOPICS for name in topic]
    assert len(names) == len(set(names))
