"""What was deleted where it stood is forgotten, and a clock that went back, on both databases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from avatar.chat_stores import Part
from avatar.records import Address, Avatar, NewNotice, NoticeKind, Person, Role
from storage.store import SqlStore
from tests.avatar.make import NOW
from tests.storage.steps import exchange

HOME = Address(platform="telegram", chat="2", thread="account:one", bot="9")


async def said(
    store: SqlStore, ann: Person, avatar: Avatar, text: str, *, parts: Sequence[Part], shown: str
) -> None:
    number = int(parts[0].platform_id)
    reply = await exchange(
        store, ann, number, said=text, reply=f"re {text}", address=HOME, parts=parts
    )
    assert reply is not None
    await store.shown_as(reply.id, address=HOME, platform_ids=shown.split())


async def test_a_reply_that_was_deleted_is_given_anew(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    """The process may have died behind the first one."""
    await said(store, ann, avatar, "one", parts=[Part(platform_id="1")], shown="2")
    assert await store.unsay(HOME, ["2"]) == 1
    await said(store, ann, avatar, "one", parts=[Part(platform_id="1")], shown="3")
    assert await left(store) == ["one", "re one"]
    assert (found := await store.find_message(HOME, "1")) is not None
    assert len(await store.shown_answer(found.id)) == 1


async def left(store: SqlStore) -> list[str]:
    chat = await store.chat(HOME, now=NOW)
    return [turn.text for turn in (await store.context(chat.id, limit=99)).turns]


async def test_what_was_deleted_is_forgotten(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    assert await store.unsay(HOME, ["1"]) == 0  # nothing is known of that chat
    await said(store, ann, avatar, "one", parts=[Part(platform_id="1")], shown="2")
    both = [Part(platform_id="3", text="two"), Part(platform_id="4", text="three")]
    await said(store, ann, avatar, "two\nthree", parts=both, shown="5 6")
    for elsewhere in (replace(HOME, thread=""), replace(HOME, bot="8"), replace(HOME, chat="3")):
        assert await store.unsay(elsewhere, ["1", "2", "3", "4"]) == 0
    assert await store.unsay(HOME, ["1", *map(str, range(100, 1_200))]) == 2
    assert await left(store) == ["two\nthree", "re two\nthree"]
    assert await store.unsay(HOME, ["3", "5"]) == 0
    assert await left(store) == ["three", "re two\nthree"]  # a part of the reply stands there yet
    assert await store.unsay(HOME, ["6"]) == 1
    assert await left(store) == ["three"]
    assert await store.unsay(HOME, ["4"]) == 1
    assert await left(store) == []


async def test_a_chat_moves_with_all_its_threads(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    await said(store, ann, avatar, "one", parts=[Part(platform_id="1")], shown="2")
    topic = await store.chat(replace(HOME, thread="7"), now=NOW)
    other = await store.chat(replace(HOME, thread="7", bot="8"), now=NOW)
    there = replace(HOME, chat="-100")
    taken = await store.chat(replace(there, thread="7"), now=NOW)
    await store.move(there, was="2")
    await store.move(there, was="2")
    moved = await store.chat(there, now=NOW)
    assert (await store.context(moved.id, limit=9)).turns[0].text == "one"
    # Its messages are others now: nothing is answered, and nothing deleted, by the old ids.
    assert await store.found(there, "2") is None
    assert await store.unsay(there, ["1"]) == 0
    # What is there already stays, and what is another bot's.
    assert await store.chat(replace(there, thread="7"), now=NOW) == taken
    assert await store.chat(replace(HOME, thread="7"), now=NOW) == topic
    assert await store.chat(replace(HOME, thread="7", bot="8"), now=NOW) == other


async def test_the_clock_went_back(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    new = NewNotice(kind=NoticeKind.LIMIT_NEAR, key="k", address=HOME, avatar_id=avatar.id, data={})
    await store.add_notices([new], now=NOW)
    minute, before = timedelta(minutes=1), NOW - timedelta(days=1)

    async def rewind(ahead: timedelta) -> int:
        return await store.rewind(
            now=before,
            jobs_ahead=ahead,
            notices_ahead=ahead,
            job_lease=minute,
            notice_lease=minute,
        )

    async def claim(back: timedelta = timedelta()) -> int:
        found = await store.claim_notices(owner="w", now=before + back, lease=minute, limit=9)
        return len(found)

    assert await rewind(timedelta(days=2)) == 0
    assert await claim() == 0
    assert await rewind(timedelta()) == 1
    assert await claim() == 1
    assert await rewind(timedelta()) == 0  # said by another process: the same
    # What was claimed before the clock went back is free when that lease would have ended.
    (notice,) = await store.claim_notices(
        owner="x", now=NOW + timedelta(days=1), lease=minute, limit=9
    )
    assert await rewind(timedelta()) == 1
    assert await claim() == 0
    assert await claim(2 * minute) == 1
    assert notice.id


async def test_a_reply_that_was_cut_short_says_what_stands(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    reply = await exchange(store, ann, 1, said="one", reply="re one", address=HOME)
    assert reply is not None
    await store.cut_short(reply.id, text="re", earlier_stands=False)
    assert await left(store) == ["one", "re"]
    question = await store.newest((await store.chat(HOME, now=NOW)).id, Role.USER)
    assert question is not None
    for number, stands in enumerate((True, False), start=2):
        again = await exchange(
            store, ann, number, said="one", reply="again", address=HOME, retry_of=question.id
        )
        assert again is not None
        assert await left(store) == ["one", "again"]
        await store.cut_short(again.id, text="", earlier_stands=stands)
        assert await left(store) == (["one", "re"] if stands else ["one"])
