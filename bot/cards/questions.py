"""The two answers to a question that is asked before something is done."""

from bot.actions import Verb, code
from bot.screen import Button, Style


def yes_no(
    yes: str, no: str, confirmation_id: int, *, style: Style = Style.DANGER
) -> tuple[Button, ...]:
    """The two answers to a question. `style` is that of the yes."""
    return (
        Button(label=yes, action=code(Verb.YES, confirmation_id), style=style),
        Button(label=no, action=code(Verb.NO, confirmation_id)),
    )
