"""Messages go by their age, with their replies; what was spent stays counted."""

from datetime import datetime, timedelta

from avatar.incoming import Incoming
from avatar.pricing import month_of
from avatar.records import Author, Finish, Message, Usage
from jobs.retention import Retention
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, World

YEAR = timedelta(days=365)
LONG_AGO = NOW - timedelta(days=400)


async def said(world: World, inbox_id: int, at: datetime) -> Message:
    store = world.store
    chat = await store.chat(ADDRESS, now=at)
    context = await store.context(chat.id, limit=9)
    person = await store.person(Author(platform="terminal", external_id="1", name="Ann"))
    message = await store.add_exchange(
        chat_id=chat.id,
        avatar_id=context.avatar.id,
        person_id=person.id,
        said=f"question {inbox_id}",
        said_at=at,
        reply="answer",
        pair=context.pair,
        usage=Usage(prompt_tokens=1, completion_tokens=1),
        cost=1,
        finish=Finish.STOP,
        inbox_id=inbox_id,
        now=at,
    )
    await store.shown_as(message.id, address=ADDRESS, platform_ids=[str(inbox_id)])
    return message


async def left(world: World) -> list[str]:
    chat = await world.store.chat(ADDRESS, now=NOW)
    turns = (await world.store.context(chat.id, limit=5_000)).turns
    return [turn.text for turn in turns if turn.text.startswith("question")]


async def test_what_is_older_goes_and_the_rest_stays(world: World) -> None:
    for inbox_id in range(1, 4):
        await said(world, inbox_id, LONG_AGO)
    kept = await said(world, 4, NOW - timedelta(days=364))
    late = await said(world, 5, LONG_AGO)  # written long ago, received after a younger one
    retention = Retention(world.store, keep=YEAR, pause=0)
    assert await retention.tidy_once(NOW) == 8
    assert await left(world) == ["question 4"]
    assert await world.store.find_message(ADDRESS, "4") == kept
    assert await world.store.find_message(ADDRESS, "5") is None
    assert await retention.tidy_once(NOW) == 0
    spent = await world.store.spending(late.avatar_id, month=month_of(LONG_AGO))
    assert [each.count for each in spent if each.kind == "chat"] == [4]


async def test_without_an_age_everything_is_kept(world: World) -> None:
    await said(world, 1, LONG_AGO)
    assert await Retention(world.store, keep=None, pause=0).tidy_once(NOW) == 0
    assert await left(world) == ["question 1"]


async def test_many_go_in_bounded_steps(world: World) -> None:
    for inbox_id in range(1, 8):
        await said(world, inbox_id, LONG_AGO)
    steps, after = [], 0
    while True:
        dropped = await world.store.drop_messages(before=NOW, after=after, limit=4)
        steps.append(dropped.count)
        if dropped.looked_to is None:
            break
        after = dropped.looked_to
    assert steps == [4, 4, 4, 2]


async def test_answered_messages_leave_the_inbox_however_many_there_are(world: World) -> None:
    incoming = [
        Incoming(
            update_id=str(n),
            address=ADDRESS,
            author=Author(platform="terminal", external_id="1", name="Ann"),
            message_id="1",
            sent_at=NOW,
        )
        for n in range(2_100)
    ]
    received = await world.store.receive(*incoming, now=LONG_AGO)
    for each in received[1:]:
        await world.store.done(each.id, now=LONG_AGO)
    await Retention(world.store, keep=None, pause=0).tidy_once(NOW)
    # They came again if their ids were not known any more: all of them are gone but one.
    again = await world.store.receive(*incoming, now=NOW)
    assert len(again) == 2_099
