"""Lists that are longer than one message: their pages, from 1 on."""

from bot.actions import Verb, code
from bot.screen import Button


def turn(
    verb: Verb,
    *numbers: int,
    page: int,
    more: bool,
    back: str = "« Back",
    on: str = "More »",
) -> tuple[tuple[Button, ...], ...]:
    """The row of buttons that leads to the pages before and behind, where there are such.
    `numbers` stand before the page in the code of the verb.
    """
    row = []
    if page > 1:
        row.append(Button(label=back, action=code(verb, *numbers, page - 1)))
    if more:
        row.append(Button(label=on, action=code(verb, *numbers, page + 1)))
    return (tuple(row),) if row else ()
