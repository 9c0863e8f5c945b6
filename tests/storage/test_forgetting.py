"""Forgetting somebody while something of theirs is on its way."""

import asyncio

from avatar.incoming import Incoming
from avatar.records import Author, Avatar, Message, Person, Role
from storage.store import SqlStore
from tests.avatar.make import NOW
from tests.storage.steps import HOME, exchange

ANN = Author(platform="telegram", external_id="1", name="Ann")


async def asked(store: SqlStore, number: int, author: Author = ANN) -> int:
    """A message that is being answered: its number in the inbox."""
    (received,) = await store.receive(
        Incoming(
            update_id=str(number),
            address=HOME,
            author=author,
            message_id=str(number),
            sent_at=NOW,
            text="secret",
        ),
        now=NOW,
    )
    return received.id


async def answer(
    store: SqlStore, person: Person, inbox_id: int, *, retry_of: int | None = None
) -> Message | None:
    return await exchange(
        store, person, inbox_id, said="secret", reply="I know", cost=5, retry_of=retry_of
    )


async def test_what_was_being_answered_is_not_remembered(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    first = await asked(store, 1)
    assert await answer(store, ann, first) is not None
    last = await store.newest((await store.chat(HOME, now=NOW)).id, Role.USER)
    assert last is not None
    second, again = await asked(store, 2), await asked(store, 3)
    assert await store.forget(ann.id, now=NOW) == 2
    assert await answer(store, ann, second) is None
    assert await answer(store, ann, again, retry_of=last.id) is None
    assert await store.count_messages(ann.id) == 0
    (line,) = await store.spending(avatar.id, month="2026-11")
    assert (line.count, line.cost) == (3, 15)


async def test_what_is_written_at_that_moment_is_not_remembered(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    for round_ in range(30):
        inbox_ids = [await asked(store, 10 * round_ + n) for n in range(3)]
        await asyncio.gather(
            answer(store, ann, inbox_ids[0]),
            store.forget(ann.id, now=NOW),
            *(answer(store, ann, each) for each in inbox_ids[1:]),
        )
        assert await store.count_messages(ann.id) == 0, round_


async def test_a_reply_that_was_forgotten_is_shown_without_an_error(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    reply = await answer(store, ann, await asked(store, 1))
    assert reply is not None
    await store.forget(ann.id, now=NOW)
    await store.shown_as(reply.id, address=HOME, platform_ids=["7"])
    assert await store.find_message(HOME, "7") is None


async def test_what_was_on_its_way_when_accounts_were_joined_is_forgotten(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    ben = await store.person(Author(platform="discord", external_id="2", name="Ben"))
    inbox_id = await asked(store, 1)
    assert await store.unite(ann.id, ben.id) == ann.id
    assert await answer(store, ben, inbox_id) is not None
    assert await store.count_messages(ann.id) == 2  # as it is told before they say yes
    assert await store.forget(ann.id, now=NOW) == 2
    assert await store.count_messages(ben.id) == 0


async def test_one_wish_for_another_answer_gets_one(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    """Two processes may carry it out, where one was taken for dead."""
    question = await answer(store, ann, await asked(store, 1))
    assert question is not None
    wish = await asked(store, 2)
    made = await asyncio.gather(
        *(answer(store, ann, wish, retry_of=question.answers) for _ in range(4))
    )
    assert len({reply.id for reply in made if reply is not None}) == 1
