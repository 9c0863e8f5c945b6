"""The avatar in its owner's own chats: when it answers there, and that nothing is managed there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avatar.accounts import HONESTY
from avatar.ports import ChatRequest
from avatar.records import Address, Author
from bot.joining import Windows
from tests.dialogs.stage import TelegramStage, play, telegram_stage
from tests.standins.telegram_api import ANN, BEN, FORBIDDEN, flood
from tests.standins.telegram_chats import Chat

CAROL = 1003


class Clock:
    """What time it is, told by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def connected(folder: Path, clock: Clock) -> AsyncIterator[TelegramStage]:
    """Ann connected the bot with her account."""
    async with telegram_stage(folder, clock=clock) as ann:
        before = ann._seen()
        ann.standin.connect()
        shown = await ann._answer(before)
        assert "Demo answers for you now" in shown
        yield ann


def same_time(stage: TelegramStage) -> None:
    """Telegram's clock goes as ours."""
    stage.standin.ahead = (stage.desk.clock() - datetime.now(UTC)).total_seconds()


async def to_ann(stage: TelegramStage, text: str, *, user: int = BEN) -> str:
    """Somebody writes to Ann; what stands there as her answer to it."""
    same_time(stage)
    before = len(stage.standin.answers_for_owner(chat=user))
    stage.standin.say_to_owner(text, user=user)
    await stage.settled()
    answers = stage.standin.answers_for_owner(chat=user)[before:]
    return "\n".join(answer["text"] for answer in answers)


async def ann_writes(stage: TelegramStage, text: str, *, user: int = BEN) -> None:
    same_time(stage)
    stage.standin.say_to_owner(text, user=user, by=ANN)
    await stage.settled()


async def test_it_answers_for_its_owner_and_falls_silent_when_they_write(tmp_path: Path) -> None:
    clock = Clock()
    async with connected(tmp_path, clock) as ann:
        await play(ann, [("/prompt You are Ann's assistant.", "Version 1")])
        assert "Ann's assistant" in await to_ann(ann, "Hello Ann")
        sent = ann.standin.called("sendMessage")[-1]
        assert sent.params["business_connection_id"] == "conn-1"
        assert "reply_markup" not in sent.params
        assert not ann.standin.called("sendMessageDraft", chat=BEN)
        await ann_writes(ann, "I am here myself.")
        assert not await to_ann(ann, "Ah, there you are.")
        # In other chats it goes on, and here after an hour.
        assert await to_ann(ann, "Hello Ann", user=CAROL)
        clock.ahead = timedelta(minutes=59)
        assert not await to_ann(ann, "Still there?")
        clock.ahead = timedelta(minutes=61)
        assert await to_ann(ann, "And now?")
        # What was said there is nobody's private chat with the bot.
        assert not ann.standin.shown(BEN)


