"""Models that exist: what can be adopted, what the base model can be."""

from collections.abc import Sequence

from avatar.dates import day
from avatar.language import tr
from avatar.models import Base, Shelf
from avatar.records import Avatar, Version
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import escape, version_title

SHOWN = 15  # models of a provider


def adoptable(shelves: Sequence[Shelf]) -> Content:
    """For /adopt without a model."""
    parts = [
        f"**{escape(shelf.provider.called)}** ({inline(shelf.provider.name)})\n\n{_on(shelf)}"
        for shelf in shelves
    ]
    parts.append(tr("/adopt MODEL takes one of them as a version; it is not activated by itself."))
    return Content(text="\n\n".join(parts))


def _on(shelf: Shelf) -> str:
    if shelf.error is not None:
        return escape(shelf.error.sentence)
    if not shelf.models:
        return tr("Nothing that this avatar has not.")
    lines = [
        inline(model.id)
        if model.ends_on is None
        else tr("{model} — ends {date}", model=inline(model.id), date=day(model.ends_on))
        for model in shelf.models[:SHOWN]
    ]
    if len(shelf.models) > SHOWN:
        lines.append(tr("… and {count:,} more", count=len(shelf.models) - SHOWN))
    return "\n".join(f"- {line}" for line in lines)


def adopted(version: Version, label: str) -> Content:
    """After /adopt MODEL."""
    return Content(
        text=tr(
            "{version} is a version now: the model {model} at {provider}. It is not active yet. "
            "Its examples are not known here, so it cannot be trained again from here.",
            version=version_title(version),
            model=inline(version.fine_tuned_model_id or ""),
            provider=escape(label),
        ),
        buttons=(
            (
                Button(
                    label=tr("Activate This Version"),
                    action=code(Verb.ACTIVATE, version.id),
                    style=Style.SUCCESS,
                ),
                Button(label=tr("Show"), action=code(Verb.SHOW, version.id)),
            ),
        ),
    )


def bases(avatar: Avatar, choices: Sequence[Base]) -> Content:
    """The base model, and what it can be."""
    now = next((choice for choice in choices if choice.is_now), None)
    text = tr(
        "**Base model of {name}**: {model}. It answers when no fine-tuned version is active; "
        "versions and the prompt stay as they are when it is changed.",
        name=escape(avatar.name),
        model=tr("none") if now is None else _at(inline(now.model), escape(now.provider.called)),
    )
    rows = [
        (
            Button(
                label=_use(choice)[:64],
                action=code(Verb.REBASE, avatar.id, place),
            ),
        )
        for place, choice in enumerate(choices)
        if not choice.is_now
    ]
    if not rows:
        alone = tr("No other one is set up here; the operator adds providers in providers.toml.")
        text += f" {alone}"
    return Content(text=text, buttons=tuple(rows))


def _at(model: str, provider: str) -> str:
    return tr("{model} at {provider}", model=model, provider=provider)


def _use(choice: Base) -> str:
    return tr("Use {model} at {provider}", model=choice.model, provider=choice.provider.called)


def rebased(avatar: Avatar, chosen: Base) -> Content:
    """After the base model was changed."""
    text = tr(
        "The base model of {name} is {model} at {provider} now, instead of {before}. It counts "
        "from the next message on.",
        name=escape(avatar.name),
        model=inline(chosen.model),
        provider=escape(chosen.provider.called),
        before=inline(avatar.base_model),
    )
    if avatar.active_model_id is not None:
        text += f" {tr('A fine-tuned version is active: that goes on answering.')}"
    again = Button(label=tr("Base model"), action=code(Verb.BASES, avatar.id))
    return Content(text=text, buttons=((again,),))
