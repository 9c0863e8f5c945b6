"""The rules of the main job as conversations, on every platform from one table."""

from tests.dialogs.stage import Stage, play

TRAINED = [
    ("(train)", "44 examples & imitator-1 & free & Start it?"),
    ("[Start training]", "in training"),
    ("(wait)", "Deep Training completed & not active yet & [1] Activate"),
]


async def trained(stage: Stage) -> None:
    await play(stage, [*TRAINED[:2], ("(wait)", "Deep Training completed")])


async def test_chat_and_prompts(stage: Stage) -> None:
    await play(
        stage,
        [
            ("Hello", "What would you like to talk about? & !instructions"),
            ("/why", "imitator-1 & the base model & Prompt: none"),
            ("/prompt", "has no active prompt"),
            ("/prompt You are a pirate.", "Version 1 & now & none before"),
            ("Hello", "You are a pirate."),
            ("/why", "Prompt: version 1"),
            ("/prompt You are a kind pirate.", "Version 2 & 1 word added & /restore 1"),
            ("/prompt You are a kind pirate.", "already active"),
            ("/prompt", "You are a kind pirate."),
            ("/diff 1 2", "{+kind+}"),
            ("/restore 1", "The prompt of version 1 is Active Now & model was not touched"),
            ("Hello", "You are a pirate."),
            ("/restore 1", "already active"),
            ("/undo", "Taken back & version 2 again"),
            ("Hello", "You are a kind pirate."),
            ("/activate 1", "The prompt of version 1 is Active Now"),
            ("/note 1 the first one", "Noted at version 1"),
            ("/history", "2 · Prompt update & 1 · Prompt update — 🟢 Active Now & the first one"),
        ],
    )


async def test_all_four_combinations_are_what_answers(stage: Stage) -> None:
    await trained(stage)
    await play(
        stage,
        [
            ("/prompt You are X.", "Version 2"),
            ("/prompt You are Z.", "Version 3"),
            ("Hello", "What would you like & Z."),
            ("/activate 1", "is Active Now & prompt was not touched"),
            ("/new", "A new conversation"),
            ("Hello", "lah & Z."),
            ("/restore 2", "model was not touched"),
            ("/new", "stay as they are"),
            ("Hello", "lah & X."),
            ("/why", "(version 1) & Prompt: version 2"),
            ("/deactivate", "back on the base model"),
            ("Hello", "What would you like & X."),
            ("/deactivate", "already active"),
            ("/status", "Base Model (imitator-1) & No Fine-Tuning & version 2"),
            ("/undo", "version 1 again"),
            ("/status", "Fine-Tuned Active"),
        ],
    )


async def test_training_is_refused_activation_until_it_ends(stage: Stage) -> None:
    await play(
        stage,
        [
            ("(train)", "Start it?"),
            ("[Epochs +]", "4 epochs"),
            ("[Epochs −]", "3 epochs"),
            ("[Cancel]", "Nothing was started"),
            ("/history", "no versions yet"),
            *TRAINED[:2],
            ("/activate 1", "its training has not ended yet"),
            ("(wait)", "Deep Training completed"),
            ("/status", "Base Model"),
            ("/cancel 1", "not training"),
            ("/history", "⚪ Completed & Deep Training · 44 examples · free"),
            ("[1 · Activate This Version]", "is Active Now"),
            ("/activate 1", "already active"),
            ("/version 1", "malaysian.jsonl & Epochs: 3 & successfully completed"),
            ("/compare 1 base What should I eat?", "Version 1 & Base model & stand-in"),
            ("/cost", "training & comparisons"),
        ],
    )


async def test_cancel(stage: Stage) -> None:
    await play(
        stage,
        [
            *TRAINED[:2],
            ("/cancel 1", "is being cancelled"),
            ("(wait)", "Deep Training cancelled"),
            ("/activate 1", "was cancelled"),
            ("/history", "⚫ Cancelled"),
        ],
    )


async def test_delete_asks_falls_back_and_offers_the_model(stage: Stage) -> None:
    await trained(stage)
    await play(
        stage,
        [
            ("/activate 1", "Active Now"),
            ("/delete 1", "its job & 44 examples & What stays & cannot be undone & is active now"),
            ("[Keep it]", "Nothing was changed"),
            ("/status", "Fine-Tuned Active"),
            ("/delete 1", "Delete version 1"),
            ("[Delete version 1]", "is deleted & back on the base model"),
            ("[Delete the model at the provider too]", "Nobody can use it again"),
            ("[Delete the model]", "is deleted at the provider"),
            ("/activate 1", "was deleted on"),
            ("/undo", "nothing to take back"),
            ("Hello", "What would you like"),
            ("/prompt Next.", "Version 2"),
            ("/delete 2", "has no prompt then"),
            ("[Delete version 2]", "has no prompt now"),
            ("/history", "no versions yet"),
        ],
    )


async def test_a_model_that_is_gone_falls_back_and_is_told_once(stage: Stage) -> None:
    await trained(stage)
    await play(stage, [("/activate 1", "Active Now"), ("/prompt Be X.", "Version 2")])
    version = await stage.desk.store.version(1)
    assert version is not None and version.fine_tuned_model_id is not None
    await stage.desk.trainers["embedded"].delete_model(version.fine_tuned_model_id)
    shown = ""
    for _ in range(2):
        await stage.say("Hello")
        stage.desk.trainings.nudge()
        shown += await stage.waited()
    assert shown.count("What would you like") == 2
    assert shown.count("Be X.") == 2
    assert shown.count("does not exist at its provider any more") == 1
    await play(stage, [("/status", "Fine-Tuned Active")])


BAD = [
    ("\x01\x02", "empty message"),
    ("/activate", "Name a version"),
    ("/activate -1", "cannot read"),
    ("/activate 999999999999999999999", "cannot read"),
    ("/activate １", "There is no version 1"),
    ("/activate 1 2", "One number"),
    ("/version 99", "There is no version 99"),
    ("/diff 1", "Name two"),
    ("/compare 1", "Name two"),
    ("/nosuch", "There is no command"),
    ("/history 0", "cannot read"),
    ("/history 7", "no such page"),
    ("/undo", "nothing to take back"),
    ("/retry", "nothing to answer again"),
    ("/stop", "no reply to stop"),
    ("/train", "at least 10"),
    ("/owners add nobody:1", "do not know"),
    ("/start nowhere", "no avatar called"),
    ("/usr/bin", "You say"),
]


async def test_bad_input(stage: Stage) -> None:
    await play(stage, BAD)


async def test_privacy_and_forgetting(stage: Stage) -> None:
    await play(
        stage,
        [
            ("Hello", "talk about"),
            ("/privacy", "2 messages"),
            ("/forgetme", "cannot be undone"),
            ("[Delete my messages]", "2 messages deleted"),
            ("/privacy", "0 messages"),
            ("/cost", "1 call"),
        ],
    )


async def test_a_retry_replaces_the_reply(stage: Stage) -> None:
    await play(stage, [("Hello", "talk about"), ("/retry", "talk about"), ("/privacy", "3 mess")])


async def test_avatars(stage: Stage) -> None:
    await play(
        stage,
        [
            ("/newavatar Kak Ani", "is there and yours & /start kak-ani"),
            ("/prompt You are Ani.", "Version 1"),
            ("/avatars", "Demo & Kak Ani"),
            ("[Talk to Demo]", "talking to Demo"),
            ("Hello", "!You are Ani."),
            ("/start kak-ani", "talking to Kak Ani"),
            ("Hello", "You are Ani."),
            ("/help", "/history"),
            ("/owners", "Owners of Kak Ani"),
        ],
    )
