"""A reply on its way: from what was said to the model, to the person, and to what is remembered."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from avatar.chat_stores import Part
from avatar.conversation import Reply
from avatar.incoming import Incoming
from avatar.patience import until_written
from avatar.records import Attachment, Message, Role
from avatar.saying import PICTURE, pointed_at, together, words
from avatar.text import visible
from bot.handlers.desk import Desk
from bot.pictures import data_urls
from bot.request import Request
from bot.screen import Button, Content, Cuttable, Speaker
from bot.watch import ReplyWatch


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What is answered."""

    text: str
    parts: Sequence[Part] = ()  # the platform's messages that it came in
    pictures: Sequence[Attachment] = ()
    wordless: bool = False  # it has nothing but its pictures
    retry_of: Message | None = None  # it was answered before, and is answered anew

    @classmethod
    def of(cls, turn: Sequence[Incoming]) -> "Said":
        """The messages of one turn."""
        texts = [words(each) for each in turn]
        return cls(
            text=together(texts),
            parts=[
                Part(platform_id=each.message_id, text=text if len(texts) > 1 else None)
                for each, text in zip(turn, texts, strict=True)
            ],
            pictures=pictures(turn),
            wordless=not any(each.text.strip() for each in turn),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Anew:
    """A question that was changed."""

    said: Said
    shown: Sequence[str]  # the platform's messages with the answer it had


async def said_anew(desk: Desk, request: Request) -> Anew | None:
    """The last question, where it is what was changed just now and says something else. None: what
    was changed stands further back, or says the same as before.
    """
    incoming, store = request.incoming, desk.store
    last = await store.newest(request.chat.id, Role.USER)
    known = () if last is None else await store.parts(last.id)
    if last is None or incoming.message_id not in {part.platform_id for part in known}:
        return None
    parts = [
        replace(part, text=words(incoming) if part.text is not None else None)
        if part.platform_id == incoming.message_id
        else part
        for part in known
    ]
    texts = [part.text for part in parts if part.text is not None]
    said = together(texts) if texts else words(incoming)
    # Killed between storing the new answer and showing it, the question says it already.
    stored = request.again and await store.reply_to_inbox(request.inbox_id) is not None
    if visible(said).strip() in {"", last.text} and not stored:
        return None
    return Anew(
        said=Said(text=said, parts=parts, pictures=pictures(request.parts), retry_of=last),
        shown=[part.platform_id for part in await store.shown_answer(last.id)],
    )


def pictures(turn: Sequence[Incoming]) -> list[Attachment]:
    """Those that came with the messages of one turn, or that these answer: "what is that?" is asked
    of a picture that somebody sent before.
    """
    return [
        file
        for each in turn
        for file in (*pointed_at(each.reply_to), *each.attachments)
        if file.kind == PICTURE
    ]


async def reply_to(
    desk: Desk,
    request: Request,
    said: Said,
    *,
    worded: Callable[[Reply], Content | None],
    stop: asyncio.Event,
    button: Button | None = None,
    in_place_of: Sequence[str] = (),
    rider: str = "",
    cuts: bool = False,
) -> Message | None:
    """Answer what was said; the reply, where one was stored and was not known to be shown before.
    `worded` is how it is shown; None: not at all. `button` is offered while it is written. It takes
    the place of the messages `in_place_of`. `cuts`: stopped, nothing more of it is said. Raises
    what `Conversation.reply` raises, and DeliveryError.
    """
    incoming, store = request.incoming, desk.store
    sight = request.messenger.open_sight(
        incoming.address,
        reply_to=request.parts[-1].message_id,
        private=incoming.private,
        stop=button,
        speaker=Speaker.of(request.avatar),
        in_place_of=in_place_of,
    )
    watch = ReplyWatch(
        desk.meter,
        platform=incoming.address.platform,
        since=request.received_at,
        clock=desk.clock,
    )
    try:
        reply = await desk.conversation.reply(
            chat_id=request.chat.id,
            person=request.person,
            text=said.text,
            said_at=incoming.sent_at,
            inbox_id=request.inbox_id,
            again=request.again,
            show=watch.seen(sight.show),
            stop=stop,
            retry_of=said.retry_of,
            parts=said.parts,
            pictures=partial(data_urls, request.messenger, incoming.address, said.pictures)
            if said.pictures
            else None,
            wordless=said.wordless,
            rider=rider,
        )
        if reply.again and reply.message is not None:
            if await store.was_shown(reply.message.id):
                return None  # the process died after that
            await store.showing(request.inbox_id, answer=None)
        # Also where it was whole when it was stopped: somebody else speaks there now.
        if cuts and stop.is_set() and isinstance(sight, Cuttable):
            await _cut(desk, request, sight, reply.message)
            watch.over(reply.finish)
            return None
        content = worded(reply)
        ids = () if content is None else await sight.finish(content)
        watch.over(reply.finish)
    finally:
        await sight.close()
    if reply.message is not None:
        await shown_as(desk, request, reply.message, ids)
    return reply.message


async def cut_short(desk: Desk, request: Request) -> None:
    """A reply that is owed and not wanted any more: nothing more of it is said, nor remembered."""
    reply = await desk.store.reply_to_inbox(request.inbox_id)
    # Where it may have arrived it is better remembered.
    if reply is None or request.shown is not False or await desk.store.was_shown(reply.id):
        return
    sight = request.messenger.open_sight(
        request.incoming.address,
        reply_to=request.parts[-1].message_id,
        private=request.incoming.private,
    )
    try:
        if isinstance(sight, Cuttable):
            await _cut(desk, request, sight, reply)
    finally:
        await sight.close()


async def _cut(desk: Desk, request: Request, sight: Cuttable, reply: Message | None) -> None:
    """What is remembered of it is what stands there."""
    left = await sight.cut()
    if reply is None:
        return
    text = "" if left is None else left.text
    await until_written(
        partial(desk.store.cut_short, reply.id, text=text, earlier_stands=left is None)
    )
    if left is not None and left.ids:
        await shown_as(desk, request, reply, left.ids)


async def shown_as(desk: Desk, request: Request, reply: Message, ids: Sequence[str]) -> None:
    """Written however long it takes: else the reply would be shown again."""
    await until_written(
        partial(desk.store.shown_as, reply.id, address=request.incoming.address, platform_ids=ids)
    )
