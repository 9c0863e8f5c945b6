"""Which of the many chats of an account are learnt from: marks that stay, on every platform."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.actions import Verb, code
from tests.dialogs.stage import STAGES, Stage, play, telegram_stage
from tests.dialogs.test_away import Clock
from tests.standins.telegram_api import BEN

ROUNDS = 20  # in each chat, a day apart


def account(file: Path, *, friends: int = 100, groups: int = 20) -> Path:
    """Mei's chats with friends, groups, and a channel in which she cannot write."""

    def chat(id_: int, kind: str, name: str, speakers: list[str]) -> dict[str, object]:
        messages = [
            {
                "type": "message",
                "id": number * len(speakers) + place,
                "date_unixtime": str(1_700_000_000 + number * 90_000 + place * 60),
                "from": speaker,
                "from_id": "user1" if speaker == "Mei" else f"user{speaker}",
                "text": f"{speaker} says {number} in {name}",
            }
            for number in range(ROUNDS)
            for place, speaker in enumerate(speakers)
        ]
        return {"name": name, "type": kind, "id": id_, "messages": messages}

    def chats() -> Iterator[dict[str, object]]:
        yield chat(1, "public_channel", "News", ["News"] * 5)
        for number in range(1, groups + 1):
            name = f"Group {number:03}"
            yield chat(1000 + number, "private_group", name, ["Ann", "Ben", "Mei"])
        for number in range(1, friends + 1):
            name = f"Friend {number:03}"
            yield chat(2000 + number, "personal_chat", name, [name, "Mei"])

    me = {"user_id": 1, "first_name": "Mei"}
    data = {"personal_information": me, "chats": {"list": [*chats()]}}
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


async def learnt_from(stage: Stage, draft_id: int) -> set[str]:
    """The chats behind the examples of a draft."""
    examples = await stage.desk.store.draft_examples(draft_id, limit=9999, offset=0)
    return {turn.text.rpartition(" in ")[2] for each in examples for turn in each.turns}


async def test_marks_stay_from_page_to_page(stage: Stage, tmp_path: Path) -> None:
    shown = await stage.train(account(tmp_path / "result.json"))
    for part in (
        "5,300 messages in 121 chats",
        "From which chats? The avatar learns how Mei writes in them.",
        "In those with 👥 more than two people write.",
        "Those from which nothing can be learnt are not listed.",
        "Page 1 of 12",
        "All 121 chats",
        "Only chats of two (100)",
        "☐ 👥 Group 001 (60)",
    ):
        assert part in shown
    assert "News" not in shown
    assert "Go on" not in shown
    await play(
        stage,
        [
            *((("[More »]", f"Page {page} of 12")) for page in range(2, 10)),
            ("[☐ Friend 061 (40)]", "☑ Friend 061 (40) & Page 9 of 12 & Go on with 1 chat & !Take"),
            (
                "[« Back]",
                "Page 8 of 12 & Marked: Friend 061 & !Friend 061 (40) & Go on with 1 chat",
            ),
            ("[More »]", "Page 9 of 12 & ☑ Friend 061 (40) & Go on with 1 chat"),
            ("[☑ Friend 061 (40)]", "☐ Friend 061 (40) & !☑ & !Go on"),
            ("[☐ Friend 061 (40)]", "☑ Friend 061 (40)"),
            ("[More »]", "Page 10 of 12 & Marked: Friend 061 & !☑ & Go on with 1 chat"),
            ("[☐ Friend 080 (40)]", "☑ Friend 080 (40) & Go on with 2 chats & Take all marks away"),
            ("[Go on with 2 chats]", "in chats that were not chosen & Start it?"),
        ],
    )
    assert await learnt_from(stage, 1) == {"Friend 061", "Friend 080"}


async def test_other_chats_are_chosen_after_all(stage: Stage, tmp_path: Path) -> None:
    await stage.train(account(tmp_path / "result.json", friends=3, groups=1))
    await play(
        stage,
        [
            ("[☐ Friend 002 (40)]", "Go on with 1 chat"),
            ("[Go on with 1 chat]", "Start it?"),
            ("[Options]", "Choose other chats"),
            ("[Held out: a tenth]", "Held out: none & Choose other chats"),
            ("[Choose other chats]", "From which chats? & ☑ Friend 002 (40) & Go on with 1 chat"),
            ("[☐ Friend 003 (40)]", "Go on with 2 chats"),
            ("[Go on with 2 chats]", "40 examples & Start it?"),
        ],
    )
    draft = await stage.desk.store.draft(3)
    assert draft is not None
    assert await learnt_from(stage, draft.id) == {"Friend 002", "Friend 003"}


