"""Lists that are longer than one message: their pages, from 1 on."""

from avatar.language import tr
from bot.actions import Verb, code
from bot.screen import Button


def turn(
    verb: Verb,
    *numbers: int,
    page: int,
    more: bool,
    back: str = "",
    on: str = "",
) -> tuple[tuple[Button, ...], ...]:
    """The row of buttons that leads to the pages before and behind, where there are such.
    `numbers` stand before the page in the code of the verb; `back` and `on` are labels other than
    the usual.
    """
    row = []
    if page > 1:
        row.append(Button(label=back or tr("« Back"), action=code(verb, *numbers, page - 1)))
    if more:
        row.append(Button(label=on or tr("More »"), action=code(verb, *numbers, page + 1)))
    return (tuple(row),) if row else ()
