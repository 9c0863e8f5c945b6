"""Chat exports that wait for choices, on both databases."""

import asyncio
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import command

from avatar.records import Attachment, Avatar, Import, OfferedChat, Person
from storage.database import Database
from storage.schema import config
from storage.store import SqlStore, open_store
from storage.tables import imports
from tests.avatar.make import NOW
from tests.storage.steps import HOME
from tests.storage.test_odd_words import a_message

CHATS = tuple(
    OfferedChat(id=f"chat{number}", title=f"Chat {number}", messages=9, of_two=number % 2 == 0)
    for number in range(4)
)


async def an_import(
    store: SqlStore,
    avatar: Avatar,
    person: Person,
    *,
    overview: Mapping[str, object] | None = None,
) -> Import:
    return await store.add_import(
        avatar_id=avatar.id,
        person_id=person.id,
        address=HOME,
        attachment=Attachment(ref="a", name="result.json", size=1, kind="document"),
        form="Telegram",
        messages=36,
        speakers=[("user1", "Mei", 18)],
        chats=CHATS,
        chat_count=5,
        speaker="user1",
        expires_at=NOW,
        overview=overview,
    )


async def test_chats_are_offered_as_they_were_seen(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    made = await an_import(store, avatar, ann)
    assert await store.import_(made.id) == made
    assert (made.chats, made.marked, made.chosen) == (CHATS, (), None)


async def test_what_was_seen_is_kept_beside_it(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    seen = {"format": "Telegram", "chats": [["chat1", 9]]}
    made = await an_import(store, avatar, ann, overview=seen)
    too_large = await an_import(store, avatar, ann)
    assert await store.import_overview(made.id) == seen
    assert await store.import_overview(too_large.id) is None
    assert await store.import_overview(987) is None


async def test_marks_are_put_and_taken_away(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    made, other = [await an_import(store, avatar, ann) for _ in range(2)]
    steps: list[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = [
        (("chat1",), (), ("chat1",)),
        (("chat1",), (), ("chat1",)),
        (("chat0",), (), ("chat1", "chat0")),
        ((), ("chat1",), ("chat0",)),
        ((), ("chat1",), ("chat0",)),
        (("chat2", "chat3"), ("chat0", "chat1"), ("chat2", "chat3")),
        ((), ("chat0", "chat1", "chat2", "chat3"), ()),
    ]
    for on, off, marked in steps:
        assert await store.mark_chats(made.id, on=on, off=off) == marked
        kept = await store.import_(made.id)
        assert kept is not None
        assert kept.marked == marked
    assert await store.import_(other.id) == other
    assert await store.mark_chats(987, on=("chat1",)) is None


async def test_marks_that_are_put_at_once_all_stay(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    made = await an_import(store, avatar, ann)
    await asyncio.gather(*(store.mark_chats(made.id, on=(f"chat{number}",)) for number in range(4)))
    kept = await store.import_(made.id)
    assert kept is not None
    assert sorted(kept.marked) == ["chat0", "chat1", "chat2", "chat3"]


async def test_one_from_before_there_were_marks(url: str) -> None:
    """It has chats of which it is not known how many speak there, and goes on."""
    async with open_store(url) as store:
        ann = await store.person(a_message("1").author)
        avatar = await store.add_avatar(
            slug="ani", name="Ani", provider="p", base_model="m", owner_id=ann.id, now=NOW
        )
        made = await an_import(store, avatar, ann)
        await store.mark_chats(made.id, on=("chat1",))
    database = Database(url)
    async with database.writing() as write:
        await write.run_sync(lambda c: command.downgrade(config(c), "0011"))
        former = [[chat.id, chat.title, chat.messages] for chat in CHATS]
        await write.execute(sa.update(imports).where(imports.c.id == made.id).values(chats=former))
    await database.close()
    async with open_store(url) as store:
        kept = await store.import_(made.id)
        assert kept is not None
        assert [(chat.id, chat.of_two) for chat in kept.chats] == [(c.id, False) for c in CHATS]
        assert kept.marked == ()
        assert await store.mark_chats(made.id, on=("chat1",)) == ("chat1",)
