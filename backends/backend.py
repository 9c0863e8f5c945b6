"""One host: who answers and who trains there."""

from avatar.providers import Provider
from backends.chat import OpenAIChat
from backends.client import Client
from backends.moderation import OpenAIModerator
from backends.speech import OpenAISpeaker
from backends.trainer import OpenAITrainer
from backends.transcription import OpenAITranscriber


class Backend:
    """The ports of a provider over one client. Close it at the end."""

    def __init__(
        self, provider: Provider, *, api_key: str | None, base_url: str | None = None
    ) -> None:
        self._client = Client(api_key=api_key, base_url=base_url or provider.base_url)
        self.chat = OpenAIChat(self._client)
        self.moderator = OpenAIModerator(self._client) if provider.moderates else None
        self.transcriber = OpenAITranscriber(self._client)
        self.speaker = OpenAISpeaker(self._client)
        self.trainer = OpenAITrainer(
            self._client,
            hyperparameters=provider.hyperparameters,
            extra_body=provider.extra_body,
        )

    async def warm_up(self) -> None:
        """Import and make what the first call would otherwise wait for."""
        await self._client.warm_up()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
