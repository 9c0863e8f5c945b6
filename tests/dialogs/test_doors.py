"""Who may do what, on Telegram: people who are not owners, strangers' buttons, forged codes."""

from pathlib import Path

from tests.dialogs.stage import play, telegram_stage
from tests.standins.telegram_api import ANN, BEN


async def test_people_who_are_not_owners_only_chat(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(
            ben,
            [
                ("/start demo", "talking to Demo & !Quick Training"),
                ("Hello", "talk about"),
                ("/help", "/new & !/history"),
                ("/help new", "begin a new conversation"),
                ("/help history", "There is no command /history here"),
                ("/history", "There is no command /history here"),
                ("/prompt Be mine.", "There is no command /prompt here"),
                ("/newavatar Mine", "There is no command"),
            ],
        )
        await play(ann, [("/prompt You are X.", "Version 1"), ("/delete 1", "Delete version 1")])
        asked = ann.standin.messages(ANN)
        assert "Delete version 1" in asked[max(asked)].labels
        # Ben presses codes that were never shown to him.
        for forged, expected in (
            ("yes:1", "Only owners of Demo"),
            ("delete:1", "Only owners of Demo"),
            ("takeback:1:0:1", "Only owners of Demo"),
            ("undo:1", "/undo"),  # of long ago
            ("delete:999", "There is no version"),
            ("drop table", "button does not work"),
        ):
            shown = await ben.forge(forged)
            assert expected in shown, (forged, shown)
        await play(ann, [("[Delete version 1]", "is deleted"), ("/history", "no versions yet")])


async def test_a_long_reply_comes_whole_and_a_button_counts_once(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        prompt = "Speak of Ipoh. " * 900
        await play(ann, [(f"/prompt {prompt[:4000]}", "Version 1"), ("/prompt", "Speak of Ipoh.")])
        await play(ann, [("/prompt Second.", "Version 2"), ("/delete 1", "Delete version 1")])
        before = ann._seen()
        ann.standin.press("Delete version 1")
        ann.standin.press("Delete version 1")
        shown = await ann._answer(before)
        assert "Version 1 is deleted" in shown
        assert "no longer open" in shown


async def test_what_gave_a_reply_of_another_avatar_is_not_told(tmp_path: Path) -> None:
    """Who owns the one that speaks now need not own the one that spoke before."""
    async with telegram_stage(tmp_path) as ann:
        await play(ann, [("/newavatar Mei", "yours"), ("/start demo", "Demo")])
        await play(ann, [("Hello", "talk about"), ("/why", "What gave this reply of Demo")])
        reply = next(
            id_ for id_, shown in ann.standin.messages(ANN).items() if "talk about" in shown.text
        )
        await play(ann, [("/start mei", "talking to Mei")])
        before = ann._seen()
        ann.standin.say("/why", chat=ANN, reply_to=reply)
        assert "I have no record of that message" in await ann._answer(before)


async def test_a_button_takes_back_the_switch_that_it_stands_under(tmp_path: Path) -> None:
    """Not once more when it is pressed twice, and not what somebody switched afterwards."""
    async with telegram_stage(tmp_path) as ann:
        await play(ann, [("/prompt One.", "Version 1"), ("/prompt Two.", "Version 2")])
        before = ann._seen()
        ann.standin.press("Undo")
        ann.standin.press("Undo")
        shown = await ann._answer(before)
        assert "version 1 again" in shown
        assert "it was changed again meanwhile" in shown
        await play(
            ann,
            [
                ("/prompt", "One."),
                ("/undo", "version 2 again"),  # the button under it takes that back
                ("[Undo]", "version 1 again"),
                ("/restore 2", "The prompt of version 2"),
            ],
        )
        written, restored = (await ann.desk.store.avatar(1)).active_prompt_id, 1
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo")])
        await play(ann, [(f"/owners add telegram:{BEN}", "owns Demo")])
        await play(ben, [("/prompt Three.", "Version 3")])
        assert "changed again meanwhile" in await ann.forge(f"takeback:1:{restored}:{written}")
        await play(ben, [("/prompt", "Three."), ("[Learning Path]", "3"), ("/undo", "version 2")])
