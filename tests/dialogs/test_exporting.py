"""An avatar as one file, and an avatar made of one, on every platform."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from avatar.exporting import Export, read, write
from avatar.providers import Providers, preset
from avatar.records import Address, Avatar, Role, Status, Turn
from tests.dialogs.stage import (
    Stage,
    TelegramStage,
    discord_stage,
    play,
    telegram_stage,
    terminal_stage,
)
from tests.standins import discord_api, telegram_api
from tests.standins.openai_host import OpenAIHost

TRAINED = [
    ("/prompt You are X.", "Version 1"),
    ("/prompt You are Y.", "Version 2"),
    ("(train)", "44 examples"),
    ("[Start training]", "is in training"),
    ("(wait)", "Deep Training completed"),
    ("/activate 3", "Active Now"),
    ("/delete 1", "Delete version 1"),
    ("[Delete version 1]", "is deleted"),
]


async def only(stage: Stage, slug: str = "demo") -> Avatar:
    avatar = await stage.desk.store.avatar_by_slug(slug)
    assert avatar is not None
    return avatar


async def exported(stage: Stage, slug: str = "demo") -> Export:
    return await stage.desk.exports.export(await only(stage, slug))


def comparable(export: Export) -> Export:
    """Without what is said of a model that is not here."""
    return replace(
        export, versions=tuple(replace(each, error=None) for each in export.versions), switches=()
    )


async def test_from_one_terminal_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with terminal_stage(tmp_path / "one") as stage:
        await play(stage, TRAINED)
        await play(
            stage,
            [
                ("/export", "2 versions, 44 examples, 0 taught answers & demo-export.zip"),
                # Where its model answers, it speaks on as it did.
                ("/import demo-export.zip", "Demo is there and yours & answer here too"),
                ("/history", "3 · ft:imitator-1 & Active Now & 2 · Prompt update"),
                ("Hello", "lah & Y."),
                ("/undo", "base model"),
                ("/prompt You are Z.", "Version 4"),
            ],
        )
        again = await exported(stage, "demo-2")
        assert [each.number for each in again.versions] == [2, 3, 4]
    file = tmp_path / "here" / "demo-export.zip"
    assert read(file).name == "Demo"
    async with terminal_stage(tmp_path / "other") as stage:
        await play(
            stage,
            [
                (f"/import {file}", "Their models are not here & version 3: 44 examples"),
                ("/history", "3 · Fine-tune of imitator-1 & Failed & Active Now"),
                ("Hello", "!lah & Y."),
                ("/activate 3", "its examples can be trained again"),
                ("/retrain 3", "44 examples"),
                ("[Start training]", "is in training"),
                ("(wait)", "Deep Training completed"),
                ("/activate 4", "Active Now"),
                ("Hello", "lah"),
            ],
        )
        versions = {each.number: each for each in (await exported(stage, "demo-2")).versions}
        assert versions[3].status is Status.FAILED


async def test_all_that_is_the_avatars_own(tmp_path: Path) -> None:
    """Its picture, voice and limits; what was liked; and that the number of a version that was
    deleted is not given again.
    """
    picture, file = tmp_path / "face.png", tmp_path / "export.zip"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    async with OpenAIHost() as host:
        provider = preset("openai", base_url=host.url, base_model="gpt-4o-mini")
        providers = Providers([provider], default="openai", base_model="gpt-4o-mini")
        async with terminal_stage(tmp_path, providers=providers) as stage:
            await play(
                stage,
                [
                    ("/prompt You are X.", "Version 1"),
                    ("/prompt You are Y.", "Version 2"),
                    ("/undo", "version 1"),
                    ("/delete 2", "Delete version 2"),
                    ("[Delete version 2]", "is deleted"),
                    (f"/picture {picture}", "This is the picture of"),
                    ("/voice nova", "by voice"),
                    ("/limits messages 7", "7 replies"),
                    ("/limits day 2.50", "$2.50"),
                    ("/limits month 10", "$10"),
                ],
            )
            avatar = await only(stage)
            await stage.desk.store.teach(
                avatar_id=avatar.id,
                person_id=1,
                turns=[Turn(role=Role.USER, text="Hello?")],
                better="Hello.",
                worse="Hello.",
                now=datetime.now(UTC),
                cause=1_000,
                liked=True,
                reply_id=1_000,
            )
            export = await exported(stage)
            file.write_bytes(write(export))
            await play(stage, [(f"/import {file}", "Demo is there and yours & !voice")])
            made = await only(stage, "demo-2")
            assert (made.voice, made.picture) == ("nova", avatar.picture)
            assert made.messages_per_minute == 7
            assert (made.cost_per_day, made.cost_per_month) == (2_500_000, 10_000_000)
            assert await stage.desk.store.picture(made.id) == export.picture is not None
            assert await exported(stage, "demo-2") == export
            assert [each.liked for each in export.lessons] == [True]
            await play(stage, [("/prompt You are Z.", "Version 3")])
    # Where nobody speaks.
    async with terminal_stage(tmp_path / "other") as stage:
        await play(
            stage, [(f"/import {file}", "the voice nova, which nobody has here & /voice chooses")]
        )
        made = await only(stage, "demo-2")
        assert (made.voice, made.picture) == (None, avatar.picture)


async def test_on_telegram(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as stage:
        await play(stage, [("/prompt You are X.", "Version 1"), ("/export", "1 version")])
        export = await exported(stage)
        assert "Demo is there and yours" in await _sent(stage, write(export))
        assert comparable(await exported(stage, "demo-2")) == comparable(export)
        assert "cannot be used" in await _sent(stage, b"PK\x05\x06" + b"\0" * 18)
        await play(stage, [("/import", "the file that /export made")])


async def _sent(stage: TelegramStage, content: bytes) -> str:
    document = telegram_api.Document(name="export.zip", content=content)
    return await stage.send("/import", document)


async def test_on_discord(tmp_path: Path) -> None:
    async with discord_stage(tmp_path) as stage:
        await play(stage, [("/prompt You are X.", "Version 1"), ("/export", "1 version")])
        export = await exported(stage)
        document = discord_api.Document(name="export.zip", content=write(export))
        assert "Demo is there and yours" in await stage.send("import", document)
        assert comparable(await exported(stage, "demo-2")) == comparable(export)


async def test_who_may(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=telegram_api.BEN)
        await play(ben, [("/start demo", "Demo"), ("/export", "no command /export")])
        assert "no command /import" in await _sent(ben, write(await exported(ann)))


async def test_in_a_group_of_somebody_else_it_does_not_speak(tmp_path: Path) -> None:
    """Who may make avatars does not run the group yet. A second answer makes no second avatar."""
    async with telegram_stage(tmp_path, anyone_creates=True) as ann:
        store, place = ann.desk.store, telegram_api.GROUP
        content = write(await exported(ann))
        ann.standin.say("/avatar demo", chat=place, user=telegram_api.ANN)
        document = telegram_api.Document(name="demo.zip", content=content)
        ann.standin.say("/import", chat=place, user=telegram_api.BEN, document=document)
        await ann.settled()
        assert "Demo is there and yours, and waits" in ann.standin.shown(place)[-1].text
        group = Address(platform="telegram", chat=str(place), bot=str(ann.standin.bot_id))
        now = ann.desk.clock()
        assert (await store.chat(group, now=now)).avatar_id == (await only(ann)).id

        ben = await store.find_person("telegram", str(telegram_api.BEN))
        assert ben is not None
        export, slugs = read_bytes(tmp_path, content), ("other", "other-2")
        made = [
            await ann.desk.exports.bring(
                export, slug=slug, person=ben, operator=False, now=now, cause=1_000
            )
            for slug in slugs
        ]
        assert made[0].avatar == made[1].avatar


def read_bytes(folder: Path, content: bytes) -> Export:
    file = folder / "export.zip"
    file.write_bytes(content)
    return read(file)
