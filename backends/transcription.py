"""Who turns speech into text, at any host that offers it."""

from avatar.ports import Transcript
from avatar.records import Usage
from backends import remote
from backends.client import Client


class OpenAITranscriber:
    """Fulfils `avatar.ports.Transcriber`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def transcribe(self, name: str, content: bytes, *, model: str) -> Transcript:
        """What a recording says."""
        async with self._client.using(model=model, sent=len(content)) as client:
            raw = await client.audio.transcriptions.with_raw_response.create(
                model=model, file=(name, content), response_format="json"
            )
        heard = remote.object_in(raw.text)
        return Transcript(text=remote.text_in(heard.get("text")), usage=_usage(heard.get("usage")))


def _usage(told: object) -> Usage | None:
    """Tokens; None where a host counts seconds, or says nothing."""
    if not isinstance(told, dict):
        return None
    heard = remote.count_in(told.get("input_tokens"))
    said = remote.count_in(told.get("output_tokens"))
    if heard is None or said is None:
        return None
    return Usage(prompt_tokens=heard, completion_tokens=said)