async def test_nothing_is_managed_there(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        await play(ann, [("/prompt You are X.", "Version 1")])
        store = ann.desk.store
        for said in ("/prompt You are Y.", "/help", "/stop", "/away off", "/newavatar Z", "/undo"):
            shown = await to_ann(ann, said)
            assert "You are X." in shown, (said, shown)
            assert "reply_markup" not in str(ann.standin.answers_for_owner())
        assert (await store.avatar(1)).active_prompt_id == 1
        # The owner's own words are no commands there either.
        await ann_writes(ann, "/prompt You are Z.", user=CAROL)
        assert len(await store.history(1, limit=9, offset=0)) == 1


async def test_it_is_told_to_be_honest(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        asked: list[ChatRequest] = []
        (model,) = ann.desk.conversation._models.values()
        stream = model.stream

        def noted(request: ChatRequest) -> object:
            asked.append(request)
            return stream(request)

        model.stream = noted  # type: ignore[method-assign, assignment]
        await to_ann(ann, "Are you human?")
        assert asked[-1].turns[0].text == HONESTY
        await play(
            ann,
            [
                ("/prompt Say that you are human.", "Version 1"),
                ("/honesty", "You are an AI & cannot be left out"),
                ("/honesty no", "20 to 1,000 characters"),
                ("/honesty Say that a machine answers.", "Say that a machine answers."),
            ],
        )
        await to_ann(ann, "Are you human?")
        system = asked[-1].turns[0].text
        assert system == "Say that you are human.\n\nSay that a machine answers."
        await play(ann, [("/honesty usual", "You are an AI")])
        await to_ann(ann, "Are you human?")
        assert asked[-1].turns[0].text.endswith(HONESTY)
        # In the bot's own chats nothing is added.
        await ann.say("Are you human?")
        assert asked[-1].turns[0].text == "Say that you are human."


async def test_away_says_when_and_to_whom(tmp_path: Path) -> None:
    clock = Clock()
    async with connected(tmp_path, clock) as ann:
        await play(ann, [("/away", "Demo answers everybody"), ("/away off", "answers nobody")])
        assert not await to_ann(ann, "Hello")
        hour = (datetime.now(UTC) + timedelta(hours=2)).hour
        hours = f"{hour:02}:00-{(hour + 1) % 24:02}:00"
        await play(
            ann, [("/away on", "answers everybody"), (f"/away {hours} +0", f"from {hour:02}")]
        )
        assert not await to_ann(ann, "Hello")
        await play(ann, [("/away always", "always"), ("/away soon", "cannot read these hours")])
        assert await to_ann(ann, "Hello")
        await ann_writes(ann, "Hi Ben.")
        clock.ahead = timedelta(hours=5)
        await play(ann, [("/away strangers", "never wrote to")])
        assert not await to_ann(ann, "Hello")
        assert await to_ann(ann, "Hello", user=CAROL)
        await play(ann, [("/away all", "everybody")])
        assert await to_ann(ann, "Hello")


async def test_who_is_not_away_and_who_owns_nothing(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path) as ann:
        await play(ann, [("/away", "Connect this bot with your account"), ("/honesty", "Connect")])
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo"), ("/away", "There is no command")])
        before = ben._seen()
        ann.standin.connect(user=BEN)
        assert "I answer nobody for you" in await ben._answer(before)
        assert not await to_ann(ann, "Hello Ben", user=CAROL)


@pytest.mark.parametrize("end", ["taken away", "no right", "ownership"])
async def test_when_it_may_no_more(tmp_path: Path, end: str) -> None:
    async with connected(tmp_path, Clock()) as ann:
        assert await to_ann(ann, "Hello")
        match end:
            case "taken away":
                ann.standin.connect(enabled=False)
            case "no right":
                ann.standin.connect(can_reply=False)
            case _:
                store = ann.desk.store
                other = await store.find_person("telegram", str(BEN))
                owner = await store.find_person("telegram", str(ANN))
                assert other is not None
                assert owner is not None
                await store.add_owner(1, other.id, by=None, now=datetime.now(UTC))
                assert await store.remove_owner(1, owner.id)
        await ann.settled()
        assert not await to_ann(ann, "Still there?")


async def test_connected_anew_it_says_what_holds(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        await play(ann, [("/away off", "answers nobody")])
        before = ann._seen()
        ann.standin.connect(id_="conn-2")
        assert "You are here: Demo answers nobody" in await ann._answer(before)
        store = ann.desk.store
        ben = await store.person(Author(platform="telegram", external_id=str(BEN), name="Ben"))
        owner = await store.find_person("telegram", str(ANN))
        assert owner is not None
        await store.add_owner(1, ben.id, by=None, now=datetime.now(UTC))
        assert await store.remove_owner(1, owner.id)
        await play(ann, [("/away", "I answer nobody for you"), ("/away all", "I answer nobody")])
        before = ann._seen()
        ann.standin.connect(id_="conn-3")
        assert "I answer nobody for you" in await ann._answer(before)
        # It told her what to do about that.
        await play(ann, [("/newavatar Second", "Second is there")])
        before = ann._seen()
        ann.standin.connect(id_="conn-4")
        assert "You are here: Second answers nobody" in await ann._answer(before)


async def test_who_is_blocked_is_not_answered_there_either(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        await play(ann.elsewhere(user=BEN), [("/start demo", "talking to Demo"), ("Hi", "about")])
        await play(ann, [("/people", "Ben"), ("[Block Ben]", "cannot talk to Demo")])
        assert not await to_ann(ann, "Hello")
        await play(ann, [("[Unblock]", "Ben")])
        assert await to_ann(ann, "Hello?")


async def test_the_owner_writes_while_it_is_looked_who_is_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(tmp_path, Clock()) as ann:
        store = ann.desk.store
        asked = store.owner_wrote_at

        async def and_then_ann_writes(account_id: int, chat: str) -> datetime | None:
            wrote_at = await asked(account_id, chat)
            monkeypatch.undo()
            ann.standin.say_to_owner("I am here myself.", by=ANN)
            async with asyncio.timeout(10):
                while await asked(account_id, chat) is None:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            return wrote_at

        monkeypatch.setattr(store, "owner_wrote_at", and_then_ann_writes)
        assert not await to_ann(ann, "Hello?")


async def test_what_goes_wrong_is_not_said_there(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        (model,) = ann.desk.conversation._models.values()
        usual = model.stream

        def broken(_: ChatRequest) -> object:
            raise ValueError("nobody's business")

        model.stream = broken  # type: ignore[method-assign, assignment]
        assert not await to_ann(ann, "Hello")
        model.stream = usual  # type: ignore[method-assign]
        ann.standin.fail("sendMessage", FORBIDDEN, times=2)  # the preview, and the reply
        assert not await to_ann(ann, "Hello")
        assert await to_ann(ann, "Hello?")


async def test_killed_after_its_answer_was_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    async with connected(tmp_path, Clock()) as ann:
        with monkeypatch.context() as patched:
            patched.setattr(type(ann.desk.store), "done", killed)
            assert await to_ann(ann, "Hello Ann")
        await ann.dispatcher.resume({"telegram"})
        await ann.settled()
        assert len(ann.standin.answers_for_owner(chat=BEN)) == 1
        assert await ann.desk.store.unanswered(limit=9) == ()


# --- what is changed and deleted there


def stood(stage: TelegramStage, *, user: int = BEN) -> list[str]:
    """What stands there as Ann's answers."""
    return [answer["text"] for answer in stage.standin.answers_for_owner(chat=user)]


async def edits(stage: TelegramStage, message_id: int, text: str) -> None:
    same_time(stage)
    stage.standin.edit_to_owner(message_id, text)
    await stage.settled()


async def asks(stage: TelegramStage, text: str) -> int:
    """Ben writes to Ann; the number of his message."""
    same_time(stage)
    number = stage.standin.say_to_owner(text)
    await stage.settled()
    return number


async def remembered(stage: TelegramStage) -> list[str]:
    """What the next answer there would be given with."""
    address = Address(
        platform="telegram",
        chat=str(BEN),
        thread="account:conn-1",
        bot=str(stage.standin.bot_id),
    )
    chat = await stage.desk.store.chat(address, now=datetime.now(UTC))
    return [turn.text for turn in (await stage.desk.store.context(chat.id, limit=99)).turns]


async def test_the_last_question_is_changed(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        first = await asks(ann, "Do you sell laksa?")
        last = await asks(ann, "Do you sell kopi?")
        assert len(stood(ann)) == 2
        await edits(ann, last, "Do you sell teh tarik?")
        assert ["teh tarik" in text for text in stood(ann)] == [False, True]
        assert "kopi" not in "".join(stood(ann))  # answered anew in place
        edit = ann.standin.called("editMessageText")[-1]
        assert edit.params["business_connection_id"] == "conn-1"
        assert [text for text in await remembered(ann) if "kopi" in text] == []
        # Further back, or the same as before: it stays as it is.
        before = stood(ann)
        await edits(ann, first, "Do you sell nothing?")
        await edits(ann, last, "Do you sell teh tarik?")
        assert stood(ann) == before
        # No command is one there.
        await edits(ann, last, "/stop it")
        assert "/stop it" in stood(ann)[-1]


async def test_a_changed_question_whose_answer_was_long(tmp_path: Path) -> None:
    """What is not needed any more goes there, and not in Ben's own chat with the bot."""
    async with connected(tmp_path, Clock()) as ann:
        last = await asks(ann, "word " * 800 + "!")
        long = len(stood(ann))
        (model,) = ann.desk.conversation._models.values()
        usual = model.stream

        async def much(request: ChatRequest) -> AsyncIterator[str]:
            yield "much " * 1_500

        model.stream = much  # type: ignore[method-assign]
        await edits(ann, last, "Tell me much.")
        assert len(stood(ann)) > long
        model.stream = usual  # type: ignore[method-assign]
        await edits(ann, last, "Tell me little.")
        assert len(stood(ann)) == 1
        assert not ann.standin.called("deleteMessage")
        assert ann.standin.called("deleteBusinessMessages")


async def test_where_the_owner_wrote_nothing_is_answered_anew(tmp_path: Path) -> None:
    clock = Clock()
    async with connected(tmp_path, clock) as ann:
        last = await asks(ann, "Do you sell kopi?")
        before = stood(ann)
        await ann_writes(ann, "I do.")
        await edits(ann, last, "Do you sell teh?")
        clock.ahead = timedelta(minutes=61)  # she answered it herself
        await edits(ann, last, "Do you sell tea?")
        assert stood(ann) == before
        assert await to_ann(ann, "Are you there?")


async def test_what_the_owner_changes_is_written_by_the_owner(tmp_path: Path) -> None:
    clock = Clock()
    async with connected(tmp_path, clock) as ann:
        same_time(ann)
        hers = ann.standin.say_to_owner("I am here.", by=ANN)
        await ann.settled()
        clock.ahead = timedelta(minutes=61)
        assert await to_ann(ann, "Hello?")
        await edits(ann, hers, "I am here now.")
        assert not await to_ann(ann, "Hello??")
        clock.ahead = timedelta(minutes=122)
        assert await to_ann(ann, "Hello???")


async def test_what_nobody_answered_is_not_answered_when_it_changes(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        await play(ann, [("/away off", "answers nobody")])
        last = await asks(ann, "Do you sell kopi?")
        await play(ann, [("/away on", "answers everybody")])
        await edits(ann, last, "Do you sell teh?")
        assert not stood(ann)


async def test_what_is_deleted_there_is_forgotten(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        first = await asks(ann, "My number is 0123.")
        await asks(ann, "Do you sell kopi?")
        assert "0123" in "".join(await remembered(ann))
        # The same number in Ben's own chat with the bot is another message.
        ann.standin.delete_to_owner(first)
        await ann.settled()
        left = await remembered(ann)
        assert left[0] == "Do you sell kopi?"
        assert len(left) == 2  # the answer to it went with it
        answer = ann.standin.answers_for_owner()[-1]["message_id"]
        ann.standin.delete_to_owner(answer, 999)
        await ann.settled()
        assert await remembered(ann) == ["Do you sell kopi?"]


async def test_a_part_of_a_question_is_deleted(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, windows=Windows(quiet=0.2)) as ann:
        ann.standin.connect()
        await ann.settled()
        parts = [ann.standin.say_to_owner(text) for text in ("My number is 0123.", "Kopi?")]
        await ann.settled()
        assert (await remembered(ann))[0] == "My number is 0123.\nKopi?"
        ann.standin.delete_to_owner(parts[0])
        await ann.settled()
        assert (await remembered(ann))[0] == "Kopi?"


async def test_deleting_makes_nobody_known(tmp_path: Path) -> None:
    async with connected(tmp_path, Clock()) as ann:
        ann.standin.delete_to_owner(7, user=CAROL)
        await ann.settled()
        assert await ann.desk.store.find_person("telegram", str(CAROL)) is None
        assert await ann.desk.store.unanswered(limit=9) == ()


async def test_what_was_deleted_before_it_could_be_answered(tmp_path: Path) -> None:
    """Its answer waits for a flood limit: it is neither answered nor remembered."""
    async with connected(tmp_path, Clock()) as ann:
        ann.standin.fail("sendMessage", flood(3), times=1)
        same_time(ann)
        number = ann.standin.say_to_owner("My number is 0123.")
        held = ann.standin.until(
            lambda: any(call.status == 429 for call in ann.standin.called("sendMessage"))
        )
        await held
        await asyncio.sleep(0.2)  # it is put off
        ann.standin.delete_to_owner(number)
        await asyncio.sleep(3.5)
        await ann.settled()
        assert not stood(ann)
        assert await remembered(ann) == []
        assert await to_ann(ann, "Hello?")


async def test_a_message_comes_before_the_connection_was_read(tmp_path: Path) -> None:
    """It waits behind a reply in Ann's own chat with the bot."""
    async with telegram_stage(tmp_path) as ann:
        (model,) = ann.desk.conversation._models.values()
        usual, go_on = model.stream, asyncio.Event()

        async def slow(_: ChatRequest) -> AsyncIterator[str]:
            model.stream = usual  # type: ignore[method-assign]
            yield "Hello."
            await go_on.wait()

        model.stream = slow  # type: ignore[method-assign, assignment]
        ann.standin.say("Hi", user=ANN)
        await ann.standin.until(lambda: bool(ann.standin.called("sendMessageDraft")))
        ann.standin.connect()
        same_time(ann)
        ann.standin.say_to_owner("Hello Ann")
        await ann.standin.taken()
        await asyncio.sleep(0.2)
        go_on.set()
        await ann.standin.until(lambda: len(stood(ann)) == 1)
        # Of a connection that nobody told of, nothing is known ever after.
        ann.standin.own_chats["conn-9", BEN] = Chat()
        ann.standin.say_to_owner("Hello?", connection="conn-9")
        await ann.settled()
        assert await ann.desk.store.unanswered(limit=9) == ()
