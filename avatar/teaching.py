"""Teaching in the chat: a better answer to something the avatar said becomes an example."""

from dataclasses import replace
from datetime import datetime

from avatar import tokens
from avatar.dataset.reading import Reading
from avatar.errors import BadText, MessageNotFound
from avatar.language import tr
from avatar.records import Avatar, Example, Message, Person, Role, Taught, Turn
from avatar.stores import Store
from avatar.text import visible

TAUGHT = "what was taught in the chat"  # the source of such examples
CONTEXT = 6  # turns before the question that are kept with it
MAX_ANSWER = 4_000  # characters
MOST = 5_000  # taught answers in a training


class Teaching:
    """The use-cases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def teach(
        self,
        avatar: Avatar,
        reply: Message | None,
        better: str,
        *,
        person: Person,
        now: datetime,
        cause: int,
    ) -> Taught:
        """Keep a better answer to the question of a stored reply, with what was said before.

        Raises MessageNotFound and BadText.
        """
        if reply is None or not _is_reply(reply, avatar):
            raise MessageNotFound
        answer = visible(better).strip()
        if not answer:
            raise BadText(reason=tr("Write what it should have answered: /teach Wah, welcome lah!"))
        if len(answer) > MAX_ANSWER:
            raise BadText(
                reason=tr(
                    "An answer has up to {most:,} characters; this one has {length:,}.",
                    most=MAX_ANSWER,
                    length=len(answer),
                )
            )
        return await self._keep(reply, answer, person=person, now=now, cause=cause)

    async def like(
        self, avatar: Avatar, reply: Message, *, person: Person, now: datetime, cause: int
    ) -> Taught | None:
        """Keep a stored reply as it is, with what was said before. None: it is no reply of this
        avatar.
        """
        if not _is_reply(reply, avatar):
            return None
        return await self._keep(reply, reply.text, person=person, now=now, cause=cause, liked=True)

    async def _keep(
        self,
        reply: Message,
        better: str,
        *,
        person: Person,
        now: datetime,
        cause: int,
        liked: bool = False,
    ) -> Taught:
        *turns, _ = await self._store.before(reply.id, limit=CONTEXT)
        return await self._store.teach(
            avatar_id=reply.avatar_id,
            person_id=person.id,
            turns=[Turn(role=turn.role, text=turn.text) for turn in turns],
            better=better,
            worse=reply.text,
            now=now,
            cause=cause,
            reply_id=reply.id,
            liked=liked,
            people={turn.person_id for turn in turns if turn.person_id is not None},
        )

    async def unlike(self, reply: Message, *, person: Person) -> bool:
        """Take back what a person's thumbs-up made of a reply. False: it made nothing."""
        return await self._store.unlike(reply.id, person_id=person.id)

    async def pairs(self, avatar: Avatar) -> tuple[Example, ...]:
        """Everything that was taught as preference pairs, oldest first."""
        found = await self._store.taught(avatar.id, limit=MOST, offset=0)
        return tuple(pair_of(one) for one in reversed(found) if one.worse != one.better)

    async def reading(self, avatar: Avatar) -> Reading:
        """Everything that was taught, oldest first, as what a file would give; however few."""
        found = await self._store.taught(avatar.id, limit=MOST, offset=0)
        examples = tuple(map(example_of, reversed(found)))
        return Reading(source=TAUGHT, examples=examples, warnings=())


def _is_reply(message: Message, avatar: Avatar) -> bool:
    return message.role is Role.ASSISTANT and message.avatar_id == avatar.id


def example_of(taught: Taught) -> Example:
    """A taught answer as a training example."""
    turns = (*taught.turns, Turn(role=Role.ASSISTANT, text=taught.better))
    # What the avatar said before was its own answer, and not what it should learn.
    weights = tuple(
        None if turn.role is not Role.ASSISTANT else int(i == len(turns) - 1)
        for i, turn in enumerate(turns)
    )
    return Example(
        turns=turns,
        weights=weights,
        tokens=tokens.of_conversation([turn.text for turn in turns]),
        source=f"taught in the chat on {taught.created_at:%d %b %Y}",
    )


def pair_of(taught: Taught) -> Example:
    """A taught answer as a preference pair: the better answer and the one that was given."""
    example = example_of(taught)
    return replace(
        example,
        weights=tuple(None for _ in example.turns),
        tokens=example.tokens + tokens.estimate(taught.worse),
        rejected=taught.worse,
    )
