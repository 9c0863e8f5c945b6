"""One person on several platforms."""

from collections.abc import Sequence

from avatar.language import tr
from avatar.records import Person
from bot.cards.questions import yes_no
from bot.screen import Content, Style
from bot.wording import code as inline
from bot.wording import person_words


def not_here() -> Content:
    """In a group, where others would read the code."""
    return Content(
        text=tr("Say /link where you are alone with me: nobody else should read the code.")
    )


def code(made: str, accounts: Sequence[Person]) -> Content:
    """A new code."""
    text = tr(
        "To be one person here and on another platform, write this to me there within ten "
        "minutes:\n\n{command}\n\nIt works once. Give it to nobody: whoever joins you owns what "
        "you own.",
        command=inline(f"/link {made}"),
    )
    if len(accounts) > 1:
        joined_so_far = tr("Joined so far: {accounts}.", accounts=_listed(accounts))
        text += f"\n\n{joined_so_far}"
    return Content(text=text)


def _listed(accounts: Sequence[Person]) -> str:
    return ", ".join(map(person_words, accounts))


def question(maker: Person, confirmation_id: int) -> Content:
    """The question before two accounts are joined."""
    return Content(
        text=tr(
            "Join this account with {account}? From then on both are one person: they own the same "
            "avatars, share limits, invitations and blocks, and /forgetme is about both. Join only "
            "an account of your own. If that code was sent to you by somebody else, say no.",
            account=person_words(maker),
        ),
        buttons=(yes_no(tr("Join them"), tr("No"), confirmation_id, style=Style.SUCCESS),),
    )


def joined(accounts: Sequence[Person]) -> Content:
    """After the yes."""
    return Content(
        text=tr(
            "You are one person now: {accounts}. Notices of a training go to where it was asked "
            "for. /unlink parts them again.",
            accounts=_listed(accounts),
        )
    )


def ask_unlink(accounts: Sequence[Person], person: Person, confirmation_id: int) -> Content:
    """The question before accounts are parted."""
    first, *others = accounts
    mine = (person.platform, person.external_id)
    if (first.platform, first.external_id) == mine:
        text = tr(
            "Part your accounts? {others} will be somebody else again. Everything stays with this "
            "account: avatars, conversations, invitations.",
            others=_listed(others),
        )
    else:
        text = tr(
            "Part your accounts? This account will be somebody else again. Everything stays with "
            "{first}: avatars, conversations, invitations.",
            first=person_words(first),
        )
    return Content(text=text, buttons=(yes_no(tr("Part them"), tr("No"), confirmation_id),))


def parted(*, changed: bool) -> Content:
    """After the yes."""
    return Content(
        text=tr("Your accounts are parted.")
        if changed
        else tr("Your accounts were parted already.")
    )
