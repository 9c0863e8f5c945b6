"""What a platform may ask while somebody is still typing: completions, and what a form begins with.

Who may not manage an avatar is offered nothing of it. Whoever asks for the first time is known from
then on, as by a command.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from avatar.language import speaking, tr
from avatar.ports import Clock
from avatar.providers import Providers
from avatar.quiet import zones
from avatar.records import Address, Author, Avatar, Person, Status, TrainingType, Version
from avatar.stores import Arrival, Store
from avatar.versions import badge
from avatar.voices import speaker_of
from bot.commands import COMMANDS, Audience, Command, Kind, Parameter
from bot.dispatcher import Permissions
from bot.wording import badge_words, version_name

LOOKED_AT = 100  # the newest versions, or the first avatars


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One way to complete what is being typed."""

    value: str
    label: str  # what it is; empty: the value says it


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What somebody finds who is about to write a long text."""

    title: str
    text: str = ""  # stands there already
    hint: str = ""  # where nothing does


_OF_VERSIONS: Mapping[Kind, TrainingType | None] = {
    Kind.VERSION: None,
    Kind.VERSION_OR_BASE: None,
    Kind.PROMPT_VERSION: TrainingType.PROMPT_UPDATE,
    Kind.TRAINING: TrainingType.FINE_TUNE,
}


async def offers(
    store: Store,
    parameter: Parameter,
    *,
    avatar: Avatar | None,
    person_id: int | None,
    platform: str,
    providers: Providers,
) -> tuple[Offer, ...]:
    """Everything that a parameter can be, newest versions first. `avatar` is the one that the
    person manages, if any; `person_id` None sees all avatars.
    """
    if parameter.words:
        return tuple(Offer(value=word, label="") for word in parameter.words)
    kind = parameter.kind
    match kind:
        case Kind.AVATAR:
            found = await store.avatars(person_id=person_id, limit=LOOKED_AT)
            return tuple(Offer(value=each.slug, label=each.name) for each in found)
        case Kind.COMMAND:
            return tuple(
                Offer(value=command.name, label=tr(command.help))
                for command in COMMANDS
                if command.exists_on(platform)
                and (avatar is not None or command.audience is not Audience.OWNERS)
            )
        case Kind.ZONE:
            return tuple(Offer(value=zone, label="") for zone in zones())
    if avatar is None:
        return ()
    match kind:
        case Kind.PERSON:
            met = await store.acquaintances(avatar.id, limit=LOOKED_AT, offset=0)
            return tuple(_person(each.person, blocked=each.blocked) for each in met)
        case Kind.VOICE:
            speaker = speaker_of(providers, avatar)
            voices = () if speaker is None else ("on", *speaker.voices)
            return tuple(Offer(value=voice, label="") for voice in (*voices, "off"))
    if kind not in _OF_VERSIONS:
        return ()
    versions = await store.history(avatar.id, limit=LOOKED_AT, offset=0)
    base = (
        (Offer(value="base", label=tr("the base model")),) if kind is Kind.VERSION_OR_BASE else ()
    )
    return (*base, *(_of(version, avatar) for version in versions if _fits(version, kind)))


def fitting(found: Sequence[Offer], typed: str) -> tuple[Offer, ...]:
    """Those that fit what is typed: the beginning of a value first, then a part of either."""
    sought = typed.strip().lower()
    begin = [offer for offer in found if offer.value.lower().startswith(sought)]
    hold = [o for o in found if o not in begin and sought in f"{o.value} {o.label}".lower()]
    return (*begin, *hold)


def _person(person: Person, *, blocked: bool) -> Offer:
    label = tr("{name} (blocked)", name=person.name) if blocked else person.name
    return Offer(value=f"{person.platform}:{person.external_id}", label=label)


def _fits(version: Version, kind: Kind) -> bool:
    wanted = _OF_VERSIONS[kind]
    return (wanted is None or version.training_type is wanted) and (
        kind is not Kind.TRAINING or version.status is Status.TRAINING
    )


def _of(version: Version, avatar: Avatar) -> Offer:
    label = f"{version_name(version)} {badge_words(badge(version, avatar))}"
    return Offer(value=str(version.number), label=label)


class Completion:
    """The same for a person in a chat."""

    def __init__(
        self, store: Store, *, permissions: Permissions, providers: Providers, clock: Clock
    ) -> None:
        self._store = store
        self._permissions = permissions
        self._providers = providers
        self._clock = clock

    async def offers(
        self, parameter: Parameter, typed: str, *, author: Author, address: Address
    ) -> tuple[Offer, ...]:
        """Those that fit what is typed, in the language of the chat."""
        arrival, avatar = await self._judged(author, address)
        all_ = self._permissions.is_operator(arrival.person)
        with speaking(arrival.chat.language):
            found = await offers(
                self._store,
                parameter,
                avatar=avatar,
                person_id=None if all_ else arrival.person.id,
                platform=address.platform,
                providers=self._providers,
            )
        return fitting(found, typed)

    async def form(self, command: Command, *, author: Author, address: Address) -> Form | None:
        """For the text that `command` takes. None: there is no form for this person here."""
        arrival, avatar = await self._judged(author, address)
        if command.name != "prompt" or avatar is None:
            return None
        version = await self._store.version(avatar.active_prompt_id)
        with speaking(arrival.chat.language):
            return _prompt_form(avatar, None if version is None else version.prompt)

    async def language(self, address: Address) -> str:
        """The tag of the language that is spoken there; "": it is not known."""
        return await self._store.language(address)

    async def _judged(self, author: Author, address: Address) -> tuple[Arrival, Avatar | None]:
        """Who asks where, and the avatar of the chat if they manage it."""
        arrival = await self._store.arrival(author, address, home=None, now=self._clock())
        manages = self._permissions.is_operator(arrival.person) or arrival.standing.owns
        return arrival, arrival.avatar if manages else None


def _prompt_form(avatar: Avatar, prompt: str | None) -> Form:
    title = tr("Prompt of {avatar}", avatar=avatar.name)
    if prompt:
        return Form(title=title, text=prompt)
    hint = tr(
        "{avatar} has no active prompt. Example: You are a friendly guide to Ipoh.",
        avatar=avatar.name,
    )
    return Form(title=title, hint=hint)
