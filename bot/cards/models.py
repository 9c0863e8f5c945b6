"""Models that exist: what can be adopted, what the base model can be."""

from collections.abc import Sequence

from avatar.models import Base, Shelf
from avatar.records import Avatar, Version
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import counted, escape, version_title

SHOWN = 15  # models of a provider


def adoptable(shelves: Sequence[Shelf]) -> Content:
    """For /adopt without a model."""
    parts = []
    for shelf in shelves:
        head = f"**{escape(shelf.provider.label)}** ({inline(shelf.provider.name)})"
        if shelf.error is not None:
            parts.append(f"{head}\n\n{escape(shelf.error.sentence)}")
            continue
        if not shelf.models:
            parts.append(f"{head}\n\nNothing that this avatar has not.")
            continue
        lines = []
        for model in shelf.models[:SHOWN]:
            ends = f" — ends {model.ends_on:%d %b %Y}" if model.ends_on is not None else ""
            lines.append(f"- {inline(model.id)}{ends}")
        if len(shelf.models) > SHOWN:
            lines.append(f"- … and {counted(len(shelf.models) - SHOWN, 'more', 'more')}")
        parts.append(f"{head}\n\n" + "\n".join(lines))
    parts.append("/adopt MODEL takes one of them as a version; it is not activated by itself.")
    return Content(text="\n\n".join(parts))


def adopted(version: Version, label: str) -> Content:
    """After /adopt MODEL."""
    return Content(
        text=f"{version_title(version)} is a version now: the model "
        f"{inline(version.fine_tuned_model_id or '')} at {escape(label)}. It is not active yet. "
        "Its examples are not known here, so it cannot be trained again from here.",
        buttons=(
            (
                Button(
                    label="Activate This Version",
                    action=code(Verb.ACTIVATE, version.id),
                    style=Style.SUCCESS,
                ),
                Button(label="Show", action=code(Verb.SHOW, version.id)),
            ),
        ),
    )


def bases(avatar: Avatar, choices: Sequence[Base]) -> Content:
    """The base model, and what it can be."""
    now = next((choice for choice in choices if choice.is_now), None)
    words = f"{inline(now.model)} at {escape(now.provider.label)}" if now else "none"
    text = (
        f"**Base model of {escape(avatar.name)}**: {words}. It answers when no fine-tuned version "
        "is active; versions and the prompt stay as they are when it is changed."
    )
    rows = [
        (
            Button(
                label=f"Use {choice.model} at {choice.provider.label}"[:64],
                action=code(Verb.REBASE, avatar.id, place),
            ),
        )
        for place, choice in enumerate(choices)
        if not choice.is_now
    ]
    if not rows:
        text += " No other one is set up here; the operator adds providers in providers.toml."
    return Content(text=text, buttons=tuple(rows))


def rebased(avatar: Avatar, chosen: Base) -> Content:
    """After the base model was changed."""
    text = (
        f"The base model of {escape(avatar.name)} is {inline(chosen.model)} at "
        f"{escape(chosen.provider.label)} now, instead of {inline(avatar.base_model)}. It counts "
        "from the next message on."
    )
    if avatar.active_model_id is not None:
        text += " A fine-tuned version is active: that goes on answering."
    return Content(
        text=text, buttons=((Button(label="Base model", action=code(Verb.BASES, avatar.id)),),)
    )
