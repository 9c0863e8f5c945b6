"""One person on several platforms."""

from collections.abc import Sequence

from avatar.records import Person
from bot.cards.questions import yes_no
from bot.screen import Content, Style
from bot.wording import code as inline
from bot.wording import person_words


def not_here() -> Content:
    """In a group, where others would read the code."""
    return Content(text="Say /link where you are alone with me: nobody else should read the code.")


def code(made: str, accounts: Sequence[Person]) -> Content:
    """A new code."""
    text = (
        "To be one person here and on another platform, write this to me there within ten "
        f"minutes:\n\n{inline(f'/link {made}')}\n\nIt works once. Give it to nobody: whoever joins "
        "you owns what you own."
    )
    if len(accounts) > 1:
        text += "\n\nJoined so far: " + ", ".join(map(person_words, accounts)) + "."
    return Content(text=text)


def question(maker: Person, confirmation_id: int) -> Content:
    """The question before two accounts are joined."""
    return Content(
        text=f"Join this account with {person_words(maker)}? From then on both are one person: "
        "they own the same avatars, share limits, invitations and blocks, and /forgetme is about "
        "both. Join only an account of your own. If that code was sent to you by somebody else, "
        "say no.",
        buttons=(yes_no("Join them", "No", confirmation_id, style=Style.SUCCESS),),
    )


def joined(accounts: Sequence[Person]) -> Content:
    """After the yes."""
    return Content(
        text="You are one person now: "
        + ", ".join(map(person_words, accounts))
        + ". Notices of a training go to where it was asked for. /unlink parts them again."
    )


def ask_unlink(accounts: Sequence[Person], person: Person, confirmation_id: int) -> Content:
    """The question before accounts are parted."""
    first, *others = accounts
    mine = (person.platform, person.external_id)
    if (first.platform, first.external_id) == mine:
        what = f"{', '.join(map(person_words, others))} will be somebody else again"
        stays = "Everything stays with this account"
    else:
        what = "This account will be somebody else again"
        stays = f"Everything stays with {person_words(first)}"
    return Content(
        text=f"Part your accounts? {what}. {stays}: avatars, conversations, invitations.",
        buttons=(yes_no("Part them", "No", confirmation_id),),
    )


def parted(*, changed: bool) -> Content:
    """After the yes."""
    return Content(
        text="Your accounts are parted." if changed else "Your accounts were parted already."
    )
