"""What must not be lost for one odd character, one vanished row, or two starts at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from avatar.errors import AvatarNotFound
from avatar.incoming import Incoming
from avatar.records import Address, Author, Avatar, Message, Person
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW
from tests.storage.steps import EXAMPLE, HOME, begin, exchange

ODD = "a\ud83db\0c"  # half of a surrogate pair, and what PostgreSQL refuses
KEPT = "a\ufffdb\ufffdc"


async def odd_exchange(
    store: SqlStore, person: Person, inbox_id: int, *, retry_of: int | None = None
) -> Message:
    reply = await exchange(store, person, inbox_id, said=ODD, reply=ODD, retry_of=retry_of)
    assert reply is not None
    return reply


async def test_odd_characters_are_replaced_and_nothing_is_refused(
    store: SqlStore, avatar: Avatar
) -> None:
    person = await store.person(Author(platform="telegram", external_id="7", name=ODD))
    assert person.name == KEPT
    again = await store.person(Author(platform="telegram", external_id="7", name="\ud83d\ude00"))
    assert again.name == "😀"  # two halves that stand together
    assert (await odd_exchange(store, person, 1)).text == KEPT
    version = await begin(store, avatar, person)
    ((job, _),) = await store.claim_jobs(owner="w", now=NOW, lease=timedelta(minutes=1), limit=9)
    assert await store.save_job(
        job, replace(version, error=ODD, error_code=ODD), owner="w", release=True, now=NOW
    )
    failed = await store.version(version.id)
    assert failed is not None and failed.error == KEPT
    draft = await store.add_draft(
        avatar_id=avatar.id,
        person_id=person.id,
        source=ODD * 200,
        provider="embedded",
        base_model="imitator-1",
        tokens=1,
        epochs=1,
        warnings=(ODD,),
        examples=[replace(EXAMPLE, source=ODD)],
        now=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    assert draft.source == (KEPT * 200)[:256]
    assert len(await store.receive(a_message(ODD), now=NOW)) == 1
    assert await store.receive(a_message(ODD), now=NOW) == ()


def a_message(update_id: str, author: str = "1") -> Incoming:
    return Incoming(
        update_id=update_id,
        address=HOME,
        author=Author(platform="telegram", external_id=author, name=ODD),
        message_id="1",
        sent_at=NOW,
        text=ODD,
    )


async def test_a_reply_to_a_turn_that_was_forgotten_is_kept_with_its_question(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    first = await odd_exchange(store, ann, 1)
    assert await store.forget(ann.id, now=NOW) == 2
    reply = await odd_exchange(store, ann, 2, retry_of=first.answers)
    assert reply.answers not in {None, first.answers}
    assert await store.count_messages(ann.id) == 2


async def test_forgetting_empties_the_inbox_except_for_the_wish(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    messages = [a_message("1"), a_message("2"), a_message("3"), a_message("4", author="2")]
    begun, _, wish, other = [each.id for each in await store.receive(*messages, now=NOW)]
    await store.forget(ann.id, now=NOW, cause=wish)
    assert [received.id for received in await store.unanswered(limit=9)] == [wish, other]
    await store.done(wish, now=NOW)
    assert await store.begin(begun) is None


async def test_what_is_not_there(store: SqlStore) -> None:
    assert await store.forget(99, now=NOW) == 0
    with pytest.raises(AvatarNotFound):
        await store.context(99, limit=1)
    with pytest.raises(AvatarNotFound):
        await store.add_prompt(avatar_id=99, prompt="P", note="", person_id=None, now=NOW)
    assert await store.find_message(Address(platform="telegram", chat="9"), "9") is None
    assert await store.examples(99, limit=9) == ()


async def test_new_databases_opened_at_once(new_url: str) -> None:
    async def opened(which: str) -> int:
        async with open_store(which) as store:
            return len(await store.avatars(person_id=None, limit=1))

    urls = [new_url, new_url, new_url.replace("avatar.db", "other.db")]
    assert await asyncio.gather(*map(opened, urls)) == [0, 0, 0]


async def test_deleting_and_following_at_once_do_not_stop_each_other(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    versions = [await begin(store, avatar, ann) for _ in range(10)]
    claimed = await store.claim_jobs(owner="w", now=NOW, lease=timedelta(minutes=1), limit=99)
    results = await asyncio.gather(
        *(
            store.save_job(job, version, owner="w", release=False, now=NOW)
            for job, version in claimed
        ),
        *(store.delete_version(v.id, person_id=ann.id, now=NOW) for v in versions),
    )
    assert results == [True] * 20
