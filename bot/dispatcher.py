"""What lies in the inbox is checked and handed to its handler, and what that answers is shown.

Everything that a person may read when something goes wrong is decided here too.
"""

import logging
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from avatar import trace
from avatar.access import Access, Standing, access
from avatar.accounts import Way
from avatar.errors import (
    AvatarError,
    DeliveryError,
    NotAdministering,
    NotAllowed,
    NotDelivered,
    StoreFailed,
)
from avatar.incoming import Incoming, Received
from avatar.language import speak, speaking
from avatar.meter import UNCOUNTED, Meter
from avatar.patience import until_written
from avatar.ports import Clock
from avatar.quiet import is_quiet
from avatar.records import Address, Avatar, Chat, Person
from avatar.stores import Store
from avatar.work import WorkQueue
from bot import answers, doors, wording
from bot.actions import Action, BadAction, Verb, decode
from bot.cards import places
from bot.commands import BY_NAME, Audience, Command
from bot.doors import OF_BUTTONS, About
from bot.joining import Joiner, Windows
from bot.overhearing import Ears
from bot.request import Answer, CommandHandler, PressHandler, ReactionHandler, Request, Shown
from bot.screen import Content, Messenger

log = logging.getLogger(__name__)

_RUN = frozenset({Audience.PLACES, Audience.HOSTS})

# What was begun so often and never ended is put aside, so that it blocks nothing: the process may
# have died of it. Mostly it was killed for other reasons, so that it is not given up soon.
MAX_ATTEMPTS = 8
_WAITING = 1_000  # messages of one address that are looked at
RETRY_SECONDS = 15.0  # the first wait for a platform that does not take an answer
MAX_TRIES = 100  # with the longest wait of 8 minutes: about half a day
# These pass the queue: they concern the reply that the queue waits for.
_PASSING_COMMANDS = frozenset({"stop"})
_PASSING_VERBS = frozenset({Verb.STOP})


@dataclass(frozen=True, kw_only=True, slots=True)
class Permissions:
    """Who may do what, beyond what the store knows of owners."""

    operators: frozenset[tuple[str, str]]  # (platform, their id there)
    anyone_creates: bool

    def is_operator(self, person: Person) -> bool:
        return (person.platform, person.external_id) in self.operators


