"""What waits, counted."""

from dataclasses import replace
from datetime import timedelta

from avatar.incoming import Incoming
from avatar.records import Address, Author, Avatar, NewNotice, NoticeKind
from storage.store import SqlStore
from tests.avatar.make import NOW

ADDRESS = Address(platform="telegram", chat="1", bot="2")
SAID = Incoming(
    update_id="1",
    address=ADDRESS,
    author=Author(platform="telegram", external_id="1", name="Ann"),
    message_id="1",
    sent_at=NOW,
    text="hello",
)


async def test_an_empty_database(store: SqlStore) -> None:
    assert await store.alive()
    found = await store.tallies(now=NOW)
    assert (found.inbox_waiting, found.inbox_oldest) == (0, None)
    assert (found.notices_owed, found.notices_oldest) == (0, None)
    assert found.jobs == {}


async def test_what_waits_is_counted_and_what_is_done_is_not(
    store: SqlStore, avatar: Avatar
) -> None:
    said = [replace(SAID, update_id=str(n)) for n in range(3)]
    received = await store.receive(*said, now=NOW)
    await store.receive(replace(SAID, update_id="9"), now=NOW + timedelta(seconds=5))
    await store.done(received[0].id, now=NOW)
    notices = [
        NewNotice(kind=NoticeKind.MODEL_GONE, key=key, address=ADDRESS, avatar_id=avatar.id)
        for key in ("a", "b")
    ]
    await store.add_notices(notices, now=NOW)
    (first, _) = await store.claim_notices(owner="me", now=NOW, lease=timedelta(seconds=5), limit=9)
    await store.notice_delivered(first.id, now=NOW)
    found = await store.tallies(now=NOW + timedelta(seconds=8))
    assert (found.inbox_waiting, found.inbox_oldest) == (3, 8.0)
    assert (found.notices_owed, found.notices_oldest) == (1, 8.0)
    # A clock that went back is no negative age.
    assert (await store.tallies(now=NOW - timedelta(hours=1))).inbox_oldest == 0.0
