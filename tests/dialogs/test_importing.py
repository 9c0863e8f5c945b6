"""From a person's chats to a trained avatar, and teaching in the chat."""

import asyncio
import json
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from avatar.dataset.export import Export
from avatar.dataset.watch import Watch
from bot.handlers import reading
from storage.tables import training_examples
from tests.dialogs.stage import (
    DiscordStage,
    Stage,
    TelegramStage,
    TerminalStage,
    play,
    terminal_stage,
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the terminal puts files."""
    monkeypatch.chdir(tmp_path)


def whatsapp(file: Path, *, days: int = 30) -> Path:
    """A chat of Ann and Mei, a conversation a day."""
    lines = []
    for day in range(1, days + 1):
        asked = f"What shall we eat on day {day}, Mei?"
        lines.append(f"{day:02}/09/2026, 12:00 - Ann: {asked}")
        answer = f"Wah, day {day} must eat nasi lemak number {day} lah!"
        lines.append(f"{day:02}/09/2026, 12:01 - Mei: {answer}")
        lines.append(f"{day:02}/09/2026, 12:02 - Mei: Call me at +60 12-345 6789")
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def telegram_account(file: Path, *, more: int = 0, owner: bool = True) -> Path:
    """Two chats of one account, or more; which may say whose it is."""

    def chat(number: int, name: str) -> dict[str, object]:
        messages = []
        for i in range(40):
            for offset, (speaker, id_) in enumerate(((name, f"user{number}"), ("Mei", "user1"))):
                messages.append(
                    {
                        "type": "message",
                        "id": i * 2 + offset,
                        "date": "2026-09-20T10:00:00",
                        "date_unixtime": str(1_790_000_000 + i * 90_000 + offset * 60),
                        "from": speaker,
                        "from_id": id_,
                        "text": f"{speaker} says {i} today",
                    }
                )
        return {"name": name, "type": "personal_chat", "id": number, "messages": messages}

    data: dict[str, object] = {
        **({"personal_information": {"user_id": 1, "first_name": "Mei"}} if owner else {}),
        "chats": {
            "list": [
                chat(7, "Ann"),
                chat(8, "Ben"),
                *(chat(number, f"Friend {number}") for number in range(10, 10 + more)),
            ]
        },
    }
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


async def test_from_a_chat_to_an_avatar(stage: Stage, tmp_path: Path) -> None:
    shown = await stage.train(whatsapp(tmp_path / "chat.txt"))
    assert "WhatsApp export" in shown
    assert "90 messages in 1 chat" in shown
    assert "Who is the avatar to learn from?" in shown
    await play(
        stage,
        [
            ("[Mei (60)]", "27 examples & 90 messages: & PHONE & no guarantee & Start it?"),
            ("[Look at the examples]", "Example 1 of 27 & What shall we eat & [PHONE]"),
            ("[Next »]", "Example 2 of 27"),
            (
                "[Leave this one out]",
                "Example 2 of 26",
            ),
            ("[Done]", "26 examples & 3 left out by you: in examples one by one & Start it?"),
            ("[Options]", "Mask numbers, addresses, cards: on & Held out: a tenth"),
            ("[Held out: a tenth]", "30 examples now & Held out: none"),
            ("[Mask numbers, addresses, cards: on]", "cards: off"),
            ("[Done]", "30 examples & !PHONE & Start it?"),
            ("[Report]", "All 30 examples as a file"),
        ],
    )
    await play(
        stage,
        [
            ("/history", "no versions yet"),
        ],
    )
    await stage.train(tmp_path / "chat.txt")
    await play(
        stage,
        [
            ("[Mei (60)]", "Start it?"),
            ("[Start training]", "in training"),
            ("(wait)", "Deep Training completed"),
            ("/activate 1", "Active Now"),
            ("What shall we eat on day 7, Mei?", "nasi lemak"),
            ("/version 1", "27 examples from chat.txt"),
            ("/dataset 1", "The 27 examples of version 1"),
            ("/dataset 9", "There is no version 9"),
        ],
    )


def two_languages(file: Path) -> Path:
    """A chat in English and German, with a telephone number in some of it."""
    lines = []
    for day in range(1, 31):
        lines.append(f"{day:02}/09/2026, 12:00 - Ann: And on day {day}?")
        answer = (
            f"I think that it is day {day} and that we call +60 12-345 6789"
            if day % 2
            else f"ich glaube dass es der Tag {day} ist und wir nicht mehr"
        )
        lines.append(f"{day:02}/09/2026, 12:01 - Mei: {answer}")
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


async def test_a_whole_kind_is_left_out(stage: Stage, tmp_path: Path) -> None:
    await stage.train(two_languages(tmp_path / "chat.txt"))
    await play(
        stage,
        [
            ("[Mei (30)]", "27 examples & too few to count on & an estimate & Start it?"),
            ("[Look at the examples]", "Example 1 of 27 & Leave out by kind"),
            (
                "[Leave out by kind]",
                "27 examples & Leave out: in German (13) & Leave out: with masked data (14)",
            ),
            ("[Leave out: in German (13)]", "14 examples & Left out: in German"),
            ("[Done]", "14 examples & examples in German (13) & by you: in examples in German"),
            ("[Look at the examples]", "Example 1 of 14 & I think"),
            ("[Leave out by kind]", "Take in again: in German (13)"),
            ("[Take in again: in German (13)]", "27 examples & !Left out"),
            ("[Done]", "27 examples & !by you & Start it?"),
        ],
    )


async def test_it_is_told_how_far_a_large_file_is(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of any size counts as large here."""
    monkeypatch.setattr(reading, "LARGE", 0)
    monkeypatch.setattr(reading, "PATIENCE", 0)
    monkeypatch.setattr(reading, "EVERY", 0.001)
    shown = await stage.train(whatsapp(tmp_path / "chat.txt"))
    # One message, edited in place; a pipe shows only its beginning.
    told = "Fetching" if isinstance(stage, TerminalStage) else "chat.txt was looked at: 90"
    assert told in shown
    assert "Who is the avatar to learn from?" in shown
    await play(stage, [("[Mei (60)]", "27 examples & Start it?")])


def _all_shown(stage: Stage) -> str:
    if isinstance(stage, TerminalStage):
        return stage._out.getvalue()
    assert isinstance(stage, TelegramStage | DiscordStage)
    return "\n".join(stage._seen().values())


@pytest.mark.parametrize("how", ["[Stop]", "/stop"])
async def test_the_reading_of_a_file_is_stopped(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """One that would never end."""

    def endless(export: Export, watch: Watch) -> None:
        watch.messages, done = 7, 0
        while True:
            time.sleep(0.001)
            done += 1_000_000
            watch.at(min(done, 8_000_000), 9_000_000)

    monkeypatch.setattr(Export, "overview", endless)
    monkeypatch.setattr(reading, "LARGE", 0)
    monkeypatch.setattr(reading, "EVERY", 0.001)
    training = asyncio.create_task(stage.train(whatsapp(tmp_path / "chat.txt")))
    told = "[1] Stop" if isinstance(stage, TerminalStage) else "8 of 9 MB, 7 messages so far"
    async with asyncio.timeout(20):
        while told not in _all_shown(stage):
            await asyncio.sleep(0.01)
    await play(stage, [(how, "Stopped: nothing of chat.txt was kept")])
    await training
    monkeypatch.undo()
    if not isinstance(stage, TerminalStage):
        assert "chat.txt was not read to its end" in _all_shown(stage)
    await play(stage, [("/stop", "no file is being read")])
    monkeypatch.chdir(tmp_path)
    assert "Who is the avatar to learn from?" in await stage.train(tmp_path / "chat.txt")


async def test_several_chats_are_asked_about(stage: Stage, tmp_path: Path) -> None:
    shown = await stage.train(telegram_account(tmp_path / "result.json"))
    assert "Telegram export" in shown
    assert "From which chats?" in shown  # the file says whose it is
    await play(
        stage,
        [
            ("[☐ Ann (80)]", "☑ Ann (80) & ☐ Ben (80) & Go on with 1 chat"),
            ("[☐ Ben (80)]", "☑ Ann (80) & ☑ Ben (80) & Go on with 2 chats"),
            ("[☑ Ben (80)]", "☑ Ann (80) & ☐ Ben (80) & Go on with 1 chat"),
            ("[Go on with 1 chat]", "80 left out: in chats that were not chosen & Start it?"),
            ("[Cancel]", "Nothing was started"),
        ],
    )
    await stage.train(tmp_path / "result.json")
    await play(stage, [("[All 2 chats]", "!not chosen & Start it?")])


async def test_the_file_is_not_fetched_between_two_questions(stage: Stage, tmp_path: Path) -> None:
    file = telegram_account(tmp_path / "result.json", owner=False)
    assert "Who is the avatar to learn from?" in await stage.train(file)
    away = file.rename(tmp_path / "away.json")
    await play(stage, [("[Mei (80)]", "From which chats?")])
    away.rename(file)
    await play(stage, [("[All 2 chats]", "160 messages: & Start it?")])


async def test_many_chats_are_paged_and_marks_stay(stage: Stage, tmp_path: Path) -> None:
    shown = await stage.train(telegram_account(tmp_path / "result.json", more=12))
    assert "1,120 messages in 14 chats" in shown
    await play(
        stage,
        [
            ("[☐ Ben (80)]", "All 14 chats & Go on with 1 chat & !Friend 18 & !« Back"),
            (
                "[More »]",
                "☐ Friend 18 (80) & Marked: Ben & !Ben (80) & !More » & Go on with 1",
            ),
            ("[☐ Friend 21 (80)]", "☑ Friend 21 (80) & Go on with 2 chats"),
            ("[« Back]", "☐ Ann (80) & ☑ Ben (80) & Go on with 2 chats"),
            ("[Go on with 2 chats]", "960 left out: in chats that were not chosen & Start it?"),
        ],
    )


async def test_everybody_who_speaks_can_be_chosen(stage: Stage, tmp_path: Path) -> None:
    lines = []
    for day in range(1, 29):
        lines.append(f"{day:02}/09/2026, 12:00 - Ann: What of day {day}?")
        lines.append(f"{day:02}/09/2026, 12:01 - Mei: Wah, day {day} lah!")
    lines += [f"29/09/2026, 12:{n:02} - Guest {n:02}: hi" for n in range(25)]
    (tmp_path / "chat.txt").write_text("\n".join(lines), encoding="utf-8")
    shown = await stage.train(tmp_path / "chat.txt")
    assert "Ann (28)" in shown
    await play(
        stage,
        [
            ("[More »]", "Guest 08 (1) & Guest 17 (1) & !Guest 18"),
            ("[More »]", "Guest 18 (1) & Guest 24 (1) & !More »"),
            ("[« Back]", "Guest 08 (1)"),
            ("[« Back]", "Ann (28) & !« Back"),
            ("[More »]", "Guest 08 (1)"),
            ("[« Back]", "Ann (28)"),
            ("[Mei (28)]", "Languages of the replies: & characters or more & Start it?"),
        ],
    )


async def test_a_broken_export_is_a_sentence(stage: Stage, tmp_path: Path) -> None:
    whole = telegram_account(tmp_path / "result.json").read_bytes()
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) // 2])
    shown = await stage.train(tmp_path / "cut.json")
    assert "cannot be trained on" in shown
    (tmp_path / "image.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 99)
    shown = await stage.train(tmp_path / "image.jsonl")
    assert "cannot be trained on" in shown


async def test_teaching_in_the_chat(tmp_path: Path) -> None:
    async with terminal_stage(tmp_path) as stage:
        await play(stage, [("/examples", "Nothing was taught yet"), ("/teach Wah", "no record")])
        for number in range(10):
            await play(
                stage,
                [
                    (f"What is number {number}?", "?"),
                    (f"/teach Number {number} is very shiok lah", f"{number + 1} answer"),
                ],
            )
        await play(
            stage,
            [
                ("/teach", "Write what it should have answered"),
                ("/examples", "10 answers & Number 9 is very shiok lah & instead of & Older"),
                ("[Older »]", "Number 0 is very shiok lah"),
                ("[As a file]", "10 taught answers in OpenAI's format & demo-taught.jsonl"),
                ("/train", "10 answers taught in the chat & Train on the 10 taught answers"),
                (
                    "[Train on the 10 taught answers]",
                    "10 examples & too few to count on & Start it?",
                ),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/activate 1", "Active Now"),
                ("/new", "new conversation"),
                ("What is number 3?", "Number 3 is very shiok lah"),
                ("/examples", "10 answers"),
                ("[Delete 10]", "Deleted"),
                ("/retrain 1", "10 examples from version 1 & Add 9 taught answers"),
                ("[Add 9 taught answers]", "19 examples & Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/version 2", "19 examples & examples of version 1"),
            ],
        )
        file = (tmp_path / "demo-taught.jsonl").read_text(encoding="utf-8")
        assert len(file.splitlines()) == 10
        assert all("shiok" in line for line in file.splitlines())


async def test_a_person_is_taken_out_of_the_examples(stage: Stage, tmp_path: Path) -> None:
    await stage.train(telegram_account(tmp_path / "result.json"))
    await play(
        stage,
        [
            ("[All 2 chats]", "Start it?"),
            ("[Start training]", "in training"),
            ("(wait)", "completed"),
            ("/unlearn x", "Name the person"),
            ("/unlearn Zoe", "No stored example of Demo holds the name Zoe"),
            ("/unlearn ben", "ben is in the stored examples & version 1: 40 of 80 examples"),
            ("[Remove 40 from version 1]", "40 examples with ben removed & Train Again"),
            ("/unlearn Ben", "No stored example"),
            ("/version 1", "Examples were removed on & still knows them"),
            ("/history", "knows what was unlearnt"),
            ("/retrain 1", "from version 1 & Start it?"),
        ],
    )


async def test_who_is_in_what_was_taught_is_unlearnt_too(stage: Stage) -> None:
    """And who is only in examples that were held out, when none is left to train on."""
    await play(
        stage,
        [
            ("Hello", "talk about"),
            ("/teach Mei says hello!", "Kept"),
            ("/teach Wah, welcome!", "Kept"),
            ("/unlearn Mei", "Mei is in the stored examples & what was taught in the chat: 1"),
            ("[Remove 1 from what was taught]", "1 taught answer with Mei removed"),
            ("/unlearn Mei", "No stored example"),
            ("/examples", "welcome & !Mei"),
        ],
    )
    await play(
        stage,
        [("(train)", "44 examples"), ("[Start training]", "training"), ("(wait)", "completed")],
    )
    store, now = stage.desk.store, stage.desk.clock()
    await store.remove_examples(1, range(100), now=now)
    async with store._db.writing() as write:  # type: ignore[attr-defined]
        await write.execute(
            sa.insert(training_examples).values(
                version_id=1,
                position=100,
                turns=[["user", "I am Zoe.", None]],
                tokens=3,
                source="x",
                held_out=True,
            )
        )
    await play(stage, [("/unlearn Zoe", "version 1: 1 of 1 example")])
