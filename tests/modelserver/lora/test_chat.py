"""Replies by transformers: in batches, by many adapters, drawn as wished."""

import asyncio
import importlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from modelserver.engine import Ended, Said, Wish
from modelserver.errors import ApiError
from modelserver.lora import weights
from modelserver.lora.chat import Speaker
from modelserver.lora.engine import Lora
from modelserver.lora.sampling import Dice, Taste, advised, prepared
from tests.modelserver.lora.world import BASE, ask, engine, serving

HELLO = [Said("user", "Hello?")]


@pytest.fixture(scope="module")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Adapters with random weights, each of which talks otherwise than the base."""
    torch: Any = importlib.import_module("torch")
    peft: Any = importlib.import_module("peft")
    transformers: Any = importlib.import_module("transformers")
    folder = tmp_path_factory.mktemp("adapters")
    made = []
    for number in range(4):
        torch.manual_seed(number)
        model = transformers.AutoModelForCausalLM.from_pretrained(base)
        config = peft.LoraConfig(
            r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"
        )
        peft.get_peft_model(model, config).save_pretrained(folder / str(number))
        made.append(folder / str(number))
    return made


@pytest.fixture
async def speaking(base: Path) -> AsyncIterator[Lora]:
    made = engine(base, adapters=2)
    await made.start()
    yield made
    await made.close()


async def said(
    of: Lora, folder: Path | None, text: str = "Hello?", **wish: Any
) -> tuple[str, Ended]:
    given = {"temperature": 0.0, "longest": 24, **wish}
    *pieces, end = [p async for p in of.reply(folder, [Said("user", text)], Wish(**given))]
    assert isinstance(end, Ended)
    return "".join(str(piece) for piece in pieces), end


async def test_more_adapters_than_there_is_room_for(speaking: Lora, adapters: list[Path]) -> None:
    """Two fit; each is itself again after it had left, alone and among others."""
    alone = [await said(speaking, folder) for folder in (None, *adapters)]
    assert len({text for text, _ in alone}) == 5
    assert speaking.loaded == tuple(adapters[2:])
    together = await asyncio.gather(*(said(speaking, folder) for folder in (*adapters, None)))
    assert together == [*alone[1:], alone[0]]
    assert len(speaking.loaded) == 2


@asynccontextmanager
async def endless(base: Path, **options: Any) -> AsyncIterator[Speaker]:
    """Without stop tokens, so that a reply is as long as it may be."""
    speaker = Speaker(
        lambda: weights.base(str(base)).eval(),
        weights.tokenizer(str(base)).decode,
        stops=frozenset(),
        usual=Taste(temperature=0),
        context=512,
        **options,
    )
    try:
        yield speaker
    finally:
        await asyncio.to_thread(speaker.close)


async def spoken(speaker: Speaker, folder: Path, longest: int) -> AsyncIterator[str]:
    async for piece in speaker.reply(folder, [5, 6, 7, 8], Wish(longest=longest)):
        if isinstance(piece, Ended):
            assert (piece.finish, piece.completion_tokens) == ("length", longest)
        else:
            yield piece


async def test_one_who_comes_later_need_not_wait_for_a_long_reply(
    base: Path, adapters: list[Path]
) -> None:
    async with endless(base) as speaker:
        began, ends = asyncio.Event(), list[str]()

        async def one(name: str, longest: int, folder: Path) -> str:
            text = ""
            async for piece in spoken(speaker, folder, longest):
                text += piece
                began.set()
            ends.append(name)
            return text

        alone = await one("alone", 300, adapters[0])
        began.clear()
        long = asyncio.create_task(one("long", 300, adapters[0]))
        await began.wait()
        await one("short", 4, adapters[1])
        # What was said is read again in each round, and that changes nothing of what follows.
        assert await long == alone
        assert ends == ["alone", "short", "long"]
        assert max(speaker.rounds) == 2


async def test_nobody_is_passed_by_for_ever(base: Path, adapters: list[Path]) -> None:
    """One adapter fits; who asks for another one comes before those who asked later."""
    async with endless(base, adapters=1) as speaker:
        ends: list[str] = []

        async def one(name: str, folder: Path) -> None:
            async for _ in spoken(speaker, folder, 6):
                pass
            ends.append(name)

        async with asyncio.TaskGroup() as group:
            for name, folder in (("a", 0), ("other", 1), ("b", 0), ("c", 0)):
                group.create_task(one(name, adapters[folder]))
        assert (ends[0], ends[1]) == ("a", "other")
        assert speaker.rounds[-1] == 2


async def test_one_who_goes_away_is_not_spoken_to(speaking: Lora, adapters: list[Path]) -> None:
    reply = speaking.reply(adapters[0], HELLO, Wish(temperature=0, longest=400))
    await anext(reply)
    await reply.aclose()
    before = len(speaking.rounds)
    await said(speaking, None)
    assert len(speaking.rounds) <= before + 3


async def test_a_seed_repeats_and_draws_differ(speaking: Lora) -> None:
    texts = [
        (await said(speaking, None, temperature=1.5, seed=seed))[0] for seed in (1, 1, 2, 3, 4)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 2
    # A batch mixes those who draw and those who do not.
    mixed = await asyncio.gather(
        said(speaking, None), said(speaking, None, temperature=1.5, seed=1)
    )
    assert mixed[0] == await said(speaking, None)
    assert mixed[1][0] == texts[0]


async def test_lengths_and_usage(base: Path, tmp_path: Path) -> None:
    async with serving(tmp_path, engine(base)) as client:
        asked: Any = [{"role": "user", "content": "Hello?"}]
        cut = await client.chat.completions.create(
            model=BASE, messages=asked, temperature=0, max_tokens=2
        )
        assert cut.choices[0].finish_reason == "length"
        assert cut.usage is not None
        assert cut.usage.completion_tokens == 2
        stream = await client.chat.completions.create(
            model=BASE,
            messages=asked,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert len([c for c in chunks if c.choices and c.choices[0].delta.content]) > 1
        assert text == await ask(client, BASE, "Hello?")
        assert text.startswith(cut.choices[0].message.content or "-")
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.prompt_tokens == cut.usage.prompt_tokens
        last = text.split()[-1]
        stopped = await ask(client, BASE, "Hello?", stop=[last])
        assert stopped == text[: text.index(last)]
        with pytest.raises(openai.BadRequestError) as long:
            await ask(client, BASE, "good night old friend " * 200)
        assert long.value.code == "context_length_exceeded"


async def test_an_adapter_that_cannot_be_read_fails_alone(
    speaking: Lora, adapters: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(adapters[0], broken)
    (broken / "adapter_model.safetensors").write_bytes(b"broken")
    plain = await said(speaking, None)
    for folder in adapters[1:3]:  # the first time there is no other adapter yet
        results = await asyncio.gather(
            said(speaking, broken), said(speaking, folder), return_exceptions=True
        )
        assert isinstance(results[0], ApiError)
        assert results[0].status == 500
        assert results[1] == await said(speaking, folder)
        assert await said(speaking, None) == plain
    assert speaking.loaded == tuple(adapters[1:3])


async def test_the_end_is_told_to_who_listens(base: Path, adapters: list[Path]) -> None:
    made = engine(base)
    await made.start()
    reply = made.reply(adapters[0], HELLO, Wish(temperature=0, longest=400))
    await anext(reply)
    await made.close()
    with pytest.raises(ApiError, match="shutting down"):
        async for _ in reply:
            pass
    with pytest.raises(ApiError, match="shutting down"):
        await anext(made.reply(None, HELLO, Wish()))


def test_draws_follow_the_softmax_and_its_limits(base: Path) -> None:
    torch: Any = importlib.import_module("torch")
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])

    def drawn(taste: Taste, count: int = 1_500) -> list[float]:
        dice = Dice(taste, 0)
        seen = [0] * 4
        for _ in range(count):
            seen[int(prepared(chances.log()[None].clone(), [dice]).argmax())] += 1
        return [one / count for one in seen]

    assert drawn(Taste()) == pytest.approx(chances.tolist(), abs=0.04)
    assert drawn(Taste(temperature=0), 10) == [1, 0, 0, 0]
    assert drawn(Taste(top_p=0.7)) == pytest.approx([0.625, 0.375, 0, 0], abs=0.04)
    assert drawn(Taste(top_p=0.0), 10) == [1, 0, 0, 0]
    assert drawn(Taste(top_k=3))[3] == 0
    cold = chances**2 / (chances**2).sum()
    assert drawn(Taste(temperature=0.5)) == pytest.approx(cold.tolist(), abs=0.04)


def test_the_makers_advice_is_taken(base: Path) -> None:
    transformers: Any = importlib.import_module("transformers")
    given = transformers.GenerationConfig(do_sample=True, temperature=0.7, top_p=0.8, top_k=20)
    assert advised(given) == Taste(temperature=0.7, top_p=0.8, top_k=20)
    assert advised(transformers.GenerationConfig()) == Taste()
