"""Models that end: what it means for versions, and who has to hear of it. Pure.

Providers name a last day (OpenAI's `shutdown_date`), or a model is simply gone. A fine-tune ends
with its base model, so the earlier of the two days counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from avatar.pricing import plain_model
from avatar.records import (
    Address,
    Avatar,
    Ending,
    NewNotice,
    NoticeKind,
    RemoteModel,
    Version,
)

MILESTONES = (60, 30, 7, 1, 0)  # days before the last one

Endings = Mapping[tuple[str, str], Ending]


def models_behind(version: Version) -> tuple[tuple[str, str], ...]:
    """The (provider, model) that a fine-tuned version stands on: its own, and the base model by
    its name with and without a date.
    """
    if version.provider is None or version.fine_tuned_model_id is None:
        return ()
    names = [version.fine_tuned_model_id]
    if version.base_model:
        names += [version.base_model, plain_model(version.base_model)[0]]
    return tuple((version.provider, name) for name in dict.fromkeys(names))


def ending_of(version: Version, endings: Endings) -> Ending | None:
    """What is known of a version's end: that its model is gone, or the earliest last day."""
    found = [endings[key] for key in models_behind(version) if key in endings]
    own = [each for each in found if each.model == version.fine_tuned_model_id]
    gone = [each for each in own if each.vanished_at is not None]
    dated = [each for each in found if each.ends_on is not None]
    if gone:
        return gone[0]
    return min(dated, key=lambda each: each.ends_on or date.max, default=None)


def milestone(ends_on: date, today: date) -> int | None:
    """Which warning is due: the smallest milestone that is not further away than the last day."""
    left = (ends_on - today).days
    return min((days for days in MILESTONES if left <= days), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """Versions of one avatar that end on one day."""

    ends_on: date
    versions: tuple[Version, ...]  # the active one first, then the newest


def matter(avatar: Avatar, versions: Sequence[Version], endings: Endings) -> Matter | None:
    """What an avatar's owners have to decide on next; None: nothing.

    The matter is closed when a fine-tuned version that does not end is active: then nothing that
    anybody hears comes from a model that ends.
    """
    ends = {
        version.id: each.ends_on
        for version in versions
        if (each := ending_of(version, endings)) is not None and each.ends_on is not None
    }
    if not ends or (avatar.active_model_id is not None and avatar.active_model_id not in ends):
        return None
    first = min(ends.values())
    if avatar.active_model_id is not None:
        first = ends[avatar.active_model_id]
    concerned = [version for version in versions if ends.get(version.id) == first]
    concerned.sort(key=lambda each: (each.id != avatar.active_model_id, -each.number))
    return Matter(ends_on=first, versions=tuple(concerned))


def notices(
    avatar: Avatar, about: Matter, homes: Mapping[int, Address], *, today: date
) -> list[NewNotice]:
    """The warnings that are due, one an owner; each is written once."""
    due = milestone(about.ends_on, today)
    if due is None:
        return []
    return [
        NewNotice(
            kind=NoticeKind.MODEL_ENDS,
            key=f"ends:{avatar.id}:{about.ends_on}:{due}:{person_id}",
            address=address,
            avatar_id=avatar.id,
            version_id=about.versions[0].id,
            data={
                "ends_on": about.ends_on.isoformat(),
                "days": (about.ends_on - today).days,
                "numbers": ", ".join(str(each.number) for each in about.versions[:5]),
                "more": max(0, len(about.versions) - 5),
            },
        )
        for person_id, address in homes.items()
    ]


def base_notices(
    avatar: Avatar,
    ending: Ending,
    homes: Mapping[int, Address],
    *,
    successor: str | None,
    today: date,
) -> list[NewNotice]:
    """Warnings of the end of the base model that an avatar answers with."""
    if ending.ends_on is None or (due := milestone(ending.ends_on, today)) is None:
        return []
    return [
        NewNotice(
            kind=NoticeKind.BASE_ENDS,
            key=f"base_ends:{avatar.id}:{ending.ends_on}:{due}:{person_id}",
            address=address,
            avatar_id=avatar.id,
            data={
                "model": ending.model,
                "ends_on": ending.ends_on.isoformat(),
                "days": (ending.ends_on - today).days,
                "successor": successor,
            },
        )
        for person_id, address in homes.items()
    ]


def gone_notices(version: Version, homes: Mapping[int, Address], *, why: str) -> list[NewNotice]:
    """That a version's model cannot answer any more, told each owner once, whoever found out.
    `why`: "gone" at its provider, or that one is "not_set_up" here.
    """
    return [
        NewNotice(
            kind=NoticeKind.MODEL_GONE,
            key=f"model_gone:{version.id}:{person_id}",
            address=address,
            avatar_id=version.avatar_id,
            version_id=version.id,
            data={"model": version.fine_tuned_model_id or "", "why": why},
        )
        for person_id, address in homes.items()
    ]


def learnt(
    provider: str,
    used: Mapping[str, Ending | None],
    listed: Sequence[RemoteModel],
    gone: frozenset[str],
    *,
    now: datetime,
) -> list[Ending]:
    """What changed in what is known of the models in use: new last days, models that are gone,
    and such as came back.
    """
    by_name = {model.id: model for model in listed}
    changed = []
    for name, known in used.items():
        model = by_name.get(name)
        ends_on = model.ends_on if model is not None else (known.ends_on if known else None)
        vanished = None
        if name in gone:
            vanished = (known.vanished_at if known else None) or now
        new = Ending(provider=provider, model=name, ends_on=ends_on, vanished_at=vanished)
        empty = ends_on is None and vanished is None
        if new != known and not (known is None and empty):
            changed.append(new)
    return changed
