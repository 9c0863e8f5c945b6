"""Bots of avatars and people's own accounts, on both databases."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from avatar.accounts import Hours, Way
from avatar.errors import Refused
from avatar.incoming import Incoming
from avatar.records import Address, Author, Avatar, Person
from storage.sealing import Sealer
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW

TOKEN = "700000001:" + "t" * 35


async def another(store: SqlStore, ann: Person, slug: str = "ben") -> Avatar:
    return await store.add_avatar(
        slug=slug, name="Ben", provider="embedded", base_model="m", owner_id=ann.id, now=NOW
    )


async def test_a_wish_becomes_a_bot(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    other = await another(store, ann)
    await store.ask_for_bot(other.id, platform="telegram", person_id=ann.id, now=NOW)
    later = NOW + timedelta(minutes=1)
    wish = await store.ask_for_bot(avatar.id, platform="telegram", person_id=ann.id, now=later)
    assert not wish.made
    assert await store.own_bots("telegram") == ()
    wishes = await store.asked_for_bots("telegram", ann.id, since=NOW)
    assert [each.avatar_id for each in wishes] == [avatar.id, other.id]
    assert await store.asked_for_bots("telegram", ann.id, since=later + timedelta(seconds=1)) == ()
    await store.keep_bot(wish.id, external_id="700000001", username="ani_bot", token=TOKEN)
    (made,) = await store.own_bots("telegram")
    assert (made.external_id, made.username, made.token) == ("700000001", "ani_bot", TOKEN)
    assert TOKEN not in repr(made)
    assert await store.own_bot(avatar.id, "telegram") == made
    assert await store.own_bot_by_id("telegram", "700000001") == made
    # Another wish changes nothing of a bot that is there.
    again = await store.ask_for_bot(avatar.id, platform="telegram", person_id=ann.id, now=NOW)
    assert again == made


async def test_the_token_is_nowhere_in_the_database(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    wish = await store.ask_for_bot(avatar.id, platform="telegram", person_id=ann.id, now=NOW)
    await store.keep_bot(wish.id, external_id="700000001", username="x", token=TOKEN)
    async with store._db.reading() as read:
        stored = (await read.execute(sa.text("SELECT token FROM bots"))).scalar_one()
    assert TOKEN[-20:] not in stored


async def test_a_key_is_changed(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/a.db"
    old, new = "o" * 32, "n" * 32
    async with open_store(url, sealer=Sealer([old])) as store:
        ann = await store.person(Author(platform="telegram", external_id="1", name="Ann"))
        avatar = await another(store, ann)
        wish = await store.ask_for_bot(avatar.id, platform="telegram", person_id=ann.id, now=NOW)
        await store.keep_bot(wish.id, external_id="7", username="x", token=TOKEN)
    async with open_store(url, sealer=Sealer([new])) as store:
        assert [bot.token for bot in await store.own_bots("telegram")] == [None]
        assert await store.reseal_bots() == 0
    async with open_store(url, sealer=Sealer([new, old])) as store:
        assert await store.reseal_bots() == 1
        assert await store.reseal_bots() == 0
    async with open_store(url, sealer=Sealer([new])) as store:
        assert [bot.token for bot in await store.own_bots("telegram")] == [TOKEN]


async def test_what_is_marked_and_stopped(store: SqlStore, ann: Person, avatar: Avatar) -> None:
    wish = await store.ask_for_bot(avatar.id, platform="telegram", person_id=ann.id, now=NOW)
    await store.keep_bot(wish.id, external_id="7", username="x", token=TOKEN)
    await store.mark_bot(wish.id, trouble="refused")
    await store.mark_bot(wish.id, dressed="abc")
    await store.stop_bot(wish.id, stopped_at=NOW)
    stopped = await store.own_bot(avatar.id, "telegram")
    assert stopped is not None
    assert (stopped.trouble, stopped.dressed, stopped.stopped_at) == ("", "abc", NOW)
    await store.mark_bot(wish.id, trouble="refused")
    await store.keep_bot(wish.id, external_id="7", username="x", token=TOKEN + "new")
    changed = await store.own_bot(avatar.id, "telegram")
    assert changed == replace(stopped, token=TOKEN + "new")


async def test_a_chat_with_its_bot_talks_to_that_avatar(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    other = await another(store, ann)
    wish = await store.ask_for_bot(other.id, platform="telegram", person_id=ann.id, now=NOW)
    await store.keep_bot(wish.id, external_id="7", username="x", token=TOKEN)
    usual = await store.chat(Address(platform="telegram", chat="1", bot="9"), now=NOW)
    bound = await store.chat(Address(platform="telegram", chat="1", bot="7"), now=NOW)
    assert (usual.avatar_id, bound.avatar_id) == (avatar.id, other.id)
    with pytest.raises(Refused, match="belongs to one avatar"):
        await store.talk_to(bound.id, avatar.id, now=NOW)
    await store.talk_to(bound.id, other.id, now=NOW)
    await store.talk_to(usual.id, other.id, now=NOW)


async def test_an_account_keeps_what_was_chosen(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    other = await another(store, ann)

    async def connect(connection: str, avatar_id: int, *, enabled: bool = True) -> None:
        await store.connect(
            platform="telegram",
            bot="9",
            connection=connection,
            person_id=ann.id,
            avatar_id=avatar_id,
            enabled=enabled,
            can_reply=True,
        )

    await connect("one", avatar.id)
    account = await store.account("telegram", "9", "one")
    assert account is not None
    assert (account.away, account.hours, account.strangers_only) == (True, None, False)
    hours = Hours(begins=60, ends=30, zone=480)
    await store.set_away(account.id, away=False, hours=hours, strangers_only=True)
    await store.set_honesty(account.id, "I am a machine.")
    await connect("two", other.id, enabled=False)
    assert await store.account("telegram", "9", "one") is None
    changed = await store.account_of("telegram", "9", ann.id)
    assert changed == replace(
        account,
        connection="two",
        enabled=False,
        away=False,
        hours=hours,
        strangers_only=True,
        honesty="I am a machine.",
    )
    await store.set_account_avatar(account.id, other.id)
    moved = await store.account("telegram", "9", "two")
    assert moved == replace(changed, avatar_id=other.id)


async def test_where_an_owner_wrote_is_forgotten_with_who_they_wrote_to(
    store: SqlStore, ann: Person, avatar: Avatar
) -> None:
    account = await store.connect(
        platform="telegram",
        bot="9",
        connection="one",
        person_id=ann.id,
        avatar_id=avatar.id,
        enabled=True,
        can_reply=True,
    )
    ben = await store.person(Author(platform="telegram", external_id="2", name="Ben"))
    assert await store.owner_wrote_at(account.id, "2") is None
    await store.owner_wrote(account.id, "2", now=NOW)
    await store.owner_wrote(account.id, "2", now=NOW + timedelta(hours=1))
    await store.owner_wrote(account.id, "3", now=NOW)
    assert await store.owner_wrote_at(account.id, "2") == NOW + timedelta(hours=1)
    await store.forget(ben.id, now=NOW)
    assert await store.owner_wrote_at(account.id, "2") is None
    assert await store.owner_wrote_at(account.id, "3") == NOW


async def test_what_waits_of_a_connection(store: SqlStore) -> None:
    said = Incoming(
        update_id="1",
        address=Address(platform="telegram", chat="2", thread="account:one", bot="9"),
        author=Author(platform="telegram", external_id="2", name="Ben"),
        message_id="1",
        sent_at=NOW,
        way=Way.ACCOUNT,
        facts={"connection": "one", "by": "other"},
    )
    others = [
        replace(said, update_id="2", facts={"connection": "two", "by": "other"}),
        replace(said, update_id="3", way=Way.CHAT, facts={}),
        replace(said, update_id="4", address=replace(said.address, bot="8")),
    ]
    received = await store.receive(said, *others, now=NOW)
    waiting = await store.waiting_of("telegram", "9", "one")
    assert [each.update_id for each in waiting] == ["1"]
    await store.done(*(each.id for each in received), now=NOW)
    assert await store.waiting_of("telegram", "9", "one") == ()
