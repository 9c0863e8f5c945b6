"""The notices that the bot owes: a training ended, a model is gone."""

from avatar.pricing import dollars
from avatar.records import Avatar, Notice, NoticeKind, Status, Version
from avatar.versions import can_activate
from avatar.why_failed import explained
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import counted, escape, version_title


def notice(owed: Notice, avatar: Avatar, version: Version | None) -> Content:
    """A notice as it is read."""
    if version is None or version.deleted_at is not None:
        number = "" if version is None else f" {version.number}"
        return Content(text=f"Version{number} of {escape(avatar.name)} was deleted meanwhile.")
    words = {
        NoticeKind.TRAINING_COMPLETED: _completed,
        NoticeKind.TRAINING_FAILED: _failed,
        NoticeKind.TRAINING_CANCELLED: _cancelled,
        NoticeKind.STILL_WAITING: _still_waiting,
        NoticeKind.MODEL_GONE: _model_gone,
    }[owed.kind](avatar, version)
    return Content(text=words, buttons=(_buttons(avatar, version),))


def _buttons(avatar: Avatar, version: Version) -> tuple[Button, ...]:
    show = Button(label="Show", action=code(Verb.SHOW, version.id))
    if can_activate(version, avatar):
        return (
            Button(
                label="Activate This Version",
                action=code(Verb.ACTIVATE, version.id),
                style=Style.SUCCESS,
            ),
            show,
        )
    if version.status is Status.TRAINING:
        return (Button(label="Cancel", action=code(Verb.CANCEL, version.id)), show)
    return (show,)


def _completed(avatar: Avatar, version: Version) -> str:
    cost = "no price is known" if version.actual_cost is None else dollars(version.actual_cost)
    facts = [counted(version.example_count, "example")]
    if version.trained_tokens is not None:
        facts.append(f"{version.trained_tokens:,} tokens trained")
    facts.append(f"cost: {cost}")
    return (
        f"**Deep Training completed** for {escape(avatar.name)}: {version_title(version)}\n\n"
        f"{' · '.join(facts)}\n\nIt is not active yet: that is for you to decide."
    )


def _failed(avatar: Avatar, version: Version) -> str:
    parts = [f"**Deep Training failed** for {escape(avatar.name)}: {version_title(version)}"]
    said = version.error or "The provider gave no reason."
    parts.append(escape(said))
    advice = explained(version.error_code)
    if advice:
        parts.append(escape(advice))
    parts.append("What is active was not changed.")
    return "\n\n".join(parts)


def _cancelled(avatar: Avatar, version: Version) -> str:
    charged = (
        f"Charged: {dollars(version.actual_cost)}."
        if version.actual_cost
        else "Nothing is charged."
    )
    return (
        f"**Deep Training cancelled** for {escape(avatar.name)}: {version_title(version)}\n\n"
        f"{charged} What is active was not changed."
    )


def _still_waiting(avatar: Avatar, version: Version) -> str:
    return (
        f"**Still waiting** for the training of version {version.number} of {escape(avatar.name)}: "
        "the provider has not finished it after 6 hours. That happens when it is busy; nothing is "
        "lost, and you will be told when it ends."
    )


def _model_gone(avatar: Avatar, version: Version) -> str:
    return (
        f"The model of version {version.number}, {inline(version.fine_tuned_model_id or '')}, does "
        f"not exist at its provider any more (or our key may not use it). {escape(avatar.name)} "
        f"answers from the base model ({escape(avatar.base_model)}) with the same prompt. Nothing "
        "was deleted or switched here: /deactivate makes the base model official."
    )
