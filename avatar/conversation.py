"""Chatting: a person's message, the pair that answers it, and the reply.

The pair (active prompt, active model) is read once when a reply begins; a switch made while it
streams applies to the next one. No transaction is open while the model speaks. What the model
said is stored before it is shown as final, so that what was paid for is never asked for twice.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import cast

from avatar import pricing, tokens
from avatar.chat_stores import Context, Exchange, Part
from avatar.endings import gone_notices
from avatar.errors import (
    BadText,
    CannotSee,
    EmptyReply,
    MessageNotFound,
    ModelGone,
    NotOffered,
    ProviderError,
)
from avatar.language import tr
from avatar.limiter import Bill, Limiter
from avatar.limits import most_of_a_reply
from avatar.meter import UNCOUNTED, Meter
from avatar.patience import until_written
from avatar.ports import ChatModel, ChatRequest, Clock, Ended
from avatar.providers import Providers
from avatar.records import (
    Avatar,
    Finish,
    Message,
    Pair,
    Person,
    Role,
    Spent,
    TrainingType,
    Turn,
    Usage,
    Version,
)
from avatar.stores import Store
from avatar.text import visible

log = logging.getLogger(__name__)

HISTORY_TOKENS = 8_000  # what is remembered of a conversation, at most
SHARE = 4  # a reply may take up to one part in so many of what the model takes in all
TURNS_READ = 200

Show = Callable[[str], None]
# The pictures of a message as data: URLs, fetched when a model is asked that sees.
Pictures = Callable[[], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came of a message."""

    text: str
    finish: Finish
    message: Message | None  # as stored; None: it was stopped before a word came, or is forgotten
    again: bool = False  # it had been stored by an attempt that did not end
    unseen: bool = False  # the message had pictures, which the model cannot see


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One model's answer, before it is stored."""

    text: str
    finish: Finish
    usage: Usage
    cost: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One side of a comparison."""

    version: Version | None  # None: the base model
    model: str
    said: Said


def compose(
    prompt: str | None,
    turns: Sequence[Turn],
    said: str,
    *,
    context_tokens: int,
    reply_tokens: int,
    images: tuple[str, ...] = (),
) -> tuple[Turn, ...]:
    """What is sent to the model: prompt, as much of the conversation as fits, the message with
    its pictures.

    The oldest turns are the first to go, and never leave a reply without its question at the
    beginning. Raises BadText when the prompt and the message alone do not fit.
    """
    room = context_tokens - reply_tokens - tokens.CONVERSATION_TOKENS - _cost_of(said)
    room -= tokens.PICTURE_TOKENS * len(images)
    if prompt:
        room -= _cost_of(prompt)
    if room < 0:
        raise BadText(
            reason=tr(
                "That message is too long for the model (about {tokens:,} tokens of the {most:,} "
                "it takes with its prompt). Please send a shorter one.",
                tokens=tokens.estimate(said),
                most=context_tokens,
            )
        )
    room = min(room, HISTORY_TOKENS)
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= _cost_of(turn.text)
        if room < 0:
            break
        kept.append(turn)
    while kept and kept[-1].role is not Role.USER:
        kept.pop()
    system = (Turn(role=Role.SYSTEM, text=prompt),) if prompt else ()
    return (*system, *reversed(kept), Turn(role=Role.USER, text=said, images=images))


def _cost_of(text: str) -> int:
    return tokens.MESSAGE_TOKENS + tokens.estimate(text)


class Conversation:
    """The use-cases of chatting."""

    def __init__(
        self,
        store: Store,
        *,
        models: Mapping[str, ChatModel],
        providers: Providers,
        limiter: Limiter,
        clock: Clock,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
        self._limiter = limiter
        self._models = models
        self._providers = providers
        self._clock = clock
        self._meter = meter

    async def reply(
        self,
        *,
        chat_id: int,
        person: Person,
        text: str,
        said_at: datetime,
        inbox_id: int,
        again: bool,
        show: Show,
        stop: asyncio.Event,
        retry_of: Message | None = None,
        parts: Sequence[Part] = (),
        pictures: Pictures | None = None,
        wordless: bool = False,
        rider: str = "",
    ) -> Reply:
        """Answer a message. `show` gets the whole text so far with every piece; setting `stop`
        ends the reply and keeps what came. `again`: it was begun before, so there may be a reply.
        `parts` are the platform's messages that it came in; `wordless`: it has nothing but its
        pictures. `rider` is said to the model behind the prompt, whatever that is.

        Raises AvatarNotFound, BadText, TooFast, SpentUp, CannotSee, EmptyReply, ProviderError and
        what `pictures` raises; then nothing was stored.
        """
        if again and (stored := await self._store.reply_to_inbox(inbox_id)) is not None:
            finish = stored.finish or Finish.STOP
            return Reply(text=stored.text, finish=finish, message=stored, again=True)
        said = visible(text).strip()
        if not said:
            raise BadText(reason=tr("I received an empty message. Write something to me."))
        before = None if retry_of is None else retry_of.id
        context = await self._store.context(chat_id, limit=TURNS_READ, before=before)
        prompt, model = context.pair.prompt, context.pair.model
        pair = self._providers.pair(context.avatar, prompt=prompt, model=model)
        if model is not None and pair.model is None:
            log.warning("version %s: %s is not set up", model.number, model.provider)
            await self._tell_owners(context, model, why="not_set_up")
        now = self._clock()
        await self._limiter.keep_pace(context.avatar, person, now=now)
        images, unseen = await self._look(pair, pictures, wordless=wordless)
        asked = self._request(pair, context.turns, said, images, rider=rider)
        # A reply takes its time, and many are written at once: a long conversation is not kept
        # meanwhile.
        context = replace(context, turns=())
        async with self._limiter.spending(
            context.avatar, person=person, most=self._most(pair, asked), now=now
        ) as bill:
            try:
                answer = await self._ask(pair, asked, show=show, stop=stop)
            except ModelGone as gone:
                if pair.model is None:
                    raise
                log.warning("model of version %s is gone: %s", pair.model.number, gone.detail)
                await self._tell_owners(context, pair.model, why="gone")
                pair = self._providers.pair(context.avatar, prompt=prompt, model=None)
                images, unseen = await self._look(pair, pictures, wordless=wordless)
                known = await self._store.context(chat_id, limit=TURNS_READ, before=before)
                asked = self._request(pair, known.turns, said, images, rider=rider)
                answer = await self._ask(pair, asked, show=show, stop=stop)
            bill.cost = answer.cost
        if not answer.text:
            if answer.finish is Finish.STOPPED:
                return Reply(text="", finish=Finish.STOPPED, message=None)
            raise EmptyReply
        # What the model said was paid for: it is not asked again because the disk is full.
        message = await until_written(
            partial(
                self._store.add_exchange,
                Exchange(
                    chat_id=chat_id,
                    avatar_id=context.avatar.id,
                    person_id=person.id,
                    said=said,
                    said_at=said_at,
                    reply=answer.text,
                    pair=pair,
                    usage=answer.usage,
                    cost=answer.cost,
                    finish=answer.finish,
                    inbox_id=inbox_id,
                    retry_of=before,
                    parts=parts,
                ),
                now=self._clock(),
            )
        )
        return Reply(
            text=answer.text,
            finish=answer.finish,
            message=message,
            unseen=unseen,
        )

    async def _look(
        self, pair: Pair, pictures: Pictures | None, *, wordless: bool
    ) -> tuple[tuple[str, ...], bool]:
        """The pictures for a model, and whether there are some that it cannot see."""
        if pictures is None:
            return (), False
        if self._providers[pair.provider].sees_with(pair.model_name):
            return await pictures(), False
        if wordless:
            raise CannotSee
        return (), True

    async def last_said(self, chat_id: int) -> Message:
        """The message that /retry answers again. Raises BadText when there is none."""
        last = await self._store.newest(chat_id, Role.USER)
        if last is None:
            raise BadText(reason=tr("There is nothing to answer again in this conversation yet."))
        return last

    async def once(self, avatar: Avatar, text: str, *, person: Person) -> Said:
        """What the avatar says to a line that belongs to no conversation; only its cost is kept,
        also when it is cancelled.
        Raises BadText, TooFast, SpentUp, ModelGone and the other ProviderErrors.
        """
        said = visible(text).strip()
        if not said:
            raise BadText(reason=tr("Say what it should answer."))
        pair = self._providers.pair(
            avatar,
            prompt=await self._store.version(avatar.active_prompt_id),
            model=await self._store.version(avatar.active_model_id),
        )
        now = self._clock()
        await self._limiter.keep_pace(avatar, person, now=now)
        asked = self._request(pair, (), said, ())
        async with self._limiter.spending(
            avatar, person=person, most=self._most(pair, asked), now=now
        ) as bill:
            stop = asyncio.Event()
            asking = asyncio.create_task(
                self._ask(pair, asked, show=lambda _: None, stop=stop, kind="inline")
            )
            try:
                answer = await asyncio.shield(asking)
            except asyncio.CancelledError:
                # Nobody waits for it any more: what came until now was paid for.
                stop.set()
                with contextlib.suppress(ProviderError):
                    answer = await asking
                    bill.cost = answer.cost
                    await self._count(avatar, pair, answer, kind="inline")
                raise
            bill.cost = answer.cost
        await self._count(avatar, pair, answer, kind="inline")
        return answer

    async def compare(
        self, avatar: Avatar, sides: Sequence[Version | None], text: str, *, person: Person
    ) -> tuple[Compared, ...]:
        """The same message answered by several versions, side by side and without the
        conversation; what is active is not touched. A fine-tuned version answers with the active
        prompt, None is the base model with it, and a prompt version answers on the active model.

        Raises BadText, SpentUp and ProviderError (of the first that fails).
        """
        said = visible(text).strip()
        if not said:
            raise BadText(
                reason=tr("Say what they should answer: /compare 2 base How was your day?")
            )
        pairs = await self._pairs(avatar, sides)
        requests = [self._request(each, (), said, ()) for each in pairs]
        most = sum(map(self._most, pairs, requests))
        async with self._limiter.spending(
            avatar, person=person, most=most, now=self._clock()
        ) as bill:
            answers = await self._all(avatar, pairs, requests, bill)
        return tuple(
            Compared(version=side, model=each.model_name, said=answer)
            for side, each, answer in zip(sides, pairs, answers, strict=True)
        )

    async def _all(
        self,
        avatar: Avatar,
        pairs: Sequence[Pair],
        requests: Sequence[ChatRequest],
        bill: Bill,
    ) -> list[Said]:
        """Ask all of them at once, and count what was answered."""
        never = asyncio.Event()
        tasks = [
            asyncio.create_task(
                self._ask(pair, request, show=lambda _: None, stop=never, kind="compare")
            )
            for pair, request in zip(pairs, requests, strict=True)
        ]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            for pair, result in zip(pairs, done, strict=True):
                if isinstance(result, Said):  # also when the other side failed: it was paid for
                    bill.cost = (bill.cost or 0) + (result.cost or 0)
                    await self._count(avatar, pair, result)

    async def _pairs(self, avatar: Avatar, sides: Sequence[Version | None]) -> list[Pair]:
        """The active pair with one half exchanged, for each side: another model (None: the base
        model), or another prompt. Raises NotOffered for a model whose provider is not set up.
        """
        prompt = await self._store.version(avatar.active_prompt_id)
        model = await self._store.version(avatar.active_model_id)
        pairs = []
        for side in sides:
            if side is not None and side.training_type is TrainingType.PROMPT_UPDATE:
                pairs.append(self._providers.pair(avatar, prompt=side, model=model))
                continue
            pair = self._providers.pair(avatar, prompt=prompt, model=side)
            if pair.model != side and side is not None:
                raise NotOffered(
                    what=tr(
                        "version {number}: its provider ({provider}) is not set up.",
                        number=side.number,
                        provider=side.provider,
                    )
                )
            pairs.append(pair)
        return pairs

    async def what_gave(self, message: Message | None, avatar: Avatar) -> tuple[Message, Pair]:
        """Which pair gave a stored reply of an avatar. Raises MessageNotFound, also for one of
        another avatar, which spoke in the same chat: its owners may be others.
        """
        if message is None or message.role is not Role.ASSISTANT or message.avatar_id != avatar.id:
            raise MessageNotFound
        prompt = await self._store.version(message.prompt_version_id)
        model = await self._store.version(message.model_version_id)
        pair = Pair(
            prompt=prompt,
            model=model,
            provider=message.provider or "",
            model_name=message.model or "",
        )
        return message, pair

    async def _count(
        self, avatar: Avatar, pair: Pair, said: Said, *, kind: str = "compare"
    ) -> None:
        await self._store.add_spent(
            Spent(
                avatar_id=avatar.id,
                month=pricing.month_of(self._clock()),
                kind=kind,
                version_id=pair.model.id if pair.model else None,
                model=pair.model_name,
                prompt_tokens=said.usage.prompt_tokens,
                completion_tokens=said.usage.completion_tokens,
                cost=said.cost,
            )
        )

    async def _tell_owners(self, context: Context, version: Version, *, why: str) -> None:
        owners = await self._store.owners(context.avatar.id)
        homes = await self._store.homes([owner.id for owner in owners])
        await self._store.add_notices(gone_notices(version, homes, why=why), now=self._clock())

    def _request(
        self,
        pair: Pair,
        turns: Sequence[Turn],
        said: str,
        images: tuple[str, ...],
        *,
        rider: str = "",
    ) -> ChatRequest:
        """What a pair is asked. Raises BadText."""
        provider = self._providers[pair.provider]
        prompt = pair.prompt.prompt if pair.prompt else None
        if rider:
            prompt = f"{prompt}\n\n{rider}" if prompt else rider
        reply_tokens = min(provider.reply_tokens, provider.context_tokens // SHARE)
        return ChatRequest(
            model=pair.model_name,
            turns=compose(
                prompt,
                turns,
                said,
                context_tokens=provider.context_tokens,
                reply_tokens=reply_tokens,
                images=images,
            ),
            reply_tokens=reply_tokens,
            reasons=provider.reasons(pair.model_name),
        )

    def _most(self, pair: Pair, request: ChatRequest) -> int:
        """What an answer may cost at most, in micro-dollars."""
        return most_of_a_reply(
            self._providers.price(pair.provider, pair.model_name, at=self._clock()),
            prompt_tokens=_prompt_tokens(request),
            reply_tokens=request.reply_tokens,
        )

    async def _ask(
        self,
        pair: Pair,
        request: ChatRequest,
        *,
        show: Show,
        stop: asyncio.Event,
        kind: str = "chat",
    ) -> Said:
        text = ""
        ended: Ended | None = None

        async def listen() -> None:
            nonlocal text, ended
            stream = cast(
                "AsyncGenerator[str | Ended]", self._models[pair.provider].stream(request)
            )
            async with aclosing(stream):
                async for piece in stream:
                    if isinstance(piece, Ended):
                        ended = piece
                    else:
                        text += piece
                        show(text)

        await _until(listen, stop)
        finish = ended.finish if ended else Finish.STOPPED
        usage = (ended.usage if ended else None) or Usage(
            prompt_tokens=_prompt_tokens(request),
            completion_tokens=tokens.estimate(text) if text else 0,
            estimated=True,
        )
        price = self._providers.price(pair.provider, pair.model_name, at=self._clock())
        cost = pricing.reply_cost(price, usage)
        self._meter.spent(kind=kind, provider=pair.provider, usage=usage, cost=cost)
        return Said(text=text, finish=finish, usage=usage, cost=cost)


def _prompt_tokens(request: ChatRequest) -> int:
    pictures = sum(len(turn.images) for turn in request.turns)
    words = tokens.of_conversation([turn.text for turn in request.turns])
    return words + tokens.PICTURE_TOKENS * pictures


async def _until(work: Callable[[], Coroutine[None, None, None]], stop: asyncio.Event) -> None:
    """Run work to its end, or until `stop` is set: then it is cancelled, without an error."""
    worker = asyncio.ensure_future(work())
    stopper = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({worker, stopper}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopper.cancel()
        if not worker.done():
            worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(worker, stopper, return_exceptions=True)
    if not worker.cancelled():
        worker.result()
