"""Chat exports that wait for choices."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from avatar.records import Address, Attachment, Import
from storage import rows
from storage.base import Base
from storage.tables import imports


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
        chats: Sequence[tuple[str, str, int]],
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
                    chats=[list(each) for each in chats],
                    chat_count=chat_count,
                    speaker=speaker,
                    rules={},
                    expires_at=expires_at,
                    overview=None if overview is None else dict(overview),
                )
                .returning(imports)
            )
            return rows.import_(made.mappings().one())

    async def import_(self, import_id: int) -> Import | None:
        row = await self._row(sa.select(imports).where(imports.c.id == import_id))
        return None if row is None else rows.import_(row)

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
