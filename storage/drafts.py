"""Drafts of Deep Training: examples that wait for a yes."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from avatar.records import Candidate, Draft, Example, Method
from storage import rows
from storage.tables import training_drafts, training_examples, versions
from storage.versions import VersionTables

_BATCH = 500  # examples an INSERT


class DraftTables(VersionTables):
    """A part of `avatar.training_stores.TrainingStore`."""

    async def add_draft(
        self,
        *,
        avatar_id: int,
        person_id: int,
        source: str,
        provider: str,
        base_model: str,
        tokens: int,
        epochs: int,
        warnings: Sequence[str],
        examples: Sequence[Example],
        now: datetime,
        expires_at: datetime,
        held_out: Sequence[Example] = (),
        import_id: int | None = None,
        report: Mapping[str, object] | None = None,
        origin_id: int | None = None,
        method: Method = Method.SUPERVISED,
        counted_with: str | None = None,
    ) -> Draft:
        """Examples and what was read of them, waiting for a yes."""
        encoded = await asyncio.to_thread(_encoded, examples, held_out)
        async with self._db.writing() as write:
            made = await write.execute(
                sa.insert(training_drafts)
                .values(
                    avatar_id=avatar_id,
                    person_id=person_id,
                    source=source,
                    provider=provider,
                    base_model=base_model,
                    example_count=len(examples),
                    tokens=tokens,
                    epochs=epochs,
                    warnings=list(warnings),
                    created_at=now,
                    expires_at=expires_at,
                    import_id=import_id,
                    report=None if report is None else dict(report),
                    origin_id=origin_id,
                    method=method.value,
                    counted_with=counted_with,
                )
                .returning(training_drafts)
            )
            draft = rows.draft(made.mappings().one())
            for start in range(0, len(encoded), _BATCH):
                batch = [{**row, "draft_id": draft.id} for row in encoded[start : start + _BATCH]]
                await write.execute(sa.insert(training_examples), batch)
        return draft

    async def draft(self, draft_id: int) -> Draft | None:
        row = await self._row(sa.select(training_drafts).where(training_drafts.c.id == draft_id))
        return None if row is None else rows.draft(row)

    async def draft_examples(
        self, draft_id: int, *, limit: int, offset: int
    ) -> tuple[Example, ...]:
        """Those to be trained, in order."""
        async with self._db.reading() as read:
            found = await read.execute(self._of_draft(draft_id).limit(limit).offset(offset))
            return tuple(rows.example(row) for row in found.mappings())

    async def draft_example(self, draft_id: int, *, place: int) -> Example | None:
        """The example at a place, 0 being the first that is left."""
        found = await self.draft_examples(draft_id, limit=1, offset=place)
        return found[0] if found else None

    @staticmethod
    def _of_draft(draft_id: int) -> sa.Select[Any]:
        return (
            sa.select(training_examples)
            .where(
                training_examples.c.draft_id == draft_id,
                training_examples.c.held_out.is_(False),
                training_examples.c.left_out.is_(None),
            )
            .order_by(training_examples.c.position)
        )

    async def candidates(self, draft_id: int, *, after: int, limit: int) -> tuple[Candidate, ...]:
        """All of a draft's, in order: held out and left out ones too."""
        async with self._db.reading() as read:
            found = await read.execute(
                sa.select(training_examples)
                .where(
                    training_examples.c.draft_id == draft_id,
                    training_examples.c.position > after,
                )
                .order_by(training_examples.c.position)
                .limit(limit)
            )
            return tuple(rows.candidate(row) for row in found.mappings())

    async def leave_out(
        self,
        draft_id: int,
        changes: Mapping[int, str | None],
        *,
        left_out: Mapping[str, int],
        report: Mapping[str, object] | None,
    ) -> Draft | None:
        """Leave examples out of a draft, or take them in again, and count it anew."""
        by_reason: dict[str | None, list[int]] = {}
        for position, reason in changes.items():
            by_reason.setdefault(reason, []).append(position)
        of_draft = training_examples.c.draft_id == draft_id
        async with self._db.writing() as write:
            if not await _still_open(write, draft_id):
                return None
            for reason, positions in by_reason.items():
                for start in range(0, len(positions), _BATCH):
                    await write.execute(
                        sa.update(training_examples)
                        .where(
                            of_draft,
                            training_examples.c.position.in_(positions[start : start + _BATCH]),
                        )
                        .values(left_out=reason)
                    )
            return await self._counted_anew(
                write,
                draft_id,
                left_out=dict(left_out),
                report=None if report is None else dict(report),
            )

    async def recount(
        self, draft_id: int, tokens: Mapping[int, int], *, counted_with: str | None
    ) -> Draft | None:
        """Put other numbers of tokens, by position."""
        values = [{"at": position, "now": count} for position, count in tokens.items()]
        async with self._db.writing() as write:
            if not await _still_open(write, draft_id):
                return None
            for start in range(0, len(values), _BATCH):
                await write.execute(
                    sa.update(training_examples)
                    .where(
                        training_examples.c.draft_id == draft_id,
                        training_examples.c.position == sa.bindparam("at"),
                    )
                    .values(tokens=sa.bindparam("now")),
                    values[start : start + _BATCH],
                )
            return await self._counted_anew(write, draft_id, counted_with=counted_with)

    async def _counted_anew(self, write: AsyncConnection, draft_id: int, **values: object) -> Draft:
        counted = await write.execute(
            sa.select(sa.func.count(), sa.func.sum(training_examples.c.tokens)).where(
                training_examples.c.draft_id == draft_id,
                training_examples.c.held_out.is_(False),
                training_examples.c.left_out.is_(None),
            )
        )
        count, tokens = counted.one()
        changed = await write.execute(
            sa.update(training_drafts)
            .where(training_drafts.c.id == draft_id)
            .values(example_count=count, tokens=int(tokens or 0), **values)
            .returning(training_drafts)
        )
        return rows.draft(changed.mappings().one())

    async def draft_again(
        self,
        version_id: int,
        *,
        person_id: int,
        source: str,
        provider: str,
        base_model: str,
        epochs: int,
        now: datetime,
        expires_at: datetime,
    ) -> Draft | None:
        """A draft of a version's stored examples; they are copied inside of the database."""
        stored = training_examples.c.version_id == version_id
        async with self._db.writing() as write:
            found = await write.execute(
                sa.select(versions.c.avatar_id, versions.c.example_count, versions.c.method).where(
                    versions.c.id == version_id, versions.c.deleted_at.is_(None)
                )
            )
            version = found.one_or_none()
            tokens = await write.scalar(
                sa.select(sa.func.sum(training_examples.c.tokens)).where(
                    stored, training_examples.c.held_out.is_(False)
                )
            )
            if version is None or tokens is None or version.method != Method.SUPERVISED:
                return None
            made = await write.execute(
                sa.insert(training_drafts)
                .values(
                    avatar_id=version.avatar_id,
                    person_id=person_id,
                    source=source,
                    provider=provider,
                    base_model=base_model,
                    example_count=version.example_count,
                    tokens=int(tokens),
                    epochs=epochs,
                    warnings=[],
                    created_at=now,
                    expires_at=expires_at,
                    origin_id=version_id,
                )
                .returning(training_drafts)
            )
            draft = rows.draft(made.mappings().one())
            copied = ["position", "turns", "tokens", "source", "rejected", "held_out"]
            copied += ["messages", "people"]
            await write.execute(
                sa.insert(training_examples).from_select(
                    ["draft_id", *copied],
                    sa.select(
                        sa.literal(draft.id), *(training_examples.c[name] for name in copied)
                    ).where(stored),
                )
            )
        return draft

    async def set_draft_target(self, draft_id: int, *, provider: str, base_model: str) -> None:
        await self._set_draft(draft_id, provider=provider, base_model=base_model)

    async def set_draft_epochs(self, draft_id: int, epochs: int) -> None:
        await self._set_draft(draft_id, epochs=epochs)

    async def _set_draft(self, draft_id: int, **values: str | int) -> None:
        async with self._db.writing() as write:
            await write.execute(
                sa.update(training_drafts)
                .where(training_drafts.c.id == draft_id, training_drafts.c.version_id.is_(None))
                .values(values)
            )

    async def drop_draft(self, draft_id: int) -> bool:
        """Delete it with its examples. False: it was started or dropped before."""
        async with self._db.writing() as write:
            # The draft before its examples, as who starts it does: see `TrainingTables`.
            if not await _still_open(write, draft_id):
                return False
            await write.execute(
                sa.delete(training_examples).where(training_examples.c.draft_id == draft_id)
            )
            await write.execute(sa.delete(training_drafts).where(training_drafts.c.id == draft_id))
            return True


async def _still_open(write: AsyncConnection, draft_id: int) -> bool:
    """Whether a draft was neither started nor dropped; nobody else changes it until the end."""
    found = await write.execute(
        sa.select(training_drafts.c.id)
        .where(training_drafts.c.id == draft_id, training_drafts.c.version_id.is_(None))
        .with_for_update()
    )
    return found.one_or_none() is not None


def _encoded(examples: Sequence[Example], held_out: Sequence[Example]) -> list[dict[str, Any]]:
    return [
        {
            "position": position,
            "turns": rows.example_json(example),
            "tokens": example.tokens,
            "source": example.source,
            "rejected": example.rejected,
            "held_out": position >= len(examples),
            "messages": example.messages,
            "people": list(example.people) or None,
        }
        for position, example in enumerate((*examples, *held_out))
    ]
