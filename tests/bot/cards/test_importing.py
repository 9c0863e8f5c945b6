"""The questions about an export, and how far a file is, said in sentences."""

from dataclasses import replace
from typing import Any

import pytest

from avatar.dataset.watch import Stage, Watch
from avatar.importing import CHATS, Asked
from avatar.language import speaking
from avatar.records import Address, Attachment, Import, OfferedChat
from bot.cards.importing import question, reading, was_read
from bot.discord.pieces import pieces_of
from tests.avatar.make import NOW

FILE = Attachment(ref="1", name="result.json", size=41_000_000, kind="document")


@pytest.mark.parametrize(
    ("watch", "english", "malay"),
    [
        (
            Watch(),
            "Fetching `result.json` (41 MB)…",
            "Mengambil `result.json` (41 MB)…",
        ),
        (
            Watch(stage=Stage.READING),
            "Reading `result.json`…",
            "Membaca `result.json`…",
        ),
        (
            Watch(stage=Stage.READING, messages=1),
            "Reading `result.json`, 1 message so far…",
            "Membaca `result.json`, 1 mesej setakat ini…",
        ),
        (
            Watch(stage=Stage.READING, done=20_000_000, total=41_000_000, messages=1200),
            "Reading `result.json`: 20 of 41 MB, 1,200 messages so far…",
            "Membaca `result.json`: 20 daripada 41 MB, 1,200 mesej setakat ini…",
        ),
        (
            Watch(stage=Stage.BUILDING, done=20_000_000, total=41_000_000),
            "Building examples from `result.json`: 20 of 41 MB…",
            "Membina contoh daripada `result.json`: 20 daripada 41 MB…",
        ),
        (
            Watch(stage=Stage.MASKING, done=1000, total=2000),
            "Building examples from `result.json`: 1,000 of 2,000…",
            "Membina contoh daripada `result.json`: 1,000 daripada 2,000…",
        ),
        (
            Watch(stage=Stage.COUNTING),
            "Counting tokens, and keeping the examples from `result.json`…",
            "Mengira token, dan menyimpan contoh daripada `result.json`…",
        ),
    ],
)
def test_how_far_a_file_is(watch: Watch, english: str, malay: str) -> None:
    assert reading(FILE, watch).text == english
    with speaking("ms"):
        shown = reading(FILE, watch)
        assert shown.text == malay
        assert shown.buttons[0][0].label == "Hentikan"


def test_what_was_read() -> None:
    assert was_read(FILE, Watch()).text == "`result.json` was looked at."
    assert was_read(FILE, Watch(messages=1)).text == "`result.json` was looked at: 1 message."
    with speaking("ms"):
        assert was_read(FILE, Watch(messages=2)).text == "`result.json` telah diperiksa: 2 mesej."


MEI = ("user1", "Mei_1", 900)


def an_import(chats: int, *, groups: int = 0, more: int = 0, **changes: Any) -> Import:
    """With some chats, of which the first are groups, and `more` that are not offered."""
    offered = tuple(
        OfferedChat(
            id=f"chat{place}", title=f"Chat {place}", messages=1000 - place, of_two=place >= groups
        )
        for place in range(chats)
    )
    made = Import(
        id=7,
        avatar_id=1,
        person_id=1,
        address=Address(platform="terminal", chat="1"),
        attachment=FILE,
        format="Telegram",
        messages=12_345,
        speakers=(MEI, ("user2", "Ann", 800)),
        chats=offered,
        chat_count=chats + more,
        speaker="user1",
        chosen=None,
        marked=(),
        rules={},
        expires_at=NOW,
    )
    return replace(made, **changes)


def rows_of(about: Import, *, page: int = 1) -> list[list[tuple[str, str]]]:
    shown = question(Asked(about=about), page=page)
    return [[(button.label, button.action) for button in row] for row in shown.buttons]


