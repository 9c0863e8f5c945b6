"""The rules of versions: pure functions over records.

Two kinds of version share one numbered history; two pointers of the avatar say which are active.
Each `switch_…` function says where a pointer may go, or raises why it may not.
"""

import unicodedata
from dataclasses import dataclass

from avatar.dates import day
from avatar.errors import (
    AlreadyActive,
    BadNumber,
    NotActivatable,
    NothingToUndo,
    VersionDeleted,
    WrongKind,
)
from avatar.language import tr
from avatar.records import (
    Activation,
    Avatar,
    Axis,
    Badge,
    Pair,
    Status,
    TrainingType,
    Version,
    Why,
)

MAX_NUMBER_DIGITS = 9
MAX_PROMPT = 32_000  # characters
MAX_NOTE = 200  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """A change of one pointer that the rules allow."""

    axis: Axis
    expected: int | None  # where the pointer is now
    to: int | None
    why: Why


def axis_of(version: Version) -> Axis:
    """Which pointer can point to a version."""
    return Axis.PROMPT if version.training_type is TrainingType.PROMPT_UPDATE else Axis.MODEL


def pointer(avatar: Avatar, axis: Axis) -> int | None:
    """The id of the version that is active on an axis."""
    return avatar.active_prompt_id if axis is Axis.PROMPT else avatar.active_model_id


def is_active(version: Version, avatar: Avatar) -> bool:
    """Whether an avatar's pointer points to this version."""
    return pointer(avatar, axis_of(version)) == version.id


def pair_of(avatar: Avatar, *, prompt: Version | None, model: Version | None) -> Pair:
    """What answers for a prompt and a model (None: no prompt; the base model)."""
    return Pair(
        prompt=prompt,
        model=model,
        provider=(model and model.provider) or avatar.provider,
        model_name=(model and model.fine_tuned_model_id) or avatar.base_model,
    )


def badge(version: Version, avatar: Avatar) -> Badge:
    """What people see of a version's state."""
    if is_active(version, avatar):
        return Badge.ACTIVE_NOW
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return Badge.QUICK_TRAINING
    return {
        Status.TRAINING: Badge.TRAINING,
        Status.COMPLETED: Badge.COMPLETED,
        Status.FAILED: Badge.FAILED,
        Status.CANCELLED: Badge.CANCELLED,
    }[version.status]


def can_activate(version: Version, avatar: Avatar) -> bool:
    """Whether a button to activate it makes sense."""
    return (
        version.deleted_at is None
        and version.status is Status.COMPLETED
        and not is_active(version, avatar)
    )


def parse_number(text: str) -> int:
    """The number a person typed. Full-width digits count as digits; raises BadNumber."""
    digits = unicodedata.normalize("NFKC", text).strip().removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > MAX_NUMBER_DIGITS:
        raise BadNumber(given=_shortened(text))
    if (number := int(digits)) < 1:
        raise BadNumber(given=_shortened(text))
    return number


def _shortened(text: str, limit: int = 24) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text).strip()
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def short_model(model: str) -> str:
    """A fine-tuned model's id, shortened in its middle: `ft:gpt-4o:…:CVZq68Yu`.

    The base keeps its name without a date; ids of another shape are cut in their middle
    when they are long.
    """
    parts = model.split(":")
    if parts[0] == "ft" and len(parts) >= 4:
        base = parts[1]
        head, _, date = base.rpartition("-20")
        if head and len(date) == len("24-07-18"):
            base = head
        return f"ft:{base}:…:{parts[-1]}"
    if len(model) > 40:
        return f"{model[:20]}…{model[-16:]}"
    return model


def alive(version: Version) -> Version:
    """The version, unless it is a tombstone: then raises VersionDeleted."""
    if version.deleted_at is not None:
        raise VersionDeleted(number=version.number, date=day(version.deleted_at))
    return version


def switch_to(avatar: Avatar, version: Version) -> Switch:
    """Make a version active. Raises VersionDeleted, NotActivatable or AlreadyActive."""
    alive(version)
    if version.status is not Status.COMPLETED:
        raise NotActivatable(number=version.number, reason=_why_not(version))
    axis = axis_of(version)
    if is_active(version, avatar):
        raise AlreadyActive(what=tr("Version {number}", number=version.number))
    return Switch(
        axis=axis,
        expected=pointer(avatar, axis),
        to=version.id,
        why=Why.RESTORED if axis is Axis.PROMPT else Why.ACTIVATED,
    )


def _why_not(version: Version) -> str:
    if version.status is Status.TRAINING:
        return tr("its training has not ended yet. You will be told when it has.")
    if version.status is Status.FAILED:
        reason = (version.error or tr("the provider gave no reason")).rstrip(".")
        return tr("its training failed ({reason}).", reason=reason)
    return tr("its training was cancelled.")


def restore(avatar: Avatar, version: Version) -> Switch:
    """Make an earlier prompt active again. Raises WrongKind and what `switch_to` raises."""
    alive(version)
    if axis_of(version) is not Axis.PROMPT:
        raise WrongKind(
            reason=tr(
                "Version {number} is a fine-tuned version and has no prompt of its own. /activate "
                "{number} makes it active.",
                number=version.number,
            )
        )
    return switch_to(avatar, version)


def to_base(avatar: Avatar) -> Switch:
    """Back to the base model. Raises AlreadyActive."""
    if avatar.active_model_id is None:
        raise AlreadyActive(what=tr("The base model ({model})", model=avatar.base_model))
    return Switch(axis=Axis.MODEL, expected=avatar.active_model_id, to=None, why=Why.DEACTIVATED)


def undo(avatar: Avatar, last: Activation | None, target: Version | None) -> Switch:
    """Take back the last switch. `target` is the version that it switched away from.

    Undoing an undo brings the switch back. Raises NothingToUndo.
    """
    if last is None:
        raise NothingToUndo(reason=tr("nothing was ever switched."))
    if pointer(avatar, last.axis) != last.to_id:
        raise NothingToUndo(reason=tr("it was changed again meanwhile. Look with /status."))
    if last.from_id is not None:
        if target is None:
            raise NothingToUndo(reason=tr("the version before was deleted."))
        if target.deleted_at is not None:
            raise NothingToUndo(reason=tr("version {number} was deleted.", number=target.number))
        if target.status is not Status.COMPLETED:
            raise NothingToUndo(
                reason=tr("version {number} cannot be active.", number=target.number)
            )
    return Switch(axis=last.axis, expected=last.to_id, to=last.from_id, why=Why.UNDONE)
