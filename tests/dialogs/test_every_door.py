"""Every command and every button, pressed and typed by somebody who owns nothing."""

from dataclasses import asdict
from pathlib import Path

import pytest

from bot.actions import NUMBERS, Verb, code
from bot.commands import COMMANDS, Audience
from tests.dialogs.stage import EXAMPLES, TelegramStage, play, telegram_stage
from tests.dialogs.test_importing import whatsapp
from tests.standins.telegram_api import BEN

# What is not for owners alone: everybody's own things, and answers to questions, which are checked
# against the person who was asked.
OPEN = {Verb.TALK, Verb.AVATARS, Verb.STOP, Verb.NO, Verb.FORGET, Verb.LINK, Verb.UNLINK}
# Of the numbers in a code, the first is the id of one of these.
OF_AVATARS = {
    Verb.BASE,
    Verb.UNDO,
    Verb.HISTORY,
    Verb.BASES,
    Verb.REBASE,
    Verb.TAUGHT,
    Verb.PREFER,
    Verb.LESSONS,
    Verb.LESSON_FILE,
    Verb.UNLEARN_TAUGHT,
    Verb.NO_PICTURE,
    Verb.PUBLISH,
    Verb.HIDE,
    Verb.PEOPLE,
    Verb.BLOCK,
    Verb.UNBLOCK,
    Verb.STOP_BOT,
    Verb.START_BOT,
}
OF_DRAFTS = {
    Verb.TRAIN,
    Verb.EPOCHS,
    Verb.DROP,
    Verb.WHERE,
    Verb.TARGET,
    Verb.OPTIONS,
    Verb.OPTION,
    Verb.LOOK,
    Verb.LEAVE,
    Verb.KINDS,
    Verb.KIND,
    Verb.REPORT,
    Verb.FLIGHT,
    Verb.ADD_TAUGHT,
}
OF_VERSIONS = {
    Verb.ACTIVATE,
    Verb.DEACTIVATE,
    Verb.DELETE,
    Verb.DELETE_MODEL,
    Verb.CANCEL,
    Verb.SHOW,
    Verb.PROMPT,
    Verb.RETRAIN,
    Verb.DATASET,
    Verb.UNLEARN,
}
OF_IMPORTS = {
    Verb.SPEAKER,
    Verb.OFFERED,
    Verb.MARK,
    Verb.ONLY,
    Verb.ALL_CHATS,
    Verb.MARKED,
}
OTHERS = {Verb.YES, Verb.UNTEACH, Verb.REVOKE}
# Never pressed: what a yes does.
CONFIRMED = {Verb.UNLEARN, Verb.UNLEARN_TAUGHT}


def test_every_button_is_in_the_table() -> None:
    parts = (OPEN, OF_AVATARS, OF_DRAFTS, OF_VERSIONS, OF_IMPORTS, OTHERS)
    assert set().union(*parts) == set(Verb)
    assert sum(map(len, parts)) == len(Verb)


async def state(stage: TelegramStage) -> object:
    """What nobody but an owner may change."""
    store = stage.desk.store
    avatar = await store.avatar(1)
    history = await store.history(1, limit=99, offset=0)
    drafts = [await store.draft(number) for number in range(1, 5)]
    return (
        asdict(avatar),
        history,
        drafts,
        await store.taught(1, limit=99, offset=0),
        await store.import_(1),
        await store.invitations(1, now=stage.desk.clock(), limit=9),
        await store.standing(1, 2),
    )


async def test_nobody_else_opens_a_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with telegram_stage(tmp_path) as ann:
        ben = ann.elsewhere(user=BEN)
        await play(ben, [("/start demo", "talking to Demo")])
        await play(
            ann,
            [
                ("/prompt You are X.", "Version 1"),
                ("(train)", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/activate 2", "Active Now"),
                ("Hello", "lah"),
                ("/teach Wah!", "1 answer"),
                ("/invite 5 30", "An invitation to Demo"),
            ],
        )
        await ann.train(whatsapp(tmp_path / "chat.txt"))
        await play(ann, [("[Mei (60)]", "Start it?"), ("/delete 1", "Delete version 1")])
        assert EXAMPLES.exists()
        draft = 2
        before = await state(ann)

        first = {
            **dict.fromkeys(OF_AVATARS | OF_IMPORTS | OTHERS, 1),
            **dict.fromkeys(OF_DRAFTS, draft),
            **dict.fromkeys(OF_VERSIONS, 2),
        }
        for verb, id_ in first.items():
            rest = (0,) * (NUMBERS.get(verb, 1) - 1)
            shown = await ben.forge(code(verb, id_, *rest))
            expected = "does not work" if verb in CONFIRMED else "Only owners of Demo"
            assert expected in shown, (verb, shown)
        for command in COMMANDS:
            if command.audience in {Audience.EVERYONE, Audience.HOSTS} or command.platforms == (
                "discord",
            ):
                continue
            shown = await ben.say(f"/{command.name} 1")
            assert "There is no command" in shown, (command.name, shown)
        assert await state(ann) == before
