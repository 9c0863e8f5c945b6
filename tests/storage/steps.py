"""Short ways to versions, by the real path of the store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from avatar.chat_stores import Exchange, Part
from avatar.records import (
    Address,
    Avatar,
    Draft,
    Example,
    Finish,
    Message,
    Person,
    Role,
    Status,
    Turn,
    Usage,
    Version,
)
from avatar.stores import Store
from storage.store import SqlStore
from tests.avatar.make import NOW

HOME = Address(platform="telegram", chat="1", bot="9")
EXAMPLE = Example(
    turns=(Turn(role=Role.USER, text="Hi"), Turn(role=Role.ASSISTANT, text="Wah, hi lah!")),
    weights=(None, 1),
    tokens=12,
    source="a.jsonl line 1",
)


async def exchange(
    store: Store,
    person: Person,
    inbox_id: int,
    *,
    said: str = "hi",
    reply: str = "hello",
    said_at: datetime = NOW,
    now: datetime = NOW,
    address: Address = HOME,
    cost: int = 7,
    retry_of: int | None = None,
    parts: Sequence[Part] = (),
) -> Message | None:
    """What somebody said, and what was answered: as `add_exchange` returns it."""
    chat = await store.chat(address, now=now)
    context = await store.context(chat.id, limit=9)
    exchange = Exchange(
        chat_id=chat.id,
        avatar_id=context.avatar.id,
        person_id=person.id,
        said=said,
        said_at=said_at,
        reply=reply,
        pair=context.pair,
        usage=Usage(prompt_tokens=5, completion_tokens=2),
        cost=cost,
        finish=Finish.STOP,
        inbox_id=inbox_id,
        retry_of=retry_of,
        parts=parts,
    )
    return await store.add_exchange(exchange, now=now)


async def draft_of(
    store: SqlStore,
    avatar: Avatar,
    person: Person,
    examples: int = 3,
    *,
    example: Example = EXAMPLE,
) -> Draft:
    """A training that waits for a yes."""
    return await store.add_draft(
        avatar_id=avatar.id,
        person_id=person.id,
        source="a.jsonl",
        provider="embedded",
        base_model="imitator-1",
        tokens=12 * examples,
        epochs=3,
        warnings=("few",),
        examples=[example] * examples,
        now=NOW,
        expires_at=NOW + timedelta(days=1),
    )


async def begun(store: SqlStore, draft: Draft) -> Version | None:
    """The version that comes of it; None: it is no longer open."""
    return await store.start_draft(
        draft.id,
        note="",
        key=f"key-{draft.id}",
        estimated_tokens=3 * draft.tokens,
        estimated_cost=0,
        address=HOME,
        now=NOW,
    )


async def begin(
    store: SqlStore,
    avatar: Avatar,
    person: Person,
    examples: int = 3,
    *,
    example: Example = EXAMPLE,
) -> Version:
    """A version in training."""
    version = await begun(store, await draft_of(store, avatar, person, examples, example=example))
    assert version is not None
    return version


async def end(
    store: SqlStore, version: Version, status: Status = Status.COMPLETED, owner: str = "w"
) -> None:
    """End its training."""
    claimed = await store.claim_jobs(owner=owner, now=NOW, lease=timedelta(minutes=1), limit=100)
    job = next(job for job, claimed_version in claimed if claimed_version.id == version.id)
    model = "ft:imitator-1:local::x" if status is Status.COMPLETED else None
    assert await store.save_job(
        replace(job, ended_at=NOW),
        replace(version, status=status, fine_tuned_model_id=model, finished_at=NOW),
        owner=owner,
        release=True,
        now=NOW,
    )


async def a_model(store: SqlStore, avatar: Avatar, person: Person) -> Version:
    """A completed fine-tuned version."""
    version = await begin(store, avatar, person)
    await end(store, version)
    made = await store.version(version.id)
    assert made is not None
    return made


async def a_prompt(store: SqlStore, avatar: Avatar, person: Person, text: str = "P") -> Version:
    """A prompt version, active at once."""
    return await store.add_prompt(
        avatar_id=avatar.id, prompt=text, note="", person_id=person.id, now=NOW
    )
