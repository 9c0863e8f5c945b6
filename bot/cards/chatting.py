"""What is said around a conversation: marks on replies, comparisons."""

from collections.abc import Sequence

from avatar.conversation import Compared, Reply
from avatar.language import noted, tr
from avatar.pricing import dollars
from avatar.records import Avatar, Finish
from avatar.versions import can_activate
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import PERHAPS_AGAIN, block, escape
from bot.wording import code as inline

_MARKS = {
    Finish.CUT: noted("_(The connection to the provider broke here. /retry asks again.)_"),
    Finish.LENGTH: noted("_(The model's limit for one reply ends here. Write “go on” for more.)_"),
    Finish.FILTER: noted("_(The provider's filter ended the reply here.)_"),
    Finish.STOPPED: noted("_(Stopped.)_"),
}
_UNSEEN = noted("_(I cannot see pictures: the model that answers here reads text only.)_")


def reply(given: Reply, *, perhaps_again: bool = False) -> Content:
    """A reply as the model wrote it, with a mark where it did not end by itself, and one where it
    may have been shown before.
    """
    marks = (
        _MARKS.get(given.finish, ""),
        _UNSEEN if given.unseen else "",
        PERHAPS_AGAIN if perhaps_again else "",
    )
    parts = [part for part in (given.text, *(tr(mark) for mark in marks if mark)) if part]
    return Content(text="\n\n".join(parts))


def only_text(*, manages: bool) -> Content:
    """For a film, a piece of music or a file without a word."""
    text = tr("I do not look into files. Please write to me what it is about.")
    if manages:
        text += " " + tr("To train on a file, send it with the caption /train.")
    return Content(text=text)


def nothing_to_stop() -> Content:
    """For /stop when nothing is being written or read."""
    return Content(
        text=tr(
            "There is no reply to stop right now, and no file is being read. A training is "
            "cancelled by its number: /cancel 3"
        )
    )


def fresh(avatar: Avatar) -> Content:
    """After /new."""
    return Content(
        text=tr(
            "A new conversation with **{name}**: what was said before is not part of it. Model and "
            "prompt stay as they are.",
            name=escape(avatar.name),
        )
    )


def comparison(avatar: Avatar, message: str, compared: Sequence[Compared]) -> Content:
    """The same message answered by several, with buttons to activate."""
    parts = [f"**{escape(message)}**"]
    buttons: list[Button] = []
    for side in compared:
        version = side.version
        name = (
            tr("Base model") if version is None else tr("Version {number}", number=version.number)
        )
        parts.append(f"**{name}** ({inline(side.model)}, {dollars(side.said.cost)})")
        parts.append(block(side.said.text or tr("(nothing)")))
        if version is None:
            if avatar.active_model_id is not None:
                buttons.append(
                    Button(label=tr("Activate the base model"), action=code(Verb.BASE, avatar.id))
                )
        elif can_activate(version, avatar):
            buttons.append(
                Button(
                    label=tr("Activate version {number}", number=version.number),
                    action=code(Verb.ACTIVATE, version.id),
                    style=Style.SUCCESS,
                )
            )
    rows = tuple((button,) for button in dict.fromkeys(buttons))
    return Content(text="\n\n".join(parts), buttons=rows)
