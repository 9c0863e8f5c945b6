"""What is remembered of doors: budgets, invitations, blocks, and accounts that are one person."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from avatar.access import Standing
from avatar.door_stores import LinkGuess
from avatar.errors import SpentUp
from avatar.limiter import Limiter
from avatar.limits import Limits, Own, Scope, budgets
from avatar.records import Author, Avatar, Person
from storage.columns import metadata
from storage.linking import KEPT_AS_WRITTEN, MERGED, MOVED
from storage.store import SqlStore
from tests.avatar.make import NOW
from tests.storage.steps import HOME
from tests.storage.test_odd_words import a_message, odd_exchange

LATER = NOW + timedelta(minutes=10)


async def somebody(store: SqlStore, id_: str, platform: str = "discord") -> Person:
    return await store.person(Author(platform=platform, external_id=id_, name=f"P{id_}"))


# --- budgets


async def test_two_at_once_do_not_both_spend_the_last_cent(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    wanted = budgets(avatar, Limits(cost_per_day=100), person_id=ann.id, now=NOW)
    assert len(wanted) == 6
    assert await store.prepay(wanted, 90) is None
    # Many at the same moment: there is room for the one that goes over, and for no other.
    done = await asyncio.gather(*(store.prepay(wanted, 50) for _ in range(12)))
    assert done.count(None) == 1
    assert {each.scope for each in done if each is not None} == {Scope.ALL}
    assert {each.cost for each in await store.filled(wanted)} == {140}
    assert {each.cost for each in await store.settle(wanted, -45)} == {95}
    assert await store.prepay(wanted, 1) is None
    # Nothing of what was refused is left in any of them.
    assert {each.cost for each in await store.filled(wanted)} == {96}


async def test_a_limiter_refuses_warns_once_and_gives_back(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    await store.person(a_message("0").author, home=HOME)
    await store.add_owner(avatar.id, ann.id, by=None, now=NOW)
    limiter = Limiter(store, limits=Limits(avatar_cost_per_day=1000), operators=())
    with pytest.raises(RuntimeError):
        async with limiter.spending(avatar, person=ann, most=900, now=NOW):
            raise RuntimeError  # the provider did not answer: nothing was spent
    for _ in range(3):
        async with limiter.spending(avatar, person=ann, most=900, now=NOW) as bill:
            bill.cost = 300
    assert [each.cost for each in await limiter.filled(avatar, now=NOW)] == [900, 900]
    async with limiter.spending(avatar, person=ann, most=900, now=NOW) as bill:
        bill.cost = 300
    with pytest.raises(SpentUp, match="What Ani may spend today is used up"):
        async with limiter.spending(avatar, person=ann, most=1, now=NOW):
            pytest.fail("let in")
    owed = await store.claim_notices(owner="x", now=NOW, lease=timedelta(minutes=1), limit=9)
    assert len(owed) <= 1
    # Tomorrow is another day; what has no price is never counted.
    tomorrow = NOW + timedelta(days=1)
    async with limiter.spending(avatar, person=ann, most=1, now=tomorrow) as bill:
        bill.cost = 1
    async with limiter.spending(avatar, person=ann, most=0, now=NOW):
        pass


async def test_own_limits_and_the_pace(store: SqlStore, avatar: Avatar, ann: Person) -> None:
    limiter = Limiter(store, limits=Limits(), operators=())
    # Two owners at once, who know the avatar as it was before: each keeps what the other set.
    await limiter.set_own(avatar, Own.MESSAGES, 2)
    await limiter.set_own(avatar, Own.DAY, 5)
    avatar = await store.avatar(avatar.id)
    assert (avatar.messages_per_minute, avatar.cost_per_day, avatar.cost_per_month) == (2, 5, None)
    for inbox_id in (1, 2):
        await odd_exchange(store, ann, inbox_id)
    assert await store.nth_last_reply(avatar.id, ann.id, n=2) is not None
    assert await store.nth_last_reply(avatar.id, ann.id, n=3) is None


async def test_budgets_are_tidied_after_two_months(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    wanted = budgets(avatar, Limits(), person_id=ann.id, now=NOW)
    await store.settle(wanted, 5)
    await store.tidy(now=NOW + timedelta(days=31))
    assert {each.cost for each in await store.filled(wanted)} == {5}
    await store.tidy(now=NOW + timedelta(days=100))
    assert {each.cost for each in await store.filled(wanted)} == {0}


# --- invitations and blocks


async def test_an_invitation_is_used_up_by_as_many_as_it_is_for(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    made = await store.add_invitation(
        avatar.id, by=ann.id, code_hash="h", most_uses=2, now=NOW, expires_at=LATER
    )
    guests = [await somebody(store, str(n)) for n in range(5)]
    let_in = await asyncio.gather(*(store.use_invitation("h", g.id, now=NOW) for g in guests))
    assert sorted(map(str, let_in)) == [*[str(avatar.id)] * 2, "None", "None", "None"]
    first = guests[let_in.index(avatar.id)]
    assert await store.standing(avatar.id, first.id) == Standing(met=True, invited=True)
    assert await store.use_invitation("nosuch", first.id, now=NOW) is None
    assert await store.invitations(avatar.id, now=NOW, limit=9) == ()
    assert await store.revoke_invitation(made.id, now=NOW) is False


async def test_who_is_invited_already_uses_nothing_up_and_time_ends_it(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    ben = await somebody(store, "5")
    made = await store.add_invitation(
        avatar.id, by=ann.id, code_hash="h", most_uses=2, now=NOW, expires_at=LATER
    )
    for person in (ben, ben, ann):  # Ann owns it
        assert await store.use_invitation("h", person.id, now=NOW) == avatar.id
    (left,) = await store.invitations(avatar.id, now=NOW, limit=9)
    assert (left.id, left.uses) == (made.id, 1)
    carl = await somebody(store, "6")
    assert await store.use_invitation("h", carl.id, now=LATER) is None
    assert await store.revoke_invitation(made.id, now=NOW) is True
    assert await store.use_invitation("h", carl.id, now=NOW) is None


async def test_blocks_and_what_is_seen(store: SqlStore, avatar: Avatar) -> None:
    ben = await somebody(store, "5")

    async def seen() -> list[str]:
        return [each.slug for each in await store.avatars(person_id=ben.id, limit=9)]

    assert await seen() == ["ani"]
    await store.meet(avatar.id, ben.id, now=NOW)
    await store.meet(avatar.id, ben.id, now=LATER)
    assert await store.block(avatar.id, ben.id, now=NOW) is True
    assert await store.block(avatar.id, ben.id, now=NOW) is False
    assert await seen() == []
    (known,) = await store.acquaintances(avatar.id, limit=9, offset=0)
    assert (known.person, known.blocked, known.met_at) == (ben, True, NOW)
    assert await store.unblock(avatar.id, ben.id) is True
    assert await store.unblock(avatar.id, ben.id) is False
    assert await seen() == ["ani"]
    assert await store.set_visibility(avatar.id, "private") is True
    assert await store.set_visibility(avatar.id, "private") is False
    assert await seen() == []


# --- one person


def test_every_table_that_names_a_person_follows_a_join_or_is_kept_as_written() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if any(key.column.table.name == "people" for key in column.foreign_keys)
    }
    moved = {f"{table.name}.person_id" for table in (*MOVED, *MERGED)}
    assert found == moved | set(KEPT_AS_WRITTEN)


async def guessed(store: SqlStore, code_hash: str, person: Person) -> LinkGuess:
    guess, _ = await store.guess_link(
        code_hash,
        person.id,
        now=NOW,
        since=NOW - timedelta(hours=1),
        most_own=3,
        most_all=5,
    )
    return guess


async def test_a_code_is_for_one_use_by_one_of_two_at_once(store: SqlStore, ann: Person) -> None:
    await store.add_link(ann.id, code_hash="old", expires_at=LATER)
    await store.add_link(ann.id, code_hash="new", expires_at=LATER)
    ben, carl = await somebody(store, "5"), await somebody(store, "6")
    assert await guessed(store, "old", ben) is LinkGuess.WRONG
    assert await guessed(store, "new", ann) is LinkGuess.OWN
    both = await asyncio.gather(guessed(store, "new", ben), guessed(store, "new", carl))
    assert sorted(both) == ["right", "wrong"]


async def test_guesses_are_limited(store: SqlStore, ann: Person) -> None:
    await store.add_link(ann.id, code_hash="x", expires_at=LATER)
    ben, carl, dan = [await somebody(store, str(n)) for n in (5, 6, 7)]
    done = await asyncio.gather(*(guessed(store, str(n), ben) for n in range(6)))
    assert sorted(done) == [*["too_many"] * 3, *["wrong"] * 3]
    assert await guessed(store, "x", ben) is LinkGuess.TOO_MANY  # not even the right one
    assert [await guessed(store, "1", carl) for _ in range(2)] == ["wrong", "wrong"]
    assert await guessed(store, "x", dan) is LinkGuess.TOO_MANY  # five of all together


async def test_joined_accounts_are_one_person_everywhere(
    store: SqlStore, avatar: Avatar, ann: Person
) -> None:
    ben = await somebody(store, "5")
    other = await store.add_avatar(
        slug="two", name="Two", provider="p", base_model="m", owner_id=ben.id, now=NOW
    )
    await store.add_owner(avatar.id, ben.id, by=ann.id, now=NOW)  # both own this one
    await odd_exchange(store, ann, 1)
    limits = Limits(person_cost_per_day=10)
    for person in (ann, ben):
        await store.settle(budgets(avatar, limits, person_id=person.id, now=NOW), 4)
    await store.block(other.id, ann.id, now=NOW)
    confirmation = await store.add_confirmation(
        action="forget", person_id=ben.id, now=NOW, expires_at=LATER
    )

    both = await asyncio.gather(store.unite(ann.id, ben.id), store.unite(ben.id, ann.id))
    assert set(both) == {ann.id}
    again = await somebody(store, "5")
    assert (again.id, again.platform) == (ann.id, "discord")
    assert await store.find_person("discord", "5") == again
    for each in (avatar, other):
        assert await store.is_owner(each.id, ann.id)
        assert [owner.id for owner in await store.owners(each.id)] == [ann.id]
    arrival = await store.arrival(
        Author(platform="discord", external_id="5", name="P5"), HOME, home=HOME, now=NOW
    )
    assert (arrival.person.id, arrival.standing.owns) == (ann.id, True)
    assert dict(await store.homes([ann.id])) == {ann.id: HOME}  # the only one there is
    assert (await store.standing(other.id, ann.id)).blocked
    assert await store.use_confirmation(confirmation.id, person_id=ann.id, now=NOW)
    spent = await store.filled(budgets(avatar, limits, person_id=ann.id, now=NOW))
    assert [each.cost for each in spent] == [8] * 6
    assert await store.count_messages(ann.id) == 2
    assert [each.platform for each in await store.known_as(ann.id)] == ["telegram", "discord"]

    assert dict(await store.part("discord", "5")) == {"discord": "5"}
    assert dict(await store.part("discord", "5")) == {}
    alone = await somebody(store, "5")
    assert alone.id == ben.id
    assert not await store.is_owner(other.id, ben.id)  # what they had together stays
    assert await store.is_owner(other.id, ann.id)


async def test_forgetting_is_about_all_accounts(store: SqlStore, avatar: Avatar) -> None:
    first = await store.person(a_message("0").author)
    ben = await somebody(store, "5")
    await store.unite(first.id, ben.id)
    said = replace(a_message("9"), author=Author(platform="discord", external_id="5", name="P5"))
    said = replace(said, address=replace(said.address, platform="discord"))
    await store.receive(said, a_message("10"), now=NOW)
    await store.meet(avatar.id, first.id, now=NOW)
    await store.forget(first.id, now=NOW)
    assert await store.unanswered(limit=9) == ()
    assert not (await store.standing(avatar.id, first.id)).met


async def test_the_first_one_parts_all(store: SqlStore) -> None:
    people = [await somebody(store, str(n), f"p{n}") for n in range(3)]
    await store.unite(people[2].id, people[1].id)
    assert await store.unite(people[0].id, people[2].id) == people[0].id
    assert len(await store.known_as(people[0].id)) == 3
    assert dict(await store.part("p0", "0")) == {"p1": "1", "p2": "2"}
    assert [len(await store.known_as(each.id)) for each in people] == [1, 1, 1]
