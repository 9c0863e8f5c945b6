"""What comes in is put into the inbox, queued by address, checked, and handed to its handler.

Everything that a person may read when something goes wrong is decided here too.
"""

import asyncio
import logging
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from avatar import trace
from avatar.accounts import Way
from avatar.errors import (
    AvatarError,
    DeliveryError,
    NotAllowed,
    NotDelivered,
    VersionNotFound,
)
from avatar.meter import UNCOUNTED, Meter
from avatar.ports import Clock
from avatar.records import Avatar, Incoming, Person, Received
from avatar.stores import Store
from bot import wording
from bot.actions import Action, Verb, decode
from bot.commands import BY_NAME, Audience, Command
from bot.joining import Joiner, Windows
from bot.lanes import Lanes
from bot.request import Answer, CommandHandler, PressHandler, ReactionHandler, Request, Shown
from bot.screen import Content, Messenger

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3  # what could not be answered so often is put aside, so that it blocks nothing
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
        messengers: Mapping[str, Messenger],
        commands: Mapping[str, CommandHandler],
        presses: Mapping[Verb, PressHandler],
        chat: CommandHandler,
        ways: Mapping[Way, CommandHandler],
        reactions: ReactionHandler,
        permissions: Permissions,
        clock: Clock,
        windows: Windows | None = None,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
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
        self._lanes = Lanes()
        self._passing: set[asyncio.Task[None]] = set()

    async def receive(self, *incoming: Incoming) -> None:
        """Take something from a platform: when this returns it lies in the inbox."""
        for received in await self._store.receive(*incoming, now=self._clock()):
            if _passes(received.incoming):
                task = asyncio.create_task(self._attempt(received, None, tries=0))
                self._passing.add(task)
                task.add_done_callback(self._passing.discard)
            else:
                self._enqueue(received)

    async def resume(self, platforms: Collection[str]) -> None:
        """Queue what came from these platforms and was not answered when the process ended."""
        waiting = [
            received
            for received in await self._store.unanswered(limit=10_000)
            if received.incoming.address.platform in platforms
        ]
        for received in waiting:
            self._again(received.incoming, received.id)
        if waiting:
            log.info("%s messages were not answered when the last process ended", len(waiting))

    async def settled(self, incoming: Incoming) -> None:
        """Wait until everything that was received at its address is answered."""
        await self._lanes.settled(incoming.address)
        await self._passed()

    async def quiet(self) -> None:
        """Wait until nothing that was received is being answered, anywhere."""
        await self._lanes.quiet()
        await self._passed()

    async def _passed(self) -> None:
        """Wait for what passed the queue."""
        while self._passing:
            await asyncio.wait(set(self._passing))

    async def close(self, *, grace: float) -> None:
        """End within `grace` seconds; what is not answered by then stays in the inbox."""
        await self._lanes.close(grace=grace)
        for task in self._passing:
            task.cancel()

    def _enqueue(self, received: Received) -> None:
        async def work() -> None:
            if not self._joiner.is_taken(received.id):
                await self._begin(received)

        self._lanes.put(received.incoming.address, work)

    def _again(self, incoming: Incoming, inbox_id: int) -> None:
        async def work() -> None:
            await self._answer_again(inbox_id)

        self._lanes.put(incoming.address, work)

    async def _answer_again(self, inbox_id: int) -> None:
        """What an earlier process began and did not end."""
        taken = self._joiner.is_taken(inbox_id)
        received = None if taken else await self._store.begin(inbox_id)
        if received is None:
            return
        if received.attempts >= MAX_ATTEMPTS:
            log.error("message %s was begun %s times: put aside", inbox_id, received.attempts)
            await self._store.done(inbox_id, now=self._clock())
            return
        await self._begin(received)

    async def _begin(self, received: Received) -> None:
        """Answer it, together with what belongs to its turn."""
        try:
            received = await self._joiner.whole(received)
        except Exception:  # alone, then: somebody waits for it
            log.exception("it was not found what is one turn with message %s", received.id)
        await self._attempt(received, None, tries=0)

    async def _attempt(self, received: Received, answer: Answer, *, tries: int) -> None:
        """From here on until the person has the answer, every line of the log names the message."""
        with trace.about("m", received.id):
            platform = received.incoming.address.platform
            log.debug("taken from %s, try %s", platform, received.attempts + tries + 1)
            await self._try(received, answer, tries=tries)

    async def _try(self, received: Received, answer: Answer, *, tries: int) -> None:
        """Answer and show. A platform that does not take it now is tried again later: with the
        same answer where there is one, so that nothing is done twice.
        """
        incoming = received.incoming
        messenger = self._messengers[incoming.address.platform]
        try:
            if answer is None:
                answer = await self._answer_of(received, messenger)
            await _show(answer, incoming, messenger)
        except NotDelivered as error:
            log.warning("message %s: not delivered yet: %s", received.id, error.detail)
            self._meter.failed(error, where="chat")
            if tries < MAX_TRIES:
                delay = error.retry_after or RETRY_SECONDS * 2 ** min(tries, 5)
                self._try_later(delay, received, answer, tries + 1)
                return
        except DeliveryError as error:
            log.info("message %s: not wanted any more: %s", received.id, error.detail)
            self._meter.failed(error, where="chat")
        await self._store.done(*received.ids, now=self._clock())
        log.debug("answered")

    def _try_later(self, delay: float, received: Received, answer: Answer, tries: int) -> None:
        begun = replace(received, attempts=received.attempts + 1)  # what is stored is not asked for

        async def work() -> None:
            await self._attempt(begun, answer, tries=tries)

        self._lanes.put_later(delay, received.incoming.address, work)

    async def _answer_of(self, received: Received, messenger: Messenger) -> Answer:
        """What the handler answers, or the sentence for what went wrong. Raises DeliveryError
        from handlers that show things themselves.
        """
        try:
            return await self._find_answer(received, messenger)
        except DeliveryError:
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
        home = incoming.address if incoming.private else None
        arrival = await self._store.arrival(incoming.author, incoming.address, home=home, now=now)
        operator = self._permissions.is_operator(arrival.person)
        request = Request(
            inbox_id=received.id,
            incoming=incoming,
            parts=received.parts,
            again=received.attempts > 0,
            person=arrival.person,
            chat=arrival.chat,
            about=arrival.avatar,
            manages=arrival.avatar is not None and (operator or arrival.owns),
            operator=operator,
            creates=operator or self._permissions.anyone_creates,
            rest="",
            now=now,
            received_at=received.received_at,
            messenger=messenger,
        )
        if (other := self._ways.get(incoming.way)) is not None:
            return await other(request)
        if incoming.action is not None:
            return await self._press(request, decode(incoming.action))
        name, rest = split_command(incoming.text)
        # A command that was changed is not carried out again, and one of somebody else's that
        # was passed on not at all.
        if name is None or incoming.edited or incoming.forwarded is not None:
            return await self._chat(request)
        command = BY_NAME.get(name)
        if command is None or not may_use(command, request):
            return Content(text=wording.unknown_command(name))
        return await self._commands[name](replace(request, rest=rest))

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
        request = await self._judged(
            Request(
                inbox_id=received.id,
                incoming=incoming,
                parts=received.parts,
                again=received.attempts > 0,
                person=person,
                chat=await store.chat(found.address, now=self._clock()),
                about=await store.avatar(found.message.avatar_id),
                manages=False,
                operator=self._permissions.is_operator(person),
                creates=False,
                rest="",
                now=self._clock(),
                received_at=received.received_at,
                messenger=messenger,
            )
        )
        return await self._reactions(request, found) if request.manages else None

    async def _press(self, request: Request, action: Action) -> Answer:
        """Run a button. What it is about is found first, and the person checked against that."""
        subject = await self._subject(action)
        if subject is not None:
            request = await self._judged(replace(request, about=subject))
            if not request.manages:
                raise NotAllowed(avatar=subject.name)
        return await self._presses[action.verb](request, action.numbers)

    async def _subject(self, action: Action) -> Avatar | None:
        """The avatar whose owners alone may press this; None: a button for everyone, or one that
        was given to a single person and is checked against them by its handler.
        """
        match action.verb:
            case (
                Verb.BASE
                | Verb.UNDO
                | Verb.HISTORY
                | Verb.BASES
                | Verb.REBASE
                | Verb.TAUGHT
                | Verb.PREFER
                | Verb.LESSONS
                | Verb.LESSON_FILE
                | Verb.STOP_BOT
                | Verb.START_BOT
                | Verb.NO_PICTURE
            ):
                return await self._store.avatar(action.numbers[0])
            case (
                Verb.TRAIN
                | Verb.EPOCHS
                | Verb.DROP
                | Verb.WHERE
                | Verb.TARGET
                | Verb.OPTIONS
                | Verb.OPTION
                | Verb.LOOK
                | Verb.LEAVE
                | Verb.KINDS
                | Verb.KIND
                | Verb.REPORT
                | Verb.FLIGHT
                | Verb.ADD_TAUGHT
            ):
                draft = await self._store.draft(action.numbers[0])
                return None if draft is None else await self._store.avatar(draft.avatar_id)
            case Verb.SPEAKER | Verb.CHATS:
                about = await self._store.import_(action.numbers[0])
                return None if about is None else await self._store.avatar(about.avatar_id)
            case Verb.UNTEACH:
                taught = await self._store.taught_one(action.numbers[0])
                return None if taught is None else await self._store.avatar(taught.avatar_id)
            case (
                Verb.ACTIVATE
                | Verb.DEACTIVATE
                | Verb.DELETE
                | Verb.DELETE_MODEL
                | Verb.CANCEL
                | Verb.SHOW
                | Verb.PROMPT
                | Verb.RETRAIN
                | Verb.DATASET
                | Verb.UNLEARN
            ):
                version = await self._store.version(action.numbers[0])
                if version is None:
                    raise VersionNotFound(number="like that")
                return await self._store.avatar(version.avatar_id)
            case Verb.YES:  # what was asked about counts, also if ownership ended since
                confirmation = await self._store.confirmation(action.numbers[0])
                if confirmation is None:
                    return None
                return await self._subject(decode(confirmation.action))
            case Verb.NO | Verb.TALK | Verb.AVATARS | Verb.FORGET | Verb.STOP:
                return None

    async def _judged(self, request: Request) -> Request:
        """The request with what the person may do with the avatar it is about."""
        manages = request.about is not None and (
            request.operator or await self._store.is_owner(request.about.id, request.person.id)
        )
        return replace(request, manages=manages)


def may_use(command: Command, request: Request) -> bool:
    """Whether a command exists for this person, here."""
    platform = request.incoming.address.platform
    if command.platforms and platform not in command.platforms:
        return False
    match command.audience:
        case Audience.EVERYONE:
            return True
        case Audience.OWNERS:
            return request.manages
        case Audience.CREATORS:
            return request.creates


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


def _passes(incoming: Incoming) -> bool:
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
