"""Who turns text into speech, at any host that offers it."""

from backends.client import Client


class OpenAISpeaker:
    """Fulfils `avatar.ports.Speaker`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def speak(self, text: str, *, model: str, voice: str) -> bytes:
        """The words as sound. It is paid for, and not asked for again by itself."""
        async with self._client.using(model=model) as client:
            spoken = await client.with_options(max_retries=0).audio.speech.create(
                model=model, voice=voice, input=text, response_format="opus"
            )
            return await spoken.aread()
