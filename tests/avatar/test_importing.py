"""Chat exports with their choices: how often a file is read, one that changes meanwhile, and bad
files, of which nothing is kept.
"""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from avatar.dataset.export import Export
from avatar.dataset.formats import recognise
from avatar.dataset.overview import Overview, overview_json, overview_of
from avatar.dataset.watch import Stage, Stopped, Watch
from avatar.errors import BadDataset, Expired
from avatar.importing import Asked, Imports
from avatar.records import Attachment
from avatar.training import Preflight
from tests.avatar.dataset.exported import FIXTURES, fixture, telegram, zipped
from tests.avatar.make import NOW
from tests.jobs.world import ADDRESS, World

EXPORTS = ["telegram_account.json", "whatsapp_android.txt", "discord.json", "slack.zip", "line.txt"]


def a_chat(file: Path, *, messages: int = 80, words: str = "message") -> Attachment:
    """Ann asks and Ben answers, a conversation a day."""
    said = [
        {
            "from": ("Ann", "Ben")[n % 2],
            "from_id": ("user1", "user2")[n % 2],
            "date_unixtime": str(1_700_000_000 + 43_000 * (n // 2) * 2 + 60 * (n % 2)),
            "text": f"{words} {n}",
        }
        for n in range(messages)
    ]
    file.write_text(telegram(*said), encoding="utf-8")
    return Attachment(ref=str(file), name=file.name, size=None, kind="document")


async def begun(world: World, file: Path, attachment: Attachment) -> Asked:
    step = await Imports(world.store, trainings=world.trainings).begin(
        world.avatar, file, attachment, address=ADDRESS, person=world.person, now=NOW
    )
    assert isinstance(step, Asked)
    return step


class Reads:
    """Counts how often exports are read, whole."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.overviews = self.messages = 0
        overview, messages = Export.overview, Export.messages

        def counted_overview(export: Export, watch: Watch | None = None) -> Overview:
            self.overviews += 1
            return overview(export, watch)

        def counted_messages(export: Export, *args: object) -> object:
            self.messages += 1
            return messages(export, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(Export, "overview", counted_overview)
        monkeypatch.setattr(Export, "messages", counted_messages)


async def test_a_file_is_read_once_to_look_and_once_to_build(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attachment = a_chat(tmp_path / "chat.json")
    reads, imports = Reads(monkeypatch), Imports(world.store, trainings=world.trainings)
    asked = await begun(world, tmp_path / "chat.json", attachment)
    assert (reads.overviews, reads.messages) == (1, 0)
    about = await imports.open(asked.about.id, person=world.person, now=NOW)
    for times, rules in enumerate(({}, {"held_out": 0.0}), start=1):
        step = await imports.choose(
            replace(about, speaker="user2", rules=rules),
            world.avatar,
            tmp_path / "chat.json",
            person=world.person,
            now=NOW,
        )
        assert isinstance(step, Preflight)
        assert step.draft.example_count == (36, 40)[times - 1]
        assert (reads.overviews, reads.messages) == (1, times)


@pytest.mark.parametrize("region", [None, "SG"])
async def test_numbers_without_a_country_code_are_masked_where_the_country_is_known(
    world: World, tmp_path: Path, region: str | None
) -> None:
    attachment = a_chat(tmp_path / "chat.json", words="call 6521 8000 at")
    asked = await begun(world, tmp_path / "chat.json", attachment)
    step = await Imports(world.store, trainings=world.trainings, region=region).choose(
        replace(asked.about, speaker="user2"),
        world.avatar,
        tmp_path / "chat.json",
        person=world.person,
        now=NOW,
    )
    assert isinstance(step, Preflight)
    example = await world.store.draft_example(step.draft.id, place=0)
    assert example is not None
    assert example.turns[0].text.startswith("call [PHONE] at" if region else "call 6521 8000 at")


async def test_choices_are_asked_for_without_the_file(world: World, tmp_path: Path) -> None:
    attachment = a_chat(tmp_path / "chat.json")
    imports = Imports(world.store, trainings=world.trainings)
    asked = await begun(world, tmp_path / "chat.json", attachment)
    who = replace(asked.about, speaker="user2")
    assert await imports.ask_on(asked.about) == asked
    assert await imports.ask_on(who) is None
    several = replace(who, chats=who.chats * 2)
    assert await imports.ask_on(several) == Asked(about=several)
    assert (await imports.open(who.id, person=world.person, now=NOW)).speaker == "user2"
    assert await imports.ask_on(replace(several, chosen=("chat1",))) is None


@pytest.mark.parametrize("owner", [True, False])
async def test_chats_without_words_of_the_owner_are_not_offered(
    world: World, tmp_path: Path, owner: bool
) -> None:
    """Where the file says whose it is; else, nobody knows yet who will be learnt from."""
    file = tmp_path / "result.json"
    by = {name: {"from": name, "from_id": f"user{n}"} for n, name in enumerate(("Mei", "Ann"), 1)}
    chats = [
        ("group", [by["Mei"], by["Ann"], {"from": "Zoe", "from_id": "user3"}] * 4),
        ("news", [{"from": "News", "from_id": "channel9"}] * 9),
        ("Ann", [by["Mei"], by["Ann"]] * 3),
        ("pictures", [by["Ann"], {**by["Mei"], "text": "", "photo": "p.jpg"}] * 2),
    ]
    parts = [json.loads(telegram(*said, name=name, id=name)) for name, said in chats]
    data = {"chats": {"list": parts}, **({"personal_information": {"user_id": 1}} if owner else {})}
    file.write_text(json.dumps(data), encoding="utf-8")
    attachment = Attachment(ref=str(file), name=file.name, size=None, kind="document")
    asked = await begun(world, file, attachment)
    offered = {chat.title: (chat.messages, chat.of_two) for chat in asked.about.chats}
    both = {"group": (12, False), "Ann": (6, True)}
    without = {"news": (9, True), "pictures": (4, True)}
    assert offered == (both if owner else {**both, **without})
    assert len(asked.of_two) == (1 if owner else 3)
    assert asked.about.chat_count == 4


async def test_marks(world: World, tmp_path: Path) -> None:
    imports = Imports(world.store, trainings=world.trainings)
    asked = await begun(world, tmp_path / "chat.json", a_chat(tmp_path / "chat.json"))
    about = asked.about
    for place, on in ((1, True), (-1, True), (99, False)):
        with pytest.raises(Expired):
            await imports.mark(about, place, on=on)
    for on, marked in ((True, ("1",)), (True, ("1",)), (False, ()), (False, ())):
        about = await imports.mark(about, 0, on=on)
        assert about.marked == marked
    assert (await imports.mark_only(about, ["1"])).marked == ("1",)
    assert (await imports.mark_only(about, [])).marked == ()
    await world.store.forget(world.person.id, now=NOW)
    with pytest.raises(Expired):
        await imports.mark(about, 0, on=True)


async def test_one_that_is_too_large_to_remember_is_looked_at_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avatar.dataset.overview.MAX_STORED", 10)
    attachment = a_chat(tmp_path / "chat.json")
    reads, imports = Reads(monkeypatch), Imports(world.store, trainings=world.trainings)
    asked = await begun(world, tmp_path / "chat.json", attachment)
    about = await imports.open(asked.about.id, person=world.person, now=NOW)
    assert await world.store.import_overview(about.id) is None
    step = await imports.choose(
        replace(about, speaker="user2"),
        world.avatar,
        tmp_path / "chat.json",
        person=world.person,
        now=NOW,
    )
    assert isinstance(step, Preflight)
    assert (reads.overviews, reads.messages) == (2, 1)


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_remembered_is_enough(name: str) -> None:
    whole = fixture(name).overview()
    data = overview_json(whole)
    assert data is not None
    again = overview_of(data)
    assert again.speakers == whole.speakers
    assert again.messages == whole.messages
    for one, other in zip(again.chats, whole.chats, strict=True):
        assert (one.id, one.title, one.speakers, one.silence, one.in_order) == (
            other.id,
            other.title,
            other.speakers,
            other.silence,
            other.in_order,
        )


async def test_a_file_that_changed_meanwhile_is_refused(world: World, tmp_path: Path) -> None:
    attachment = a_chat(tmp_path / "chat.json")
    imports = Imports(world.store, trainings=world.trainings)
    asked = await begun(world, tmp_path / "chat.json", attachment)
    about = await imports.open(asked.about.id, person=world.person, now=NOW)
    a_chat(tmp_path / "chat.json", messages=90)
    with pytest.raises(BadDataset, match="not the file that it was"):
        await imports.choose(
            replace(about, speaker="user2"),
            world.avatar,
            tmp_path / "chat.json",
            person=world.person,
            now=NOW,
        )


async def test_a_thread_that_nobody_waits_for_ends(world: World, tmp_path: Path) -> None:
    """Whoever cancels gets the file's reading ended too, and nothing is kept of it."""
    attachment = a_chat(tmp_path / "chat.json", messages=20_000)
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    class Held(Watch):
        def at(self, done: int, total: int) -> None:
            began.set()
            assert go_on.wait(20)
            try:
                super().at(done, total)
            except Stopped:
                ended.set()
                raise

    imports = Imports(world.store, trainings=world.trainings)
    with patch.object(world.store, "add_import") as kept:
        task = asyncio.create_task(
            imports.begin(
                world.avatar,
                tmp_path / "chat.json",
                attachment,
                address=ADDRESS,
                person=world.person,
                now=NOW,
                watch=Held(),
            )
        )
        assert await asyncio.to_thread(began.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await asyncio.to_thread(ended.wait, 20)
        kept.assert_not_called()


async def test_the_stages_of_a_file(world: World, tmp_path: Path) -> None:
    stages: list[Stage] = []

    class Noted(Watch):
        def begin(self, stage: Stage) -> None:
            stages.append(stage)
            super().begin(stage)

    attachment = a_chat(tmp_path / "chat.json")
    asked = await begun(world, tmp_path / "chat.json", attachment)
    watch = Noted()
    await Imports(world.store, trainings=world.trainings).choose(
        replace(asked.about, speaker="user2"),
        world.avatar,
        tmp_path / "chat.json",
        person=world.person,
        now=NOW,
        watch=watch,
    )
    assert stages == [Stage.READING, Stage.BUILDING, Stage.MASKING, Stage.COUNTING]
    assert watch.messages == 80


def test_the_reading_of_ready_examples_is_watched() -> None:

    for name in ("openai.jsonl", "sharegpt.json", "columns.csv"):
        watch = Watch()
        recognise(FIXTURES / name, name).watched(watch).examples()
        assert watch.done == watch.total == (FIXTURES / name).stat().st_size
    with pytest.raises(Stopped):
        found = recognise(FIXTURES / "dpo.jsonl", "dpo.jsonl")
        found.watched(Watch(stopped=True)).pairs()


async def test_who_is_forgotten_leaves_no_choices_behind(world: World, tmp_path: Path) -> None:
    asked = await begun(world, tmp_path / "chat.json", a_chat(tmp_path / "chat.json"))
    await world.store.forget(world.person.id, now=NOW)
    assert await world.store.import_(asked.about.id) is None


def all_rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is remembered, by table."""
    with closing(sqlite3.connect(folder / "avatar.db")) as database:
        names = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {name: database.execute(f'select * from "{name}"').fetchall() for (name,) in names}


EXAMPLE = json.dumps(
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
)
SAID = "31/12/20, 10:00 - A: x\n"
CHAT = telegram(*[{}] * 20)


def bad_files() -> Iterator[tuple[str, bytes, str]]:
    """What is wrong, the file, and a part of what is said of it."""
    for name in ("telegram_chat.json", "telegram_account.json", "discord.json", "messenger.json"):
        whole = (FIXTURES / name).read_bytes()
        yield f"cut {name}", whole[: len(whole) * 3 // 4], "it is cut off"
    day = json.dumps([{"user": "U1", "type": "message", "text": "x", "ts": "1700000000.1"}] * 9)
    slack = zipped({"general/2023-11-14.json": day[:-40]})
    yield "cut slack", slack, "general/2023-11-14.json: it is cut off"
    sharegpt = (FIXTURES / "sharegpt.json").read_bytes()
    yield "cut sharegpt", sharegpt[: len(sharegpt) * 3 // 4], "it is cut off"
    yield "half a line", (f"{EXAMPLE}\n" * 12 + EXAMPLE[:40]).encode(), "line 13: it is no JSON"
    pair = (FIXTURES / "dpo.jsonl").read_bytes()
    yield "half a pair", pair.rstrip()[:-40], "it is no JSON"
    yield "half a row", b"question,answer\n" + b"q,a\n" * 12 + b'q,"a', "line 14"
    mixed = CHAT.replace("hi", "caf?", 1).encode().replace(b"caf?", b"caf\xe9")
    yield "mixed encodings of JSON", mixed, "it is not all in UTF-8"
    mixed = SAID.replace("x", "é").encode() + SAID.replace("x", "é").encode("latin-1")
    yield "mixed encodings of text", mixed, "line 2: byte 22 is not UTF-8"
    mixed = f"{EXAMPLE}\n".encode() * 12 + EXAMPLE.replace('"a"', '"é"').encode("latin-1")
    yield "mixed encodings of examples", mixed, "line 13: byte"
    yield "a wrong date", CHAT.replace("1700000060", "soon").encode(), "has no date"
    yield "a wrong date of WhatsApp", (SAID + SAID.replace("31", "32")).encode(), "line 2"
    yield "an empty chat", telegram().encode(), "it is a Telegram export without a message"
    wordless = telegram(*[{"text": "", "photo": "p.jpg"}] * 9)
    yield "nothing but pictures", wordless.encode(), "of its 9 messages none has words of its own"
    yield "a path outside", zipped({"../chat.txt": SAID}), "leads outside of it"
    bomb = zipped({"chat.txt": SAID + " " * 1_000_000})
    yield "a bomb", bomb, "more than 100 times its size"
    yield "nested", zipped({"a.txt": SAID, "b.zip": zipped({"a.txt": SAID})}), "another archive"
    two = zipped({"chat.txt": SAID, "result.json": CHAT})
    yield "two formats", two, "more than one format: WhatsApp (chat.txt); Telegram (result.json)"
    yield "a cut archive", zipped({"chat.txt": SAID * 99})[:-30], "the archive is broken"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [pytest.param(content, sentence, id=wrong) for wrong, content, sentence in bad_files()],
)
async def test_nothing_of_a_bad_file_is_kept(
    world: World, tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = tmp_path / "sent"
    file.write_bytes(content)
    before = all_rows(tmp_path)
    with pytest.raises(BadDataset) as caught:
        await Imports(world.store, trainings=world.trainings).begin(
            world.avatar,
            file,
            Attachment(ref=str(file), name="sent", size=len(content), kind="document"),
            address=ADDRESS,
            person=world.person,
            now=NOW,
        )
    assert sentence in caught.value.sentence
    assert all_rows(tmp_path) == before


@pytest.mark.parametrize(
    ("speaker", "sentence"),
    [
        ("user3", "there is no message of user3 in the chosen chats. In them speak: Ann"),
        ("user4", "of the 1 messages of Zoe none has words of their own"),
        ("user5", "1 example"),
    ],
)
async def test_nothing_is_kept_of_a_person_who_says_too_little(
    world: World, tmp_path: Path, speaker: str, sentence: str
) -> None:
    file = tmp_path / "chat.json"
    silent = {"from": "Zoe", "from_id": "user4", "text": "", "photo": "p.jpg"}
    once = {"from": "Mei", "from_id": "user5", "text": "wah"}
    file.write_text(telegram(*[{}] * 20, silent, once), encoding="utf-8")
    attachment = Attachment(ref=str(file), name=file.name, size=None, kind="document")
    asked = await begun(world, file, attachment)
    before = all_rows(tmp_path)
    with pytest.raises(BadDataset) as caught:
        await Imports(world.store, trainings=world.trainings).choose(
            replace(asked.about, speaker=speaker), world.avatar, file, person=world.person, now=NOW
        )
    assert sentence in caught.value.sentence
    assert all_rows(tmp_path) == before
