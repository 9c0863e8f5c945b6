"""What is known of the ends of models."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from avatar.records import Ending
from storage.base import Base, insert
from storage.tables import models


class ModelTables(Base):
    """Fulfils `avatar.training_stores.ModelStore`."""

    async def save_endings(self, endings: Sequence[Ending]) -> None:
        """New, or in place of what was known of the same model."""
        async with self._db.writing() as write:
            for each in endings:
                known = {"ends_on": each.ends_on, "vanished_at": each.vanished_at}
                await write.execute(
                    insert(self._db, models)
                    .values(provider=each.provider, model=each.model, **known)
                    .on_conflict_do_update(index_elements=["provider", "model"], set_=known)
                )

    async def endings(
        self, models_: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], Ending]:
        """Of some (provider, model); those without a known end are left out."""
        found: dict[tuple[str, str], Ending] = {}
        async with self._db.reading() as read:
            for provider, model in models_:
                rows = await read.execute(
                    sa.select(models).where(
                        models.c.provider == provider,
                        models.c.model == model,
                        models.c.ends_on.is_not(None) | models.c.vanished_at.is_not(None),
                    )
                )
                for row in rows:
                    found[provider, model] = Ending(
                        provider=provider,
                        model=model,
                        ends_on=row.ends_on,
                        vanished_at=row.vanished_at,
                    )
        return found
