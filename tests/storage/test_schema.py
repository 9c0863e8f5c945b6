"""Migrations, from empty and back, on a real file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.columns import metadata
from storage.database import Database, DatabaseRefused
from storage.schema import HEAD, bring_up_to_date, config
from storage.store import open_store
from tests.avatar.make import NOW
from tests.storage.steps import HOME, exchange
from tests.storage.test_odd_words import a_message, odd_exchange


def test_head_is_the_newest_script() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


async def test_there_and_back(url: str) -> None:
    database = Database(url)
    await bring_up_to_date(database)

    def ours(name: str | None, kind: str, _: Any) -> bool:
        return kind != "table" or not (name or "").startswith("procrastinate_")

    def differences(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        return list(compare_metadata(context, metadata))

    async with database.reading() as read:
        assert await read.run_sync(differences) == []
    async with database.writing() as write:
        await write.run_sync(lambda c: command.downgrade(config(c), "base"))
    async with database.reading() as read:
        names = await read.run_sync(lambda c: sa.inspect(c).get_table_names())
        assert set(names) <= {"alembic_version"}
    await bring_up_to_date(database)
    async with database.reading() as read:
        assert await read.run_sync(differences) == []
    await database.close()


async def test_a_newer_database_is_refused(url: str) -> None:
    async with open_store(url):
        pass
    database = Database(url)
    async with database.writing() as write:
        await write.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(DatabaseRefused, match="newer avatar-bot"):
        async with open_store(url):
            pass


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "avatar.db").write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseRefused, match="cannot be opened"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path}/avatar.db"):
            pass
    with pytest.raises(DatabaseRefused, match="mysql"):
        Database("mysql://x/y")


async def test_whose_words_were_taught_before_it_was_written_down(url: str) -> None:
    async with open_store(url) as store:
        ann, ben = [await store.person(a_message(str(n), author=str(n)).author) for n in (1, 2)]
        avatar = await store.add_avatar(
            slug="ani", name="Ani", provider="p", base_model="m", owner_id=ann.id, now=NOW
        )
        chat = await store.chat(HOME, now=NOW)
        await store.talk_to(chat.id, avatar.id, now=NOW)
        reply = await odd_exchange(store, ben, 1)
        await store.teach(
            avatar_id=avatar.id,
            person_id=ann.id,
            turns=[],
            better="b",
            worse="w",
            now=NOW,
            cause=1,
            reply_id=reply.id,
        )
    database = Database(url)
    async with database.writing() as write:
        await write.run_sync(lambda c: command.downgrade(config(c), "0012"))
    await database.close()
    async with open_store(url) as store:
        assert await store.count_taught(avatar.id) == 1
        await store.forget(ben.id, now=NOW)
        assert await store.count_taught(avatar.id) == 0


async def test_which_groups_were_open_before_it_was_written_down(url: str) -> None:
    async with open_store(url) as store:
        ann, ben = [await store.person(a_message(str(n), author=str(n)).author) for n in (1, 2)]
        avatar = await store.add_avatar(
            slug="ani", name="Ani", provider="p", base_model="m", owner_id=ann.id, now=NOW
        )
        places = [replace(HOME, chat=name) for name in ("of its owner", "of others")]
        for number, (place, person) in enumerate(zip(places, (ann, ben), strict=True), start=1):
            chat = await store.chat(place, now=NOW)
            await exchange(store, person, number, said="s", reply="r", cost=1, address=place)
            assert not chat.brought
        await store.set_visibility(avatar.id, "private")
    database = Database(url)
    async with database.writing() as write:
        await write.run_sync(lambda c: command.downgrade(config(c), "0013"))
    await database.close()
    async with open_store(url) as store:
        assert [(await store.chat(place, now=NOW)).brought for place in places] == [True, False]
