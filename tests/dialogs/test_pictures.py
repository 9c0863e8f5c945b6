"""/picture: an avatar's face, and where it is seen."""

from pathlib import Path

from avatar.providers import Providers, preset
from tests.dialogs.stage import discord_stage, play, terminal_stage
from tests.standins.discord_api import ANN, BOT, CHANNEL, DiscordStandIn, Document
from tests.standins.openai_host import HEARD, OGG, OpenAIHost

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


async def test_a_picture_is_given_and_taken(tmp_path: Path) -> None:
    picture, text = tmp_path / "face.png", tmp_path / "face.txt"
    picture.write_bytes(PNG)
    text.write_text("no face")
    large = tmp_path / "large.png"
    large.write_bytes(PNG + b"\0" * 2_000_000)
    async with terminal_stage(tmp_path) as stage:
        await play(
            stage,
            [
                ("/picture", "has no picture yet. Send /picture together"),
                (f"/picture {text}", "That is no picture"),
                (f"/picture {large}", "larger than 2 MB"),
                (f"/picture {tmp_path / 'none.png'}", "no file"),
                (f"/picture {picture}", "This is the picture of"),
                ("/picture", "has a picture & Remove the picture"),
                ("[Remove the picture]", "has no picture any more"),
                ("/picture", "has no picture yet"),
            ],
        )


async def test_an_avatar_speaks_in_a_server_under_its_own_name(tmp_path: Path) -> None:
    standin = DiscordStandIn()
    standin.webhooks_granted = True
    async with OpenAIHost() as host:
        provider = preset("openai", base_url=host.url, base_model="gpt-4o-mini")
        providers = Providers([provider], default="openai", base_model="gpt-4o-mini")
        async with discord_stage(tmp_path, standin=standin, providers=providers) as ann:
            server = ann.elsewhere(user=ANN, channel=CHANNEL)
            await play(server, [("/voice on", "by voice")])
            voice = Document(name="v.ogg", content=OGG, content_type="audio/ogg")
            told = {**standin._stored(voice), "waveform": "AAAA", "duration_secs": 2.0}
            before = server._seen()
            standin.say(f"<@{BOT}>", channel=CHANNEL, attachments=[told])
            assert f"read <{HEARD}>" in await server._answer(before)
            said, spoken = standin.shown(CHANNEL)[-2:]
            assert (said.author, spoken.author, spoken.file) == ("Demo", "Demo", OGG)


async def test_it_is_seen_where_the_avatar_speaks_under_its_own_name(tmp_path: Path) -> None:
    standin = DiscordStandIn()
    standin.webhooks_granted = True
    async with discord_stage(tmp_path, standin=standin):
        standin.slash("picture", document=Document(name="face.png", content=PNG))
        await standin.until(lambda: "This is the picture of" in standin.shown()[-1].text)
        standin.say(f"<@{BOT}> Hello", channel=CHANNEL)
        await standin.until(lambda: bool(standin.shown(CHANNEL)))
        assert standin.shown(CHANNEL)[-1].author == "Demo"
        (body,) = standin.webhook_bodies.values()
        assert body["avatar"].startswith("data:image/png;base64,iVBOR")
