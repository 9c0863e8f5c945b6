"""An avatar that was exported elsewhere, written down in one step."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.errors import AlreadyDone
from avatar.exporting import Export, ExportedVersion
from avatar.language import tr
from avatar.pictures import content_of_url, mark_of
from avatar.records import Avatar, Axis, Status, TrainingType, Why
from storage import rows
from storage.base import Base
from storage.tables import (
    activations,
    avatar_owners,
    avatars,
    pictures,
    taught,
    training_examples,
    versions,
)

_BATCH = 500  # rows


class ExportTables(Base):
    """Fulfils `avatar.stores.ExportStore`."""

    async def numbers_given(self, avatar_id: int) -> int:
        """The highest number of a version of it that ever was."""
        row = await self._row(sa.select(avatars.c.versions_made).where(avatars.c.id == avatar_id))
        return 0 if row is None else int(row["versions_made"])

    async def add_imported(
        self,
        export: Export,
        *,
        slug: str,
        provider: str,
        base_model: str,
        usable: Collection[tuple[str, str]],
        voice: str | None,
        owner_id: int,
        now: datetime,
        cause: int,
    ) -> Avatar:
        """An avatar with all of its versions; see the port."""
        try:
            async with self._db.writing() as write:
                return await _written(
                    write,
                    export,
                    avatar={
                        "slug": slug,
                        "name": export.name,
                        "provider": provider,
                        "base_model": base_model,
                        "visibility": export.visibility,
                        "versions_made": max(
                            [export.numbers_given or 0, *(v.number for v in export.versions)]
                        ),
                        "created_at": now,
                        "cause": cause,
                        "voice": voice,
                        "picture": None
                        if export.picture is None
                        else mark_of(content_of_url(export.picture)),
                        "messages_per_minute": export.messages_per_minute,
                        "cost_per_day": export.cost_per_day,
                        "cost_per_month": export.cost_per_month,
                    },
                    usable=usable,
                    owner_id=owner_id,
                    now=now,
                )
        except IntegrityError as error:
            made = await self._row(sa.select(avatars).where(avatars.c.cause == cause))
            if made is not None:
                return rows.avatar(made)
            taken = await self._row(sa.select(avatars.c.id).where(avatars.c.slug == slug))
            if taken is None:
                raise  # something else than the slug
            raise AlreadyDone(what=tr("There is an avatar called {slug}.", slug=slug)) from error


async def _written(
    write: AsyncConnection,
    export: Export,
    *,
    avatar: dict[str, Any],
    usable: Collection[tuple[str, str]],
    owner_id: int,
    now: datetime,
) -> Avatar:
    made = await write.execute(sa.insert(avatars).values(avatar).returning(avatars.c.id))
    avatar_id = made.scalar_one()
    await write.execute(
        sa.insert(avatar_owners).values(
            avatar_id=avatar_id, person_id=owner_id, added_by=owner_id, added_at=now
        )
    )
    if export.picture is not None:
        await write.execute(sa.insert(pictures).values(avatar_id=avatar_id, url=export.picture))
    ids: dict[int, int] = {}  # by number
    working = set()
    for version in export.versions:
        works = version.model is None or (version.provider or "", version.model) in usable
        if works:
            working.add(version.number)
        row = await write.execute(
            sa.insert(versions)
            .values(
                avatar_id=avatar_id,
                created_by=owner_id,
                origin_id=ids.get(version.origin or 0),
                **_version(version, works=works),
            )
            .returning(versions.c.id)
        )
        ids[version.number] = row.scalar_one()
        for page in _pages(_examples(version, ids[version.number])):
            await write.execute(sa.insert(training_examples), page)
    await _switched(write, export, avatar_id, ids, working, owner_id=owner_id, now=now)
    for page in _pages(
        {
            "avatar_id": avatar_id,
            "person_id": owner_id,
            "turns": [[turn.role.value, turn.text] for turn in lesson.turns],
            "better": lesson.better,
            "worse": lesson.worse,
            "created_at": lesson.created_at,
            "liked": lesson.liked,
        }
        for lesson in export.lessons
    ):
        await write.execute(sa.insert(taught), page)
    found = await write.execute(sa.select(avatars).where(avatars.c.id == avatar_id))
    return rows.avatar(found.mappings().one())


def _version(version: ExportedVersion, *, works: bool) -> dict[str, Any]:
    """Its columns. A model that is not here is named in what is said of the version."""
    status, model, error = version.status, version.model, version.error
    if status is Status.TRAINING:
        status = Status.CANCELLED
    if not works:
        status, model = Status.FAILED, None
        error = f"its model {version.model} is not here; its examples can be trained again"
    if (
        version.training_type is TrainingType.FINE_TUNE
        and model is None
        and status is Status.COMPLETED
    ):
        status = Status.FAILED
    return {
        "number": version.number,
        "training_type": version.training_type.value,
        "status": status.value,
        "note": version.note,
        "created_at": version.created_at,
        "prompt": version.prompt,
        "provider": version.provider,
        "base_model": version.base_model,
        "method": version.method.value,
        "fine_tuned_model_id": model,
        "source": version.source,
        "example_count": len(version.examples),
        "trained_tokens": version.trained_tokens,
        "epochs": version.epochs,
        "actual_cost": version.actual_cost,
        "finished_at": version.finished_at,
        "error": error,
        "error_code": version.error_code,
        "started_at": version.started_at,
        "estimated_tokens": version.estimated_tokens,
        "estimated_cost": version.estimated_cost,
        "unlearnt_at": version.unlearnt_at,
        "screening": None if version.screening is None else dict(version.screening),
    }


def _examples(version: ExportedVersion, version_id: int) -> Iterator[dict[str, Any]]:
    for position, example in enumerate((*version.examples, *version.held_out)):
        yield {
            "version_id": version_id,
            "position": position,
            "turns": rows.example_json(example),
            "tokens": example.tokens,
            "source": example.source,
            "rejected": example.rejected,
            "people": list(example.people) or None,
            "messages": example.messages,
            "held_out": position >= len(version.examples),
        }


async def _switched(
    write: AsyncConnection,
    export: Export,
    avatar_id: int,
    ids: dict[int, int],
    working: Collection[int],
    *,
    owner_id: int,
    now: datetime,
) -> None:
    """The pointers, and the log of how they came to be where they are."""

    def entry(axis: Axis, before: int | None, after: int | None, why: Why, at: datetime) -> Any:
        return {
            "avatar_id": avatar_id,
            "axis": axis.value,
            "from_id": ids.get(before or 0),
            "to_id": ids.get(after or 0),
            "why": why.value,
            "person_id": owner_id,
            "at": at,
        }

    log = [entry(s.axis, s.before, s.after, s.why, s.at) for s in export.switches]
    model = export.active_model if export.active_model in working else None
    if model != export.active_model:
        log.append(entry(Axis.MODEL, export.active_model, None, Why.DEACTIVATED, now))
    for page in _pages(log):
        await write.execute(sa.insert(activations), page)
    await write.execute(
        sa.update(avatars)
        .where(avatars.c.id == avatar_id)
        .values(
            active_prompt_id=ids.get(export.active_prompt or 0),
            active_model_id=ids.get(model or 0),
        )
    )


def _pages(entries: Any) -> Iterator[Sequence[dict[str, Any]]]:
    left = iter(entries)
    while page := list(islice(left, _BATCH)):
        yield page
