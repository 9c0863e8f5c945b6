"""Several providers: where to train, training again elsewhere, adopting, the base model, ends."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avatar.exporting import write
from avatar.providers import read_providers
from modelserver.engine import Lesson, Order, Report, Said, Trained
from modelserver.imitator.engine import Imitator
from modelserver.server import ModelServer
from tests.dialogs.stage import (
    EXAMPLES,
    TerminalStage,
    model_server,
    play,
    telegram_stage,
    terminal_stage,
)
from tests.standins.telegram_api import BEN, Document

ROOT = EXAMPLES.parent.parent


@asynccontextmanager
async def two_hosts(folder: Path, *, only: str = "") -> AsyncIterator[TerminalStage]:
    """A bot with two model servers of its own, or one of them."""
    async with (
        model_server(folder / "one") as one,
        model_server(folder / "two") as two,
        at_hosts(folder, {"one": one, "two": two}, only=only) as stage,
    ):
        yield stage


@asynccontextmanager
async def at_hosts(
    folder: Path, servers: dict[str, ModelServer], *, only: str = ""
) -> AsyncIterator[TerminalStage]:
    text = "".join(
        f'''
        [providers.{name}]
        like = "modelserver"
        label = "Host {name}"
        base_url = "{server.base_url}"
        base_model = "imitator-1"
        '''
        for name, server in servers.items()
        if only in {"", name}
    )
    async with terminal_stage(folder, providers=read_providers(text)) as stage:
        yield stage


async def test_train_asks_where_and_retrain_goes_elsewhere(tmp_path: Path) -> None:
    async with two_hosts(tmp_path) as stage:
        await play(
            stage,
            [
                (
                    f"/train {EXAMPLES}",
                    "Where is it to be trained? & imitator-1 at Host one & own machine): free & "
                    "[2] imitator-1 at Host two",
                ),
                ("[imitator-1 at Host two]", "at Host two & Start it? & ] Elsewhere"),
                ("[Elsewhere]", "Where is it to be trained?"),
                ("[imitator-1 at Host one]", "at Host one & Start it?"),
                ("[Epochs +]", "4 epochs & at Host one & Elsewhere"),
                ("[Start training]", "in training"),
                ("(wait)", "Deep Training completed"),
                ("/version 1", "at Host one & Train Again"),
                ("/retrain 9", "There is no version 9"),
                ("/retrain", "Name the version"),
                ("/retrain 1", "44 examples from version 1, 4 epochs & Host two"),
                ("[imitator-1 at Host two]", "at Host two & Start it?"),
                ("[Start training]", "Fine-tune of imitator-1"),
                ("(wait)", "Deep Training completed"),
                ("/version 2", "at Host two & examples of version 1"),
                ("/activate 2", "Active Now"),
                ("Hello", "lah"),
                ("/why", "(version 2)"),
                ("/delete 1", "44 examples"),
                ("[Delete version 1]", "is deleted"),
                ("/retrain 2", "44 examples from version 2"),
                ("[Cancel]", "Nothing was started"),
                ("/prompt Be X.", "Version 3"),
                ("/retrain 3", "no stored examples"),
            ],
        )
    # The host of the active version is not set up any more: the base model answers, once told.
    async with two_hosts(tmp_path, only="one") as stage:
        await play(
            stage,
            [
                ("Hello", "What would you like"),
                ("(wait)", "The provider of version 2 (two) is not set up here any more"),
                ("/status", "Fine-Tuned Active & is not set up here"),
                ("/version 2", "(which is not set up here)"),
                ("/compare 2 base Hi", "is not set up"),
                ("Hello", "!not set up"),
            ],
        )


async def test_adopting_a_model_that_was_made_elsewhere(tmp_path: Path) -> None:
    async with two_hosts(tmp_path) as stage:
        await play(
            stage,
            [
                (f"/train {EXAMPLES}", "Where"),
                ("[imitator-1 at Host two]", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
            ],
        )
        made = await stage.desk.store.version(1)
        assert made is not None
        model = made.fine_tuned_model_id
        await play(
            stage,
            [
                (f"/adopt {model}", "Demo has a version of"),
                ("/adopt", "Host one & Nothing that this avatar has not"),
                ("/delete 1", "Delete version 1"),
                ("[Delete version 1]", "is deleted"),
                ("/adopt", f"Host two & {model}"),
                ("/adopt ft:none", "No provider that is set up here has a model ft:none"),
                (f"/adopt nobody {model}", "No provider is called nobody"),
                (f"/adopt one {model}", "No provider that is set up here"),
                (f"/adopt two {model}", "is a version now & Host two & not active yet"),
                ("[Activate This Version]", "Active Now"),
                ("Hello", "lah"),
                ("/retrain 2", "no stored examples"),
                ("/history", "adopted & cost unknown"),
            ],
        )


async def test_the_model_of_a_living_version_stays_at_its_provider(tmp_path: Path) -> None:
    async with two_hosts(tmp_path, only="one") as stage:
        await play(
            stage,
            [
                (f"/train {EXAMPLES}", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
            ],
        )
        made = await stage.desk.store.version(1)
        assert made is not None
        await play(
            stage,
            [
                ("/delete 1", "Delete version 1"),
                ("[Delete version 1]", "Its model"),
                ("[Delete the model at the provider too]", "Nobody can use it again"),
            ],
        )
        question = stage._messenger.buttons
        await play(
            stage,
            [
                (f"/adopt {made.fine_tuned_model_id}", "is a version now"),
                ("[Activate This Version]", "Active Now"),
            ],
        )
        stage._messenger.buttons = question  # the question still stands there
        await play(
            stage,
            [
                ("[Delete the model]", "is used by another version still"),
                ("Hello", "lah"),
                ("/delete 2", "Delete version 2"),
                ("[Delete version 2]", "Its model"),
                ("[Delete the model at the provider too]", "Nobody can use it again"),
                ("[Delete the model]", "is deleted at the provider"),
            ],
        )


async def test_nobody_takes_the_model_of_somebody_elses_avatar(tmp_path: Path) -> None:
    async with telegram_stage(tmp_path, anyone_creates=True) as ann:
        ben, store = ann.elsewhere(user=BEN), ann.desk.store
        await play(
            ann,
            [
                ("(train)", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/share", "public"),
                ("[Make it private]", "Demo is private"),
            ],
        )
        made = await store.version(1)
        assert made is not None
        model = made.fine_tuned_model_id or ""
        await play(
            ben,
            [
                ("/newavatar Other", "is there and yours"),
                ("/adopt", f"Nothing that this avatar has not & !{model}"),
                (f"/adopt {model}", "No provider that is set up here has a model"),
            ],
        )
        content = write(await ann.desk.exports.export(await store.avatar(1)))
        document = Document(name="demo.zip", content=content)
        assert "Their models are not here" in await ben.send("/import", document)
        await play(ben, [("/start other", "talking to Other")])
        await play(ann, [("/delete 1", "Delete version 1"), ("[Delete version 1]", "is deleted")])
        await play(ben, [(f"/adopt {model}", "No provider that is set up here has a model")])
        await play(ann, [(f"/owners add telegram:{BEN}", "owns Demo now")])
        await play(ben, [("/adopt", model), (f"/adopt {model}", "is a version now")])


async def test_the_base_model_can_be_changed(tmp_path: Path) -> None:
    async with two_hosts(tmp_path) as stage:
        await play(
            stage,
            [
                ("/base", "imitator-1 at Host one & [1] Use imitator-1 at Host two"),
                (
                    "[Use imitator-1 at Host two]",
                    "of Demo is imitator-1 at Host two",
                ),
                ("Hello", "What would you like"),
                ("/base", "imitator-1 at Host two & [1] Use imitator-1 at Host one"),
            ],
        )


async def test_an_avatar_of_a_host_that_is_gone_answers_from_the_default(tmp_path: Path) -> None:
    async with two_hosts(tmp_path, only="one") as stage:
        await play(stage, [("Hello", "What would you like")])
    async with two_hosts(tmp_path, only="two") as stage:
        await play(
            stage,
            [
                ("Hello", "What would you like"),
                (f"/train {EXAMPLES}", "at Host two & Start it?"),
                ("/base", "imitator-1 at Host two"),
            ],
        )


async def test_owners_hear_of_the_end_of_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (datetime.now(UTC) + timedelta(days=30)).date()
    from modelserver import app

    base = app.Api._base

    def ending(self: app.Api, name: str) -> dict[str, object]:
        return {**base(self, name), "shutdown_date": ends.isoformat()}

    async with two_hosts(tmp_path) as stage:
        await play(
            stage,
            [
                (f"/train {EXAMPLES}", "Where"),
                ("[imitator-1 at Host one]", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/activate 1", "Active Now"),
                ("/history", "!ends"),
            ],
        )
    monkeypatch.setattr(app.Api, "_base", ending)
    async with two_hosts(tmp_path) as stage:
        async with asyncio.timeout(10):
            while "A model ends" not in await stage.waited():
                await asyncio.sleep(0.02)
        await play(
            stage,
            [
                ("(wait)", f"A model ends on {ends:%d %b %Y}, in 30 days & version 1 of Demo"),
                ("[Retrain elsewhere]", "44 examples from version 1 & Host two"),
                ("/history", f"ends {ends:%d %b %Y}"),
                ("/version 1", f"Its model ends {ends:%d %b %Y}"),
            ],
        )


class Preferring(Imitator):
    """An imitator that takes preference pairs too: it learns the better answers."""

    methods = ("supervised", "dpo")
    builds_on = True

    async def train(self, order: Order, report: Report) -> Trained:
        if order.method == "dpo":
            lessons = [
                Lesson(
                    messages=(*pair.prompt, Said("assistant", pair.preferred)),
                    learn=(*(False for _ in pair.prompt), True),
                )
                for pair in order.pairs
            ]
            order = replace(order, lessons=lessons)
        return await super().train(order, report)


async def test_preference_training_goes_on_top_of_a_fine_tuned_version(tmp_path: Path) -> None:
    engine = Preferring(word_seconds=0)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(
        "".join(
            json.dumps(
                {
                    "input": {"messages": [{"role": "user", "content": f"Number {i}?"}]},
                    "preferred_output": [{"role": "assistant", "content": f"{i} is shiok"}],
                    "non_preferred_output": [{"role": "assistant", "content": f"{i} is bad"}],
                }
            )
            + "\n"
            for i in range(12)
        ),
        encoding="utf-8",
    )
    async with (
        ModelServer(tmp_path / "one", engine=engine, training_seconds=0.2) as server,
        at_hosts(tmp_path, {"one": server}) as stage,
    ):
        await play(
            stage,
            [
                (f"/train {pairs}", "goes on top of a fine-tuned version"),
                (f"/train {EXAMPLES}", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/activate 1", "Active Now"),
            ],
        )
        for number in range(10):
            await play(
                stage,
                [
                    (f"What is thing {number}?", ""),
                    (f"/teach Thing {number} is very shiok", f"{number + 1} answer"),
                ],
            )
        await play(
            stage,
            [
                ("/train", "Preference training on them (DPO)"),
                ("[Preference training on them (DPO)]", "on top of ft:imitator-1 & 10 examples"),
                ("[Look at the examples]", "The avatar: Thing 0 is very shiok & Rather than:"),
                ("[Done]", "Start it?"),
                ("[Start training]", "in training"),
                ("(wait)", "completed"),
                ("/version 2", "Preference training (DPO) of ft:imitator-1"),
                ("/activate 2", "Active Now"),
                ("/new", "new conversation"),
                ("What is thing 4?", "Thing 4 is very shiok"),
                ("/retrain 2", "was trained on preference pairs"),
                (f"/train {pairs}", "12 examples & on top of ft:imitator-1 & Start it?"),
                ("[Cancel]", "Nothing was started"),
            ],
        )


def test_check_says_what_works(tmp_path: Path) -> None:
    def ran(**settings: str) -> subprocess.CompletedProcess[str]:
        database = f"sqlite+aiosqlite:///{tmp_path}/avatar.db"
        return subprocess.run(
            [sys.executable, "-m", "bot", "check"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "DATABASE_URL": database, **settings},
        )

    good = ran()
    assert good.returncode == 0, good.stdout + good.stderr
    for words in ("1 listed", "chat with imitator-1: works", "training imitator-1: allowed"):
        assert words in good.stdout
    nobody = ran(OPENAI_BASE_URL="http://127.0.0.1:1/v1", BASE_MODEL="m")
    assert nobody.returncode == 1
    assert "OPENAI_API_KEY is not set" in nobody.stdout
    assert "cannot be reached" in nobody.stdout
    missing = ran(PROVIDERS_FILE=str(tmp_path / "none.toml"))
    assert missing.returncode == 2
    assert "PROVIDERS_FILE: there is no file" in missing.stderr
