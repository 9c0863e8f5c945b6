"""Chat exports that wait for choices."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from avatar.records import Address, Attachment, Import, OfferedChat
from storage import rows
from storage.base import Base
from storage.tables import imports

# A press of a button reads one. What the export was seen to hold may be a megabyte, and is
# needed only when examples are built.
_READ = [column for column in imports.c if column is not imports.c.overview]


class ImportTables(Base):
    """A part of `avatar.training_stores.TrainingStore`."""

    async def add_import(
        self,
        *,
        avatar_id: int,
        person_id: int,
        address: Address,
        attachment: Attachment,
        form: str,
        messages: int,
        speakers: Sequence[tuple[str, str, int]],
        chats: Sequence[OfferedChat],
        chat_count: int,
        speaker: str | None,
        expires_at: datetime,
        overview: Mapping[str, object] | None = None,
    ) -> Import:
        async with self._db.writing() as write:
            made = await write.execute(
                sa.insert(imports)
                .values(
                    avatar_id=avatar_id,
                    person_id=person_id,
                    address=rows.address_json(address),
                    attachment=asdict(attachment),
                    format=form,
                    messages=messages,
                    speakers=[list(each) for each in speakers],
                    chats=[[each.id, each.title, each.messages, each.of_two] for each in chats],
                    chat_count=chat_count,
                    speaker=speaker,
                    rules={},
                    expires_at=expires_at,
                    overview=None if overview is None else dict(overview),
                )
                .returning(*_READ)
            )
            return rows.import_(made.mappings().one())

    async def import_(self, import_id: int) -> Import | None:
        row = await self._row(sa.select(*_READ).where(imports.c.id == import_id))
        return None if row is None else rows.import_(row)

    async def import_overview(self, import_id: int) -> Mapping[str, object] | None:
        row = await self._row(sa.select(imports.c.overview).where(imports.c.id == import_id))
        return None if row is None else row["overview"]

    async def set_import(
        self,
        import_id: int,
        *,
        speaker: str | None,
        chosen: Sequence[str] | None,
        rules: Mapping[str, object],
    ) -> None:
        async with self._db.writing() as write:
            await write.execute(
                sa.update(imports)
                .where(imports.c.id == import_id)
                .values(
                    speaker=speaker,
                    chosen=None if chosen is None else list(chosen),
                    rules=dict(rules),
                )
            )

    async def mark_chats(
        self, import_id: int, *, on: Collection[str] = (), off: Collection[str] = ()
    ) -> tuple[str, ...] | None:
        this = imports.c.id == import_id
        async with self._db.writing() as write:
            found = await write.execute(sa.select(imports.c.marked).where(this).with_for_update())
            row = found.one_or_none()
            if row is None:
                return None
            marked = [*dict.fromkeys([*(each for each in row.marked if each not in off), *on])]
            await write.execute(sa.update(imports).where(this).values(marked=marked))
            return tuple(marked)