class Dispatcher:
    """The middle of the bot: one way in for all platforms."""

    def __init__(
        self,
        store: Store,
        *,
        queue: WorkQueue,
        messengers: Mapping[str, Messenger],
        commands: Mapping[str, CommandHandler],
        presses: Mapping[Verb, PressHandler],
        chat: CommandHandler,
        ways: Mapping[Way, CommandHandler],
        reactions: ReactionHandler,
        permissions: Permissions,
        clock: Clock,
        ears: Ears | None = None,
        windows: Windows | None = None,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
        self._queue = queue
        self._messengers = messengers
        self._commands = commands
        self._presses = presses
        self._chat = chat
        self._ways = ways
        self._reactions = reactions
        self._permissions = permissions
        self._clock = clock
        self._joiner = Joiner(store, clock=clock, windows=windows or Windows())
        self._meter = meter
        self._ears = ears or Ears(store, clock=clock, windows=windows)

    async def receive(self, *incoming: Incoming) -> None:
        """Take something from a platform: when this returns it lies in the inbox, if it is to be
        answered.
        """
        await self._queue.put(*await self._ears.kept(incoming))

    async def resume(self, platforms: Collection[str]) -> None:
        """Answer what comes from these platforms, and what came and was not answered yet."""
        await self._queue.serve(platforms, self._handle)

    async def settled(self, incoming: Incoming) -> None:
        """Wait until everything that was received at its address is answered."""
        await self._queue.settled(incoming.address)

    async def quiet(self) -> None:
        """Wait until nothing that was received is being answered, anywhere."""
        await self._queue.quiet()

    async def close(self, *, grace: float) -> None:
        """End within `grace` seconds; what is not answered by then stays in the inbox."""
        await self._queue.close(grace=grace)

    async def _handle(self, received: Received, tries: int) -> float | None:
        """From here on until the person has the answer, every line of the log names the message."""
        if self._joiner.is_taken(received.id):
            return None
        with trace.about("m", received.id):
            platform = received.incoming.address.platform
            log.debug("taken from %s, try %s", platform, received.attempts + tries + 1)
            return await self._try(received, tries)

    async def _try(self, received: Received, tries: int) -> float | None:
        """Answer and show. A platform that does not take it now is tried again later: with the
        same answer where there is one, so that nothing is done twice. Raises StoreFailed.
        """
        if received.attempts >= MAX_ATTEMPTS:
            log.error("message %s was begun %s times: put aside", received.id, received.attempts)
            await self._put_aside(received)
            return None
        if received.incoming.follows:  # too late for the turn that it seemed to belong to
            await self._done(received)
            return None
        whole = await self._whole(received, again=tries > 0)
        if whole is None:
            return None  # they wished to be forgotten meanwhile
        received = whole
        messenger = self._messengers[received.incoming.address.platform]
        try:
            with speaking(""):
                await self._answer_and_show(received, messenger)
        except NotDelivered as error:
            log.warning("message %s: not delivered yet: %s", received.id, error.detail)
            self._meter.failed(error, where="chat")
            if tries < MAX_TRIES:
                await self._store.put_off(received.id, perhaps=error.perhaps)
                return error.retry_after or RETRY_SECONDS * 2 ** min(tries, 5)
        except DeliveryError as error:
            log.info("message %s: not wanted any more: %s", received.id, error.detail)
            self._meter.failed(error, where="chat")
        await self._done(received)
        return None

    async def _put_aside(self, received: Received) -> None:
        """It is done with before a word is said about it: that may be what goes wrong. Who wrote it
        is told, unless they may have seen an answer, or expect none.
        """
        await self._done(received)
        incoming = received.incoming
        expected = incoming.private or incoming.addressed
        if received.shown or not expected or incoming.reaction or incoming.way is not Way.CHAT:
            return
        with speaking(""), suppress(DeliveryError):
            speak(await self._store.language(incoming.address))
            messenger = self._messengers[incoming.address.platform]
            await _show(Content(text=wording.unexpected(trace.current())), incoming, messenger)

    async def _done(self, received: Received) -> None:
        """Written however long it takes: else it would be answered again."""
        await until_written(lambda: self._store.done(*received.ids, now=self._clock()))
        log.debug("answered")

    async def _whole(self, received: Received, *, again: bool) -> Received | None:
        """The message as it lies in the inbox now, with what belongs to its turn. What has an
        answer already was answered together with the same ones as then.
        """
        found = await self._store.received(received.id) if again else received
        if found is None:
            return None
        if found.shown is None:
            try:
                return await self._joiner.whole(found)
            except StoreFailed:
                raise
            except Exception:  # alone, then: somebody waits for it
                log.exception("it was not found what is one turn with message %s", found.id)
                return found
        return replace(found, more=await self._store.joined(found.id))

    async def _answer_and_show(self, received: Received, messenger: Messenger) -> None:
        """An answer is written down before it is shown: what may have arrived when the process
        died is shown once more, and says so.
        """
        answer = answers.decoded(received.answer)
        if answer is None:
            answer = await self._answer_of(received, messenger)
            if answer is None:
                return
        else:
            speak(await self._store.language(received.incoming.address))
        marked = answers.marked(answer) if received.shown else answer
        await self._store.showing(received.id, answer=answers.encoded(answer))
        await _show(marked, received.incoming, messenger)

    async def _answer_of(self, received: Received, messenger: Messenger) -> Answer:
        """What the handler answers, or the sentence for what went wrong. Raises DeliveryError
        from handlers that show things themselves.
        """
        try:
            return await self._find_answer(received, messenger)
        except (DeliveryError, StoreFailed):
            raise
        except AvatarError as error:
            self._meter.failed(error, where="chat")
            if error.detail:
                log.warning("%s: %s", type(error).__name__, error.detail)
            return Content(text=wording.sentence(error))
        except Exception as error:
            self._meter.failed(error, where="chat")
            log.exception("unexpected error")
            return Content(text=wording.unexpected(trace.current()))

    async def _find_answer(self, received: Received, messenger: Messenger) -> Answer:
        incoming, now = received.incoming, self._clock()
        if incoming.reaction is not None:
            return await self._react(received, messenger)
        if incoming.way is Way.DELETED:  # nobody is met by that, and nobody answered
            await self._unsay(incoming.address, incoming.facts["messages"].split())
            return None
        if incoming.way is Way.MOVED:
            await self._store.move(incoming.address, was=incoming.facts["was"])
            return None
        home, language = (incoming.address, incoming.language) if incoming.private else (None, "")
        arrival = await self._store.arrival(
            incoming.author, incoming.address, home=home, now=now, language=language
        )
        speak(arrival.chat.language)
        request = self._request(
            received, arrival.person, arrival.chat, messenger=messenger, now=now
        )
        if arrival.avatar is not None:
            request = judged(request, arrival.avatar, arrival.standing)
        if (other := self._ways.get(incoming.way)) is not None:
            return await other(request)
        if incoming.action is not None:
            return await self._press(request, decode(incoming.action))
        name, rest = split_command(incoming.text)
        # A command that was changed is not carried out again, and one of somebody else's that
        # was passed on not at all.
        if name is None or incoming.edited or incoming.forwarded is not None:
            return await self._talk(request)
        command = BY_NAME.get(name)
        if command is None or not may_use(command, request):
            return Content(text=wording.unknown_command(name))
        if command.audience in _RUN and not await administers(self._store, request):
            raise NotAdministering
        return await self._commands[name](replace(request, rest=rest))

    async def _unsay(self, address: Address, message_ids: Sequence[str]) -> None:
        """Forget messages that were deleted. What could not be answered yet is not any more: first,
        so that it is not remembered again in between.
        """
        waiting = await self._store.waiting(address, limit=_WAITING)
        gone = [each.id for each in waiting if each.incoming.message_id in message_ids]
        await self._store.done(*gone, now=self._clock())
        await self._store.unsay(address, message_ids)

    def _request(
        self,
        received: Received,
        person: Person,
        chat: Chat,
        *,
        messenger: Messenger,
        now: datetime,
    ) -> Request:
        """About no avatar yet."""
        operator = self._permissions.is_operator(person)
        return Request(
            inbox_id=received.id,
            incoming=received.incoming,
            parts=received.parts,
            again=received.attempts > 0 or received.shown is not None,
            shown=received.shown,
            person=person,
            chat=chat,
            about=None,
            manages=False,
            operator=operator,
            creates=operator or self._permissions.anyone_creates,
            rest="",
            now=now,
            received_at=received.received_at,
            messenger=messenger,
        )

    async def _talk(self, request: Request) -> Answer:
        """What is no command. In quiet hours of a place nothing is said there, and who said
        something to nobody in particular is not bothered with what went wrong.
        """
        incoming = request.incoming
        if not incoming.private and is_quiet(request.chat.quiet, request.now):
            return None
        if not incoming.private and request.unseen:
            tells = incoming.addressed and await self._store.tell_private(request.chat.id)
            return places.private_now() if tells else None
        if incoming.addressed:
            return await self._chat(request)
        if request.about is None:
            return None
        try:
            return await self._chat(request)
        except DeliveryError:
            raise
        except AvatarError as error:
            log.info("nothing was said in %s unasked: %s", incoming.address, error)
            return None

    async def _react(self, received: Received, messenger: Messenger) -> Answer:
        """A thumb under one of our messages. It counts from owners of the avatar whose reply that
        is; others are not answered, and nothing is kept of them.
        """
        incoming, store = received.incoming, self._store
        found = await store.found(incoming.address, incoming.message_id)
        author = incoming.author
        person = await store.find_person(author.platform, author.external_id)
        if found is None or person is None:
            return None
        now = self._clock()
        chat = await store.chat(found.address, now=now)
        speak(chat.language)
        avatar = await store.avatar(found.message.avatar_id)
        request = self._request(received, person, chat, messenger=messenger, now=now)
        request = judged(request, avatar, await store.standing(avatar.id, person.id))
        return await self._reactions(request, found) if request.manages else None

    async def _press(self, request: Request, action: Action) -> Answer:
        """Run a button. What it is about is found first, and the person checked against that."""
        door, handler = OF_BUTTONS[action.verb], self._presses.get(action.verb)
        if handler is None:  # asked about and confirmed, never pressed
            raise BadAction
        subject = await doors.subject(self._store, action)
        if subject is not None:
            standing = await self._store.standing(subject.id, request.person.id)
            request = judged(request, subject, standing)
        if door.audience is Audience.OWNERS and not request.manages:
            if subject is not None and request.about is not None:
                raise NotAllowed(avatar=subject.name)
            if subject is not None or door.about is not About.QUESTION:
                raise doors.missing(door.about, action.numbers[0])
        return await handler(request, action.numbers)


async def administers(store: Store, request: Request) -> bool:
    """Whether the person runs the place where they ask: the platform says so, or they have the
    role that was named there. Who runs the installation always does.
    """
    incoming = request.incoming
    if request.operator or await request.messenger.administers(incoming):
        return True
    return bool(incoming.roles) and await store.manager_role(incoming.address) in incoming.roles


def judged(request: Request, avatar: Avatar, standing: Standing) -> Request:
    """The request as one about an avatar, as far as the person is let in to it."""
    # Others choose it too as long as it is public; when it is made private, that ends there.
    brought = request.chat.brought and request.chat.avatar_id == avatar.id
    in_group = brought and not request.incoming.private
    let_in = access(avatar, standing, operator=request.operator, in_group=in_group)
    return replace(
        request,
        about=avatar if let_in is Access.WELCOME else None,
        barred=avatar.name if let_in is Access.BLOCKED else "",
        unseen=let_in is Access.UNSEEN,
        manages=request.operator or standing.owns,
        met=standing.met,
    )


def may_use(command: Command, request: Request) -> bool:
    """Whether a command exists for this person, here."""
    incoming = request.incoming
    if not command.exists_on(incoming.address.platform):
        return False
    match command.audience:
        case Audience.EVERYONE | Audience.HOSTS:
            return True
        case Audience.OWNERS:
            return request.manages
        case Audience.CREATORS:
            return request.creates
        case Audience.PLACES:  # groups; the terminal stands for one, too
            return not incoming.private or incoming.address.platform == "terminal"


def split_command(text: str) -> tuple[str | None, str]:
    """`/prompt You are…` as ("prompt", "You are…"); (None, text) when it is not a command.

    Only a slash, a letter and word characters make a command: "/", "/ 5" and "/usr/bin" are talk.
    """
    stripped = text.lstrip()
    if not stripped.startswith("/"):
        return None, text
    head, _, rest = stripped.partition(next((c for c in stripped if c.isspace()), "\n"))
    name = unicodedata.normalize("NFKC", head[1:]).lower()
    if not (name.isascii() and name[:1].isalpha() and name.replace("_", "").isalnum()):
        return None, text
    return name, rest.strip()


def passes(incoming: Incoming) -> bool:
    """Whether it waits for nothing that came before it."""
    if incoming.way is not Way.CHAT:
        # Whoever takes over in their own chat is not to wait for the reply that they interrupt.
        return incoming.way is Way.ACCOUNT and incoming.facts.get("by") == "owner"
    if incoming.action is not None:
        return incoming.action in {verb.value for verb in _PASSING_VERBS}
    if incoming.edited or incoming.forwarded is not None:
        return False
    return split_command(incoming.text)[0] in _PASSING_COMMANDS


async def _show(answer: Answer, incoming: Incoming, messenger: Messenger) -> None:
    match answer:
        case None:
            return
        case Shown(content=content, in_place=True) if incoming.action is not None:
            await messenger.edit(incoming.address, incoming.message_id, content)
        case Shown(content=content) | (Content() as content):
            await messenger.send(incoming.address, content, reply_to=incoming.message_id)