def test_from_which_chats() -> None:
    about = an_import(12, groups=1, more=3, marked=("chat1", "chat11"))
    shown = question(Asked(about=about))
    assert shown.text.split("\n\n") == [
        "**Telegram export**: 12,345 messages in 15 chats.",
        "From which chats? The avatar learns how Mei\\_1 writes in them.",
        "A press marks a chat, or takes the mark away. In brackets is how many messages it has. In "
        "those with 👥 more than two people write. Those from which nothing can be learnt are not "
        "listed.",
        "Marked: Chat 1, Chat 11",
        "Page 1 of 2",
    ]
    assert rows_of(about) == [
        [("All 15 chats", "allchats:7")],
        [("Only chats of two (11)", "only:7:1:1")],
        [("☐ 👥 Chat 0 (1,000)", "mark:7:0:1")],
        [("☑ Chat 1 (999)", "mark:7:1:0")],
        *([(f"☐ Chat {n} ({1000 - n})", f"mark:7:{n}:1")] for n in range(2, 10)),
        [("More »", "offered:7:2")],
        [("Take all marks away", "only:7:1:0")],
        [("Go on with 2 chats", "marked:7")],
    ]
    assert rows_of(about, page=2)[2:6] == [
        [("☐ Chat 10 (990)", "mark:7:10:1")],
        [("☑ Chat 11 (989)", "mark:7:11:0")],
        [("« Back", "offered:7:1")],
        [("Take all marks away", "only:7:2:0")],
    ]
    with speaking("ms"):
        assert "Avatar belajar cara Mei\\_1 menulis" in question(Asked(about=about)).text
        assert rows_of(about)[1][0][0] == "Hanya sembang dua orang (11)"


def test_as_many_chats_as_are_offered() -> None:
    about = an_import(CHATS, groups=CHATS - 1, more=300)
    assert "The 400 with the most messages are listed." in question(Asked(about=about)).text
    assert rows_of(about, page=40)[-2:] == [
        [("☐ Chat 399 (601)", "mark:7:399:1")],
        [("« Back", "offered:7:39")],
    ]


def test_which_chats_are_marked_is_said_where_they_are_on_several_pages() -> None:
    for chats, marked, said in (
        (10, 3, None),
        (11, 0, None),
        (11, 1, "Marked: Chat 0"),
        (11, 8, f"Marked: {', '.join(f'Chat {n}' for n in range(8))}"),
        (30, 12, f"Marked: {', '.join(f'Chat {n}' for n in range(8))} and 4 more"),
    ):
        # In the order in which they are listed, not in that in which they were marked.
        about = an_import(chats, marked=tuple(f"chat{n}" for n in reversed(range(marked))))
        texts = question(Asked(about=about)).text.split("\n\n")
        assert [text for text in texts if text.startswith("Marked")] == ([said] if said else [])


@pytest.mark.parametrize(("page", "shown"), [(0, 1), (1, 1), (2, 2), (3, 2), (10**14, 2)])
def test_a_page_that_is_not_there_is_the_nearest(page: int, shown: int) -> None:
    assert f"Page {shown} of 2" in question(Asked(about=an_import(11)), page=page).text


@pytest.mark.parametrize(("chats", "groups"), [(3, 0), (3, 3)])
def test_chats_of_one_kind(chats: int, groups: int) -> None:
    about = an_import(chats, groups=groups, marked=("chat0",))
    assert "👥" not in question(Asked(about=about)).text
    assert [row[0][0] for row in rows_of(about)] == [
        "All 3 chats",
        "☑ Chat 0 (1,000)",
        "☐ Chat 1 (999)",
        "☐ Chat 2 (998)",
        "Go on with 1 chat",
    ]


def test_who() -> None:
    about = an_import(1, speaker=None)
    assert question(Asked(about=about)).text.split("\n\n")[1:] == [
        "Who is the avatar to learn from?",
        "In brackets is how many messages somebody wrote.",
    ]
    assert rows_of(about) == [[("Mei_1 (900)", "speaker:7:0")], [("Ann (800)", "speaker:7:1")]]


async def test_on_discord_all_of_it_is_under_one_message() -> None:
    """It takes 25 buttons there, and 100 characters for the code of one."""
    about = an_import(400, groups=200, marked=tuple(f"chat{n}" for n in range(400)))
    (piece,) = await pieces_of(question(Asked(about=about), page=21))
    assert sum(map(len, piece.rows)) == 16
