"""Who turns speech into text, at any host that offers it."""

from avatar.ports import Transcript
from avatar.records import Usage
from backends.client import Client


class OpenAITranscriber:
    """Fulfils `avatar.ports.Transcriber`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def transcribe(self, name: str, content: bytes, *, model: str) -> Transcript:
        """What a recording says."""
        async with self._client.using(model=model) as client:
            heard = await client.audio.transcriptions.create(
                model=model, file=(name, content), response_format="json"
            )
        usage = None
        counted = heard.usage
        if counted is not None and counted.type == "tokens":
            usage = Usage(
                prompt_tokens=counted.input_tokens, completion_tokens=counted.output_tokens
            )
        return Transcript(text=heard.text or "", usage=usage)
