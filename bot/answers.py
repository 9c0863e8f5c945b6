"""Answers as plain data, so that one that could not be shown is shown later or elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from avatar.language import tr
from bot.request import Answer, Shown
from bot.screen import Button, Content, Style
from bot.wording import PERHAPS_AGAIN


def encoded(answer: Answer) -> dict[str, object] | None:
    """None: it holds a file, and is made anew when it is needed again."""
    shown = answer if isinstance(answer, Shown) else None
    content = answer.content if isinstance(answer, Shown) else answer
    if content is None or content.file is not None:
        return None
    return {
        "text": content.text,
        "buttons": [[_button_data(button) for button in row] for row in content.buttons],
        "in_place": shown is not None and shown.in_place,
    }


def decoded(data: Mapping[str, Any] | None) -> Answer:
    """The answer of which `encoded` made this."""
    if data is None:
        return None
    content = Content(text=data["text"], buttons=_rows(data["buttons"]))
    return Shown(content=content, in_place=data["in_place"])


def marked(answer: Shown | Content) -> Shown | Content:
    """With a word that it may stand there for the second time. In place of a message it cannot."""
    match answer:
        case Shown(in_place=True):
            return answer
        case Shown(content=content):
            return replace(answer, content=perhaps_again(content))
        case Content():
            return perhaps_again(answer)


def perhaps_again(content: Content) -> Content:
    """The same, with the word."""
    return replace(content, text=f"{content.text}\n\n{tr(PERHAPS_AGAIN)}")


def _button_data(button: Button) -> dict[str, str]:
    return {"label": button.label, "action": button.action, "style": button.style.value}


def _rows(data: Sequence[Sequence[Mapping[str, str]]]) -> tuple[tuple[Button, ...], ...]:
    return tuple(
        tuple(
            Button(label=each["label"], action=each["action"], style=Style(each["style"]))
            for each in row
        )
        for row in data
    )
