"""Voice messages: what they say, and answers that are spoken."""

import re
from collections.abc import Mapping

from avatar import pricing, tokens
from avatar.errors import BadText, CannotHear, CannotSpeak
from avatar.language import tr
from avatar.limiter import Limiter
from avatar.limits import most_of_a_reply
from avatar.meter import UNCOUNTED, Meter
from avatar.ports import Clock, Speaker, Transcriber
from avatar.providers import Provider, Providers
from avatar.records import Avatar, Person, Spent, Usage
from avatar.stores import Store

MAX_SPOKEN = 4_000  # characters; providers take 4,096
# What a voice message costs is told afterwards. Until then it counts as the slowest sound that is
# still speech, 6 kbit/s, at 10 tokens a second: rather too much than too little.
BYTES_A_TOKEN = 75
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


def _asked(providers: Providers, avatar: Avatar) -> list[Provider]:
    return _beginning_with(providers, providers.base(avatar)[0])


def _beginning_with(providers: Providers, name: str) -> list[Provider]:
    first = providers[name]
    return [first, *(each for each in providers.values() if each is not first)]


def speaker_of(providers: Providers, avatar: Avatar) -> Provider | None:
    """Who would speak for an avatar."""
    return next((each for each in _asked(providers, avatar) if each.speaks is not None), None)


def has_voice(providers: Providers, name: str, voice: str) -> bool:
    """Whether a voice could speak for an avatar whose provider is of that name."""
    speaking = (each for each in _beginning_with(providers, name) if each.speaks is not None)
    speaker = next(speaking, None)
    return (
        speaker is not None
        and _NAME.fullmatch(voice) is not None
        and (not speaker.voices or voice in speaker.voices)
    )


class Voices:
    """The use-cases. Who hears and speaks is the avatar's provider where it offers that, else the
    first of the others that does.
    """

    def __init__(
        self,
        store: Store,
        *,
        providers: Providers,
        transcribers: Mapping[str, Transcriber],
        speakers: Mapping[str, Speaker],
        limiter: Limiter,
        clock: Clock,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
        self._providers = providers
        self._transcribers = transcribers
        self._speakers = speakers
        self._limiter = limiter
        self._clock = clock
        self._meter = meter

    async def transcribe(self, avatar: Avatar, name: str, content: bytes, *, person: Person) -> str:
        """What a voice message says. Raises CannotHear, BadText, TooFast, SpentUp and
        ProviderError.
        """
        for provider in _asked(self._providers, avatar):
            if provider.transcribes is None:
                continue
            model, now = provider.transcribes, self._clock()
            await self._limiter.keep_pace(avatar, person, now=now)
            length = 1 + len(content) // BYTES_A_TOKEN
            most = most_of_a_reply(
                self._providers.price(provider.name, model, at=now),
                prompt_tokens=length,
                reply_tokens=length,
            )
            async with self._limiter.spending(avatar, person=person, most=most, now=now) as bill:
                heard = await self._transcribers[provider.name].transcribe(
                    name, content, model=model
                )
                bill.cost = await self._count(avatar, provider, model, "transcription", heard.usage)
            if not heard.text.strip():
                raise BadText(
                    reason=tr("I heard no words in that. Please say it again, or write it.")
                )
            return heard.text.strip()
        raise CannotHear

    def speaker(self, avatar: Avatar) -> Provider:
        """Who speaks for it. Raises CannotSpeak."""
        speaker = speaker_of(self._providers, avatar)
        if speaker is None:
            raise CannotSpeak
        return speaker

    async def speak(self, avatar: Avatar, text: str) -> bytes:
        """A reply with the avatar's voice, Ogg with Opus; the end of a very long one is left out.
        Raises CannotSpeak and ProviderError.
        """
        provider = self.speaker(avatar)
        model = provider.speaks or ""
        said = text[:MAX_SPOKEN]
        sound = await self._speakers[provider.name].speak(
            said, model=model, voice=avatar.voice or ""
        )
        await self._count(avatar, provider, model, "speech", None, said)
        return sound

    async def choose(self, avatar: Avatar, word: str) -> str | None:
        """`on`, `off` or the name of a voice; what it is now. Raises CannotSpeak and BadText."""
        if word.lower() == "off":
            await self._store.set_voice(avatar.id, None)
            return None
        provider = self.speaker(avatar)
        if word.lower() == "on":
            voice = avatar.voice or (provider.voices[0] if provider.voices else "")
            if not voice:
                raise BadText(
                    reason=tr(
                        "Name one of the voices that {provider} has: /voice NAME",
                        provider=provider.called,
                    )
                )
        else:
            voice = word
            known = {each.lower(): each for each in provider.voices}
            if known:
                voice = known.get(word.lower(), "")
            if not _NAME.fullmatch(voice):
                raise _no_voice(word[:64], provider)
        await self._store.set_voice(avatar.id, voice)
        return voice

    async def _count(  # noqa: PLR0917
        self,
        avatar: Avatar,
        provider: Provider,
        model: str,
        kind: str,
        usage: Usage | None,
        said: str = "",
    ) -> int | None:
        """Account it: by the provider's tokens where it tells them; what it cost. What no price is
        known for has no cost, and speech is not billed by tokens that are told.
        """
        now = self._clock()
        price = self._providers.price(provider.name, model, at=now)
        cost = 0 if provider.free else None
        if usage is not None:
            cost = pricing.reply_cost(price, usage)
        counted = usage or Usage(
            prompt_tokens=tokens.estimate(said), completion_tokens=0, estimated=True
        )
        self._meter.spent(kind=kind, provider=provider.name, usage=counted, cost=cost)
        await self._store.add_spent(
            Spent(
                avatar_id=avatar.id,
                month=pricing.month_of(now),
                kind=kind,
                version_id=None,
                model=model,
                prompt_tokens=counted.prompt_tokens,
                completion_tokens=counted.completion_tokens,
                cost=cost,
            )
        )
        return cost


def _no_voice(name: str, provider: Provider) -> BadText:
    if not provider.voices:
        return BadText(
            reason=tr(
                "There is no voice {name} at {provider}.", name=name, provider=provider.called
            )
        )
    return BadText(
        reason=tr(
            "There is no voice {name} at {provider}. There are: {voices}.",
            name=name,
            provider=provider.called,
            voices=", ".join(provider.voices),
        )
    )