async def test_only_chats_of_two(stage: Stage, tmp_path: Path) -> None:
    await stage.train(account(tmp_path / "result.json", friends=12, groups=2))
    await play(
        stage,
        [
            ("[☐ 👥 Group 002 (60)]", "☑ 👥 Group 002 (60) & Go on with 1 chat"),
            ("[More »]", "☐ Friend 012 (40)"),
            ("[Only chats of two (12)]", "☑ Friend 012 (40) & Page 2 of 2 & Go on with 12 chats"),
            ("[Take all marks away]", "☐ Friend 012 (40) & Page 2 of 2 & !☑ & !Go on"),
            ("[Only chats of two (12)]", "Go on with 12 chats"),
            ("[☑ Friend 012 (40)]", "☐ Friend 012 (40) & Go on with 11 chats"),
            ("[« Back]", "☐ 👥 Group 001 (60)"),
            ("[☐ 👥 Group 001 (60)]", "☑ 👥 Group 001 (60) & ☐ 👥 Group 002 & Go on with 12 chats"),
            ("[Go on with 12 chats]", "in chats that were not chosen & Start it?"),
        ],
    )
    friends = {f"Friend {number:03}" for number in range(1, 12)}
    assert await learnt_from(stage, 1) == {*friends, "Group 001"}


@pytest.mark.parametrize(("friends", "groups"), [(3, 0), (0, 3)])
async def test_where_all_chats_are_of_one_kind_there_is_no_choice_of_kinds(
    stage: Stage, tmp_path: Path, friends: int, groups: int
) -> None:
    shown = await stage.train(
        account(tmp_path / "result.json", friends=friends, groups=groups),
    )
    assert "All 4 chats" in shown
    assert "Only" not in shown
    assert "👥" not in shown
    assert "Page" not in shown
    await play(stage, [("[All 4 chats]", "Start it?")])
    assert len(await learnt_from(stage, 1)) == 3


async def test_one_chat_with_words_of_the_owner_is_not_asked_about(
    stage: Stage, tmp_path: Path
) -> None:
    shown = await stage.train(account(tmp_path / "result.json", friends=1, groups=0))
    assert "From which chats?" not in shown
    assert "Start it?" in shown
    assert await learnt_from(stage, 1) == {"Friend 001"}


async def test_a_button_that_is_pressed_twice_does_no_harm(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await ann.train(account(tmp_path / "result.json", friends=3, groups=1))
        for label, marked in (
            ("☐ Friend 002 (40)", 1),
            ("☐ Friend 003 (40)", 2),
            ("☑ Friend 002 (40)", 1),
            ("Only chats of two (3)", 3),
            ("Take all marks away", 0),
        ):
            ann.standin.press(label, chat=ann.user)
            ann.standin.press(label, chat=ann.user)
            await ann.settled()
            about = await ann.desk.store.import_(1)
            assert about is not None
            assert len(about.marked) == marked, label


# Of the first import: all that its card offers.
PRESSES = (
    code(Verb.OFFERED, 1, 1),
    code(Verb.MARK, 1, 0, 1),
    code(Verb.MARK, 1, 1, 0),
    code(Verb.ONLY, 1, 1, 1),
    code(Verb.ONLY, 1, 1, 0),
    code(Verb.ALL_CHATS, 1),
    code(Verb.MARKED, 1),
)


async def test_others_are_refused(tmp_path: Path) -> None:
    """People who own nothing, and another owner: the file is not theirs."""
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo")])
        await ann.train(account(tmp_path / "result.json", friends=3, groups=1))
        await play(ann, [("[☐ Friend 002 (40)]", "☑ Friend 002 (40)")])
        before = await ann.desk.store.import_(1)
        for press in PRESSES:
            assert "Only owners of Demo can do that" in await ben.forge(press)
        await play(ann, [(f"/owners add telegram:{BEN}", "owns Demo now")])
        for press in PRESSES:
            assert "Only the person who asked that question" in await ben.forge(press)
        assert await ann.desk.store.import_(1) == before
        assert await ann.desk.store.draft(1) is None


async def test_what_does_not_work_any_more_says_so(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await ann.train(account(tmp_path / "result.json", friends=3, groups=1))
        before = await ann.desk.store.import_(1)
        for press in (
            code(Verb.MARK, 1, 4, 1),  # there are four
            code(Verb.MARK, 2, 0, 1),
            "choices:1:0:5",
            "fromchats:1:0",
            "fromchats:1:5",
        ):
            assert "no longer open. Please ask again with /train" in await ann.forge(press), press
        assert await ann.desk.store.import_(1) == before


@pytest.mark.parametrize("platform", STAGES)
async def test_a_day_later_the_file_is_sent_again(tmp_path: Path, platform: str) -> None:
    clock = Clock()
    async with STAGES[platform](tmp_path, clock=clock) as stage:
        await stage.train(account(tmp_path / "result.json", friends=3, groups=1))
        await play(stage, [("[☐ Friend 002 (40)]", "Go on with 1 chat")])
        clock.ahead = timedelta(hours=25)
        closed = "no longer open. Please ask again with /train"
        await play(stage, [("[Go on with 1 chat]", closed)])
        assert await stage.desk.store.draft(1) is None
