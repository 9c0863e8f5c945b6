"""The contracts of the store, on a real file."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar.chat_stores import Part
from avatar.errors import AlreadyDone, AvatarError
from avatar.incoming import Incoming, Reaction, RepliedTo
from avatar.learning_path import LearningPath
from avatar.records import (
    Attachment,
    Author,
    Avatar,
    Axis,
    NewNotice,
    NoticeKind,
    Person,
    Role,
    Spent,
    Status,
    Why,
)
from avatar.stores import Heard
from avatar.unlearning import Unlearning
from storage import rows
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW
from tests.storage.steps import EXAMPLE, HOME, a_model, a_prompt, begin, end, exchange

LEASE = timedelta(minutes=1)


async def test_people_and_owners(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    renamed = await store.person(
        Author(platform="telegram", external_id="1", name="Anna"), home=HOME
    )
    assert (renamed.id, renamed.name) == (ann.id, "Anna")
    assert await store.homes([ann.id, 99]) == {ann.id: HOME}
    ben = await store.person(Author(platform="telegram", external_id="2", name="Ben"))
    assert not await store.is_owner(avatar.id, ben.id)
    assert not await store.remove_owner(avatar.id, ann.id)  # the last one stays
    assert await store.add_owner(avatar.id, ben.id, by=ann.id, now=NOW)
    assert not await store.add_owner(avatar.id, ben.id, by=ann.id, now=NOW)
    assert await store.remove_owner(avatar.id, ann.id)
    assert [owner.name for owner in await store.owners(avatar.id)] == ["Ben"]
    with pytest.raises(AlreadyDone):
        await store.add_avatar(
            slug="ani", name="x", provider="p", base_model="m", owner_id=ben.id, now=NOW
        )


async def test_versions_and_tombstones(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    prompt = await a_prompt(store, avatar, ann)
    model = await a_model(store, avatar, ann)
    assert (prompt.number, model.number) == (1, 2)
    assert len(await store.examples(model.id, limit=10)) == 3
    assert await store.switch(
        avatar_id=avatar.id,
        axis=Axis.MODEL,
        expected=None,
        to=model.id,
        why=Why.ACTIVATED,
        person_id=ann.id,
        now=NOW,
    )
    assert await store.delete_version(model.id, person_id=ann.id, now=NOW)
    assert not await store.delete_version(model.id, person_id=ann.id, now=NOW)
    after = await store.avatar(avatar.id)
    assert (after.active_model_id, after.active_prompt_id) == (None, prompt.id)
    last = await store.last_activation(avatar.id)
    assert last is not None and last.why is Why.DELETED
    assert await store.examples(model.id, limit=10) == ()
    assert await store.job_of(model.id) is None
    tombstone = await store.version(model.id)
    assert tombstone is not None and tombstone.deleted_at == NOW
    assert [v.number for v in await store.history(avatar.id, limit=9, offset=0)] == [1]
    assert (await a_prompt(store, avatar, ann, "Q")).number == 3


async def test_a_training_that_is_deleted_stays_until_its_end_is_seen(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    version = await begin(store, avatar, ann)
    assert await store.delete_version(version.id, person_id=ann.id, now=NOW)
    job = await store.job_of(version.id)
    assert job is not None and job.cancel_requested_at == NOW
    await end(store, version, Status.CANCELLED)
    assert await store.job_of(version.id) is None


async def test_a_switch_needs_a_version_that_can_be_active(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    prompt, training = await a_prompt(store, avatar, ann), await begin(store, avatar, ann)

    async def switch(axis: Axis, to: int, expected: int | None, cause: int | None = None) -> bool:
        return await store.switch(
            avatar_id=avatar.id,
            axis=axis,
            expected=expected,
            to=to,
            why=Why.ACTIVATED,
            person_id=ann.id,
            now=NOW,
            cause=cause,
        )

    assert not await switch(Axis.MODEL, prompt.id, None)
    assert not await switch(Axis.MODEL, training.id, None)
    assert not await switch(Axis.PROMPT, prompt.id, None)  # the pointer is elsewhere
    await end(store, training)
    assert await switch(Axis.MODEL, training.id, None, cause=7)
    assert await switch(Axis.MODEL, training.id, None, cause=7)  # the same wish again
    assert len(await store.activations(avatar.id, limit=9)) == 2


async def test_leases(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    version = await begin(store, avatar, ann)
    ((job, _),) = await store.claim_jobs(owner="a", now=NOW, lease=LEASE, limit=9)
    assert await store.claim_jobs(owner="b", now=NOW, lease=LEASE, limit=9) == ()
    later = NOW + LEASE
    assert not await store.save_job(job, version, owner="a", release=True, now=later)
    ((job, _),) = await store.claim_jobs(owner="b", now=later, lease=LEASE, limit=9)
    assert not await store.save_job(job, version, owner="a", release=True, now=later)
    assert await store.request_cancel(version.id, now=later)
    moved = replace(job, next_poll_at=later + LEASE, step=3)
    assert await store.save_job(moved, version, owner="b", release=True, now=later)
    ((job, _),) = await store.claim_jobs(owner="a", now=later, lease=LEASE, limit=9)
    assert job.step == 3
    assert job.cancel_requested_at == later  # due at once, since it was asked for meanwhile


async def test_notices_once(store: SqlStore, avatar: Avatar) -> None:
    new = NewNotice(kind=NoticeKind.MODEL_GONE, key="k", address=HOME, avatar_id=avatar.id)
    assert await store.add_notices([new, new], now=NOW) == 1
    claims = await asyncio.gather(
        *(store.claim_notices(owner=str(i), now=NOW, lease=LEASE, limit=9) for i in range(5))
    )
    ((notice,),) = [claim for claim in claims if claim]
    await store.notice_failed(notice.id, retry_at=NOW + LEASE, error="later", now=NOW)
    assert await store.next_notice_due() == NOW + LEASE
    await store.notice_delivered(notice.id, now=NOW)
    assert await store.next_notice_due() is None
    assert await store.add_notices([new], now=NOW) == 0


def incoming(update_id: str = "1") -> Incoming:
    return Incoming(
        update_id=update_id,
        address=HOME,
        author=Author(platform="telegram", external_id="1", name="Ann"),
        message_id="5",
        sent_at=NOW,
        text="hello",
    )


async def test_the_inbox(store: SqlStore) -> None:
    taken = await asyncio.gather(*(store.receive(incoming(), now=NOW) for _ in range(5)))
    (received,) = [each for some in taken for each in some]
    inbox_id = received.id
    assert (received.incoming, received.attempts) == (incoming(), 0)
    (waiting,) = await store.unanswered(limit=9)
    assert waiting.attempts == 1
    again = await store.begin(inbox_id)
    assert again is not None
    assert (again.incoming, again.attempts) == (incoming(), 1)
    several = await store.receive(incoming("8"), incoming(), incoming("9"), now=NOW)
    assert [each.incoming.update_id for each in several] == ["8", "9"]
    await store.done(inbox_id, now=NOW)
    assert await store.begin(inbox_id) is None
    assert await store.receive(incoming(), now=NOW) == ()


async def test_up_to_where_a_platform_was_heard(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    nothing = await store.heard(platform="telegram", bot=HOME.bot, limit=9)
    assert nothing == Heard(until=None, addresses=())
    await store.receive(incoming("8"), incoming("9"), now=NOW)
    places = [HOME, replace(HOME, thread="5"), replace(HOME, chat="77"), replace(HOME, bot="other")]
    for inbox_id, place in enumerate([*places, HOME], start=100):
        await exchange(store, ann, inbox_id, address=place)
    heard = await store.heard(platform="telegram", bot=HOME.bot, limit=9)
    assert heard == Heard(until=NOW, addresses=(HOME, places[2], places[1]))
    heard = await store.heard(platform="telegram", bot=HOME.bot, limit=1)
    assert heard.addresses == (HOME,)
    assert (await store.heard(platform="discord", bot=HOME.bot, limit=9)).addresses == ()


async def test_an_exchange_is_written_once_and_forgotten_whole(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    chat = await store.chat(HOME, now=NOW)
    assert chat.avatar_id == avatar.id

    async def answered(inbox_id: int, retry_of: int | None = None) -> int:
        message = await exchange(store, ann, inbox_id, reply=f"re {inbox_id}", retry_of=retry_of)
        assert message is not None
        return message.id

    first = await answered(1)
    assert await answered(1) == first
    said = await store.newest(chat.id, Role.USER)
    assert said is not None
    await answered(2, retry_of=said.id)
    turns = (await store.context(chat.id, limit=9)).turns
    assert [(t.role, t.text) for t in turns] == [(Role.USER, "hi"), (Role.ASSISTANT, "re 2")]
    await store.shown_as(first, address=HOME, platform_ids=["77"])
    found = await store.find_message(HOME, "77")
    assert found is not None and found.id == first
    (line,) = await store.spending(avatar.id, month="2026-11")
    assert (line.count, line.cost, line.prompt_tokens) == (2, 14, 10)
    await store.new_conversation(chat.id, now=NOW)
    assert (await store.context(chat.id, limit=9)).turns == ()
    assert await store.forget(ann.id, now=NOW) == 3
    assert await store.find_message(HOME, "77") is None
    assert len(await store.spending(avatar.id, month="2026-11")) == 1


async def test_spending_without_a_price_is_counted_apart(store: SqlStore, avatar: Avatar) -> None:
    for cost in (None, 5):
        await store.add_spent(
            Spent(
                avatar_id=avatar.id,
                month="2026-11",
                kind="chat",
                version_id=None,
                model="m",
                prompt_tokens=1,
                completion_tokens=1,
                cost=cost,
            )
        )
    (line,) = await store.spending(avatar.id, month="2026-11")
    assert (line.count, line.unpriced, line.cost, line.version_number) == (2, 1, 5, None)


async def test_confirmations(store: SqlStore, ann: Person) -> None:
    async def ask() -> int:
        made = await store.add_confirmation(
            action="delete:1", person_id=ann.id, now=NOW, expires_at=NOW + LEASE
        )
        return made.id

    first, second = await ask(), await ask()
    assert not await store.use_confirmation(first, person_id=ann.id + 1, now=NOW)
    taken = [store.use_confirmation(first, person_id=ann.id, now=NOW) for _ in range(4)]
    assert sum(await asyncio.gather(*taken)) == 1
    assert not await store.use_confirmation(second, person_id=ann.id, now=NOW + LEASE)
    await store.tidy(now=NOW + timedelta(days=30))
    assert await store.confirmation(second) is None


async def test_many_owners_at_once_leave_right_pointers(
    url: str, store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    """Real concurrency: two stores on one file, switches, deletions and prompts together."""
    models = [await a_model(store, avatar, ann) for _ in range(3)]

    async with open_store(url) as other:
        paths = (LearningPath(store), LearningPath(other))

        async def owner(i: int) -> None:
            path, model = paths[i % 2], models[i % 3]
            try:
                match i % 5:
                    case 0 | 1:
                        await path.activate(model.id, person=ann, now=NOW)
                    case 2:
                        await path.deactivate(avatar.id, person=ann, now=NOW)
                    case 3:
                        await path.write_prompt(avatar.id, f"P{i}", person=ann, now=NOW)
                    case _:
                        if i > 20:
                            await path.delete(model.id, person=ann, now=NOW)
            except AvatarError:
                pass  # a clear answer is an answer

        await asyncio.gather(*(owner(i) for i in range(40)))
    await check_pointers(store, avatar.id)
    numbers = [v.number for v in await store.history(avatar.id, limit=99, offset=0)]
    assert len(numbers) == len(set(numbers))


async def check_pointers(store: SqlStore, avatar_id: int) -> None:
    """What must hold always: a pointer is none, or a living, completed version of its kind."""
    avatar = await store.avatar(avatar_id)
    for pointer, kind in (
        (avatar.active_prompt_id, "prompt_update"),
        (avatar.active_model_id, "fine_tune"),
    ):
        if pointer is not None:
            version = await store.version(pointer)
            assert version is not None
            assert version.deleted_at is None
            assert version.status is Status.COMPLETED
            assert version.training_type == kind
            assert version.avatar_id == avatar_id


WISHES = st.lists(
    st.tuples(
        st.sampled_from(["prompt", "train", "activate", "restore", "deactivate", "undo", "delete"]),
        st.integers(1, 6),
    ),
    max_size=14,
)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(WISHES)
async def test_any_sequence_keeps_the_invariants(
    store: SqlStore, ann: Person, wishes: list[tuple[str, int]]
) -> None:
    path = LearningPath(store)
    count = len(await store.avatars(person_id=None, limit=1000))
    avatar = await store.add_avatar(
        slug=f"h{count}",
        name="H",
        provider="embedded",
        base_model="imitator-1",
        owner_id=ann.id,
        now=NOW,
    )
    made = 0
    for wish, number in wishes:
        before = await store.avatar(avatar.id)
        try:
            match wish:
                case "prompt":
                    version, _ = await path.write_prompt(
                        avatar.id, f"P{number}", person=ann, now=NOW
                    )
                    made += 1
                    assert version.number == made
                case "train":
                    made += 1
                    assert (await a_model(store, avatar, ann)).number == made
                case "deactivate":
                    await path.deactivate(avatar.id, person=ann, now=NOW)
                case "undo":
                    await path.undo(avatar.id, person=ann, now=NOW)
                case _:
                    found = await path.find(avatar.id, number)
                    if wish == "delete":
                        await path.delete(found.id, person=ann, now=NOW)
                    elif wish == "restore":
                        await path.restore(found.id, person=ann, now=NOW)
                    else:
                        await path.activate(found.id, person=ann, now=NOW)
        except AvatarError:
            assert await store.avatar(avatar.id) == before  # a refusal changes nothing
        after = await store.avatar(avatar.id)
        moved = (
            before.active_prompt_id != after.active_prompt_id,
            before.active_model_id != after.active_model_id,
        )
        assert moved != (True, True)  # the two are independent
        await check_pointers(store, avatar.id)


async def test_what_is_one_turn(store: SqlStore) -> None:
    def at(update_id: str, **place: str) -> Incoming:
        return replace(incoming(update_id), address=replace(HOME, **place))

    first, elsewhere, second, third = await store.receive(
        at("1"), at("2", thread="5"), at("3"), at("4"), now=NOW
    )
    assert first.received_at == NOW
    behind = await store.waiting(first.incoming.address, after=first.id, limit=9)
    assert [each.id for each in behind] == [second.id, third.id]
    assert [each.incoming for each in behind] == [second.incoming, third.incoming]
    assert len(await store.waiting(first.incoming.address, after=first.id, limit=1)) == 1
    assert await store.waiting(elsewhere.incoming.address, after=elsewhere.id, limit=9) == ()
    await store.join(first.id, [second.id])
    assert [each.id for each in await store.joined(first.id)] == [second.id]
    await store.done(first.id, second.id, now=NOW)
    assert await store.joined(first.id) == ()
    assert [each.id for each in await store.unanswered(limit=9)] == [elsewhere.id, third.id]


async def test_which_messages_are_which_turn(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    topic = replace(HOME, thread="5")
    reply = await exchange(
        store,
        ann,
        1,
        said="a\nb",
        reply="re",
        address=topic,
        parts=[Part(platform_id="1", text="a"), Part(platform_id="2", text="b")],
    )
    assert reply is not None
    await store.shown_as(reply.id, address=topic, platform_ids=["3", "4"])
    # Reactions do not tell their thread.
    found = await store.found(HOME, "2")
    assert found is not None and reply.answers is not None
    assert (found.message.id, found.address, found.asks) == (reply.answers, topic, False)
    assert await store.parts(reply.answers) == (
        Part(platform_id="1", text="a"),
        Part(platform_id="2", text="b"),
    )
    assert [part.platform_id for part in await store.parts(reply.id)] == ["3", "4"]
    assert await store.found(replace(HOME, chat="2"), "2") is None
    assert await store.shown_answer(reply.answers) == await store.parts(reply.id)
    assert await store.shown_answer(reply.id) == ()
    assert not await store.was_asked(reply.id)
    await store.chat(HOME, now=NOW)
    await store.asked_as(reply.id, address=HOME, platform_ids=["9"])
    assert await store.was_asked(reply.id)
    asks = await store.found(HOME, "9")
    assert asks is not None and asks.asks and asks.message.id == reply.id
    assert len(await store.parts(reply.id)) == 2


async def test_a_thumbs_up_is_one_example(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    async def like(cause: int, reply_id: int = 5) -> int:
        one = await store.teach(
            avatar_id=avatar.id,
            person_id=ann.id,
            turns=[],
            better="b",
            worse="b",
            now=NOW,
            cause=cause,
            reply_id=reply_id,
            liked=True,
        )
        assert one.liked
        return one.id

    first = await like(1)
    assert await like(1) == await like(2) == first
    likes = await asyncio.gather(*(like(cause, 6) for cause in range(10, 14)))
    assert len(set(likes)) == 1
    assert await store.count_taught(avatar.id) == 2
    assert not await store.unlike(5, person_id=ann.id + 1)
    assert await store.unlike(5, person_id=ann.id)
    assert not await store.unlike(5, person_id=ann.id)
    assert await store.count_taught(avatar.id) == 1


async def test_a_voice(store: SqlStore, avatar: Avatar) -> None:
    assert avatar.voice is None
    await store.set_voice(avatar.id, "coral")
    assert (await store.avatar(avatar.id)).voice == "coral"
    await store.set_voice(avatar.id, None)
    assert (await store.avatar(avatar.id)).voice is None


async def test_the_inbox_keeps_everything_that_came(store: SqlStore) -> None:
    whole = replace(
        incoming("2"),
        forwarded="Mei",
        album="7",
        edited=True,
        reaction=Reaction.UP,
        attachments=(Attachment(ref="f", name="😀", size=None, kind="sticker"),),
        reply_to=RepliedTo(message_id="1", quote="so"),
    )
    first, _ = await store.receive(incoming("1"), whole, now=NOW)
    assert [
        each.incoming
        for each in await store.waiting(first.incoming.address, after=first.id, limit=9)
    ] == [whole]
    # What an earlier release has put there knows less.
    told = rows.incoming_json(incoming("1"))
    for name in ("forwarded", "album", "edited", "reaction"):
        del told[name]
    assert rows.incoming(told) == incoming("1")


async def test_who_spoke_in_an_example_is_found_and_unlearnt(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    with_mei = replace(EXAMPLE, people=("Mei Ling", "Tan"))
    version = await begin(store, avatar, ann, example=with_mei)
    ((_, stored), *_) = await store.stored_examples(version.id, after=-1, limit=9)
    assert stored == with_mei
    await end(store, version)
    unlearning = Unlearning(store)
    assert await unlearning.find(avatar, "Ling Mei") == ()
    (holding,) = await unlearning.find(avatar, "mei ling")
    assert holding.positions == (0, 1, 2)
    assert await unlearning.remove(holding.version, "Mei Ling", now=NOW) == 3
    assert await unlearning.find(avatar, "Tan") == ()


async def test_when_the_newest_message_was_said(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    assert await store.newest_said_at() is None
    for inbox_id, hours in ((1, 0), (2, -3)):
        await exchange(
            store,
            ann,
            inbox_id,
            said_at=NOW + timedelta(hours=hours),
            now=NOW + timedelta(days=365),  # by a clock of ours that is wrong
        )
    assert await store.newest_said_at() == NOW
