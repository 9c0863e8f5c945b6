"""A provider that offers moderation screens the examples, and the owner is told what it flagged."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from avatar.providers import Providers, preset
from tests.dialogs.stage import STAGES, Stage, play
from tests.standins.openai_host import OpenAIHost

MODEL = "gpt-4o-mini-2024-07-18"


@pytest.fixture(params=STAGES)
async def stage(
    request: pytest.FixtureRequest, host: OpenAIHost, tmp_path: Path
) -> AsyncIterator[Stage]:
    provider = preset("openai", base_url=host.url, base_model=MODEL, trains=[MODEL])
    providers = Providers([provider], default="openai", base_model=MODEL)
    async with STAGES[request.param](tmp_path, providers=providers) as made:
        yield made


def examples(file: Path, *, grim: int, kind: int = 14) -> Path:
    """Some of which the stand-in flags."""
    answers = [f"Kind answer {n}" for n in range(kind)] + [f"A GRIM one, {n}" for n in range(grim)]
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"Question {n}?"},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
        for n, answer in enumerate(answers)
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


async def test_what_is_flagged_is_left_out_and_told(
    stage: Stage, host: OpenAIHost, tmp_path: Path
) -> None:
    shown = await stage.train(examples(tmp_path / "mine.jsonl", grim=2))
    assert "16 examples" in shown
    assert "Its moderation screens them when it is started, at OpenAI" in shown
    assert host.moderated == []  # nothing leaves before the yes
    told = "Screened by the moderation of & 2 examples left out (violence 2)"
    await play(
        stage,
        [
            ("[Start training]", "in training"),
            ("(wait)", f"Deep Training completed & 14 examples & {told}"),
            ("/version 1", f"14 examples & {told}"),
        ],
    )
    assert len(host.moderated) == 16
    (uploaded,) = host.files
    assert uploaded.count(b"\n") == 14
    assert b"GRIM" not in uploaded


async def test_nothing_is_uploaded_when_too_few_are_left(
    stage: Stage, host: OpenAIHost, tmp_path: Path
) -> None:
    await stage.train(examples(tmp_path / "mine.jsonl", grim=5, kind=9))
    await play(
        stage,
        [
            ("[Start training]", "in training"),
            ("(wait)", "Deep Training failed & only 9 are left; 10 are the least"),
            ("/version 1", "5 examples left out (violence 5)"),
        ],
    )
    assert host.files == []


async def test_a_provider_that_does_not_screen_after_all(
    stage: Stage, host: OpenAIHost, tmp_path: Path
) -> None:
    host.moderates = False
    await stage.train(examples(tmp_path / "mine.jsonl", grim=0))
    await play(
        stage,
        [
            ("[Start training]", "in training"),
            ("(wait)", "Deep Training completed & 14 examples"),
        ],
    )
