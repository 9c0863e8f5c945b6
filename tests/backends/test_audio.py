"""Speech into text and back, at a scripted host."""

import pytest

from avatar.errors import Overloaded, ProviderUnavailable, RequestRefused
from avatar.ports import Transcript
from avatar.records import Usage
from backends.backend import Backend
from tests.backends.standin import Answer, Standin, refused, said

TOKENS = {"type": "tokens", "input_tokens": 30, "output_tokens": 7, "total_tokens": 37}


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (TOKENS, Usage(prompt_tokens=30, completion_tokens=7)),
        ({"type": "duration", "seconds": 3.0}, None),
        (None, None),
    ],
)
async def test_what_a_recording_says(
    host: Standin, backend: Backend, told: object, usage: Usage | None
) -> None:
    host.will(said({"text": "Hello", "usage": told}))
    heard = await backend.transcriber.transcribe("voice.ogg", b"OggS", model="m")
    assert heard == Transcript(text="Hello", usage=usage)
    (request,) = host.requests
    assert request.path == "/v1/audio/transcriptions"
    assert b'filename="voice.ogg"' in request.body and b"OggS" in request.body


@pytest.mark.parametrize("told", [5, "many", {"type": "tokens"}, {"input_tokens": -1}])
async def test_a_host_that_counts_oddly(host: Standin, backend: Backend, told: object) -> None:
    host.will(said({"text": "Hello", "usage": told}))
    heard = await backend.transcriber.transcribe("voice.ogg", b"OggS", model="m")
    assert heard == Transcript(text="Hello", usage=None)


async def test_an_answer_that_is_no_object(host: Standin, backend: Backend) -> None:
    host.will(Answer(headers={"content-type": "text/plain"}, parts=[b"Hello"]))
    with pytest.raises(ProviderUnavailable):
        await backend.transcriber.transcribe("voice.ogg", b"OggS", model="m")


async def test_a_recording_that_is_refused(host: Standin, backend: Backend) -> None:
    host.will(refused(400, "Invalid file format"))
    with pytest.raises(RequestRefused, match="Invalid file format"):
        await backend.transcriber.transcribe("voice.ogg", b"x", model="m")


async def test_speech(host: Standin, backend: Backend) -> None:
    sound = Answer(headers={"content-type": "audio/ogg"}, parts=[b"Ogg", b"S"])
    host.will(sound)
    assert await backend.speaker.speak("Hello", model="m", voice="coral") == b"OggS"
    (request,) = host.requests
    assert request.path == "/v1/audio/speech"
    assert request.json == {
        "model": "m",
        "voice": "coral",
        "input": "Hello",
        "response_format": "opus",
    }


async def test_speech_is_never_paid_for_twice(host: Standin, backend: Backend) -> None:
    host.will(refused(500), refused(429, retry_after="1"), refused(400, "no such voice"))
    with pytest.raises(ProviderUnavailable):
        await backend.speaker.speak("Hello", model="m", voice="coral")
    with pytest.raises(Overloaded):
        await backend.speaker.speak("Hello", model="m", voice="coral")
    with pytest.raises(RequestRefused, match="no such voice"):
        await backend.speaker.speak("Hello", model="m", voice="coral")
    assert len(host.requests) == 3
