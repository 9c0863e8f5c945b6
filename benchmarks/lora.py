"""`python -m benchmarks.lora MODEL`: the engine lora on this machine, with a model of your own.

MODEL is a folder, or a name at the hub, of a model made for conversations. Measured are trained
tokens a second against TRL used plainly (same model, examples, batch and adapter, in the same
run), and tokens a second of one reply alone and of many at once, half of them by the adapter.
"""

import argparse
import asyncio
import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelserver.engine import Ended, Lesson, Metrics, Note, Order, Said, Wish
from modelserver.lora import recipe
from modelserver.lora.engine import Lora

AT_ONCE = 32
REPLY_TOKENS = 128
WORDS = (
    "what do you think of this plan we could meet at noon or later when the rain has stopped and "
    "nobody is in a hurry because there is always one more thing to say about the old town"
)


def examples(count: int) -> list[tuple[str, str]]:
    """Questions and replies of the length that people write in a chat."""
    chance, words = random.Random(1), WORDS.split()

    def text(least: int, most: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(least, most))).capitalize() + "."

    return [(text(5, 40), text(20, 120)) for _ in range(count)]


async def ours(engine: Lora, pairs: Sequence[tuple[str, str]], batch: int, folder: Path) -> float:
    """Trained tokens a second over one epoch; the adapter is in `folder / "model"` then."""
    last: list[Metrics] = []

    async def report(said: Metrics | Note) -> None:
        if isinstance(said, Metrics):
            last[:] = [said]

    order = Order(
        lessons=[
            Lesson(messages=(Said("user", asked), Said("assistant", said)), learn=(False, True))
            for asked, said in pairs
        ],
        folder=folder / "model",
        work=folder / "work",
        epochs=1,
        batch_size=batch,
        first_step=0,
        seconds=0.0,
    )
    await engine.train(order, report)
    return last[-1].tokens_per_second or 0.0


def plain(model: str, file: Path, batch: int) -> float:
    """The same by TRL as its documentation shows it."""
    trl, peft = importlib.import_module("trl"), importlib.import_module("peft")
    datasets = importlib.import_module("datasets")
    torch = importlib.import_module("torch")
    on_gpu = bool(torch.cuda.is_available())
    part = recipe.at_a_time(batch, recipe.AT_A_TIME)
    rows = [
        {
            "prompt": [{"role": "user", "content": asked}],
            "completion": [{"role": "assistant", "content": said}],
        }
        for asked, said in json.loads(file.read_bytes())
    ]
    with tempfile.TemporaryDirectory() as out:
        options: dict[str, Any] = {
            "output_dir": out,
            "num_train_epochs": 1,
            "per_device_train_batch_size": part,
            "gradient_accumulation_steps": batch // part,
            "bf16": on_gpu,
            "use_cpu": not on_gpu,
            "gradient_checkpointing": on_gpu,
            "model_init_kwargs": {"dtype": torch.bfloat16 if on_gpu else torch.float32},
            "logging_steps": 1,
            "report_to": [],
            "disable_tqdm": True,
        }
        trainer = trl.SFTTrainer(
            model=model,
            args=trl.SFTConfig(**options),
            train_dataset=datasets.Dataset.from_list(rows),
            peft_config=peft.LoraConfig(
                r=recipe.RANK,
                lora_alpha=recipe.ALPHA,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
        )
        done = trainer.train()
        tokens = max(line.get("num_tokens", 0.0) for line in trainer.state.log_history)
        return float(tokens / done.metrics["train_runtime"])


async def replies(engine: Lora, adapter: Path, count: int) -> float:
    """Tokens a second of so many replies at once."""
    asked = examples(count)

    async def one(number: int) -> int:
        folder = adapter if number % 2 == 0 else None
        wish = Wish(longest=REPLY_TOKENS, temperature=0.7, seed=number)
        said = [p async for p in engine.reply(folder, [Said("user", asked[number][0])], wish)]
        return next(p.completion_tokens for p in said if isinstance(p, Ended))

    began = time.perf_counter()
    tokens = sum(await asyncio.gather(*map(one, range(count))))
    return tokens / (time.perf_counter() - began)


async def measure(model: str, count: int, batch: int) -> None:
    pairs = examples(count)
    engine = Lora(model)
    await engine.start()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            trained = await ours(engine, pairs, batch, folder)
            file = folder / "pairs.json"
            file.write_text(json.dumps(pairs))
            command = [sys.executable, "-m", "benchmarks.lora", model, "--plain", str(file)]
            done = await asyncio.to_thread(
                subprocess.run,
                [*command, "--batch", str(batch)],
                check=True,
                stdout=subprocess.PIPE,
            )
            usual = float(done.stdout.split()[-1])
            print(
                f"training: {trained:.0f} tokens a second, {trained / usual:.2f} times what TRL "
                f"does plainly ({usual:.0f})"
            )
            await replies(engine, folder / "model", 2)  # both are in memory now
            alone = await replies(engine, folder / "model", 1)
            many = await replies(engine, folder / "model", AT_ONCE)
            print(
                f"replies: {alone:.1f} tokens a second alone; {many:.1f} with {AT_ONCE} at once, "
                f"{many / alone:.1f} times as many"
            )
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.lora", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--batch", type=int, default=recipe.MOST_A_BATCH)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain is not None:
        print(plain(given.model, given.plain, given.batch))
    else:
        asyncio.run(measure(given.model, given.examples, given.batch))


if __name__ == "__main__":
    main()
