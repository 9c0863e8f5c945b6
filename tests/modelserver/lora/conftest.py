"""A small model of our own, made once: nothing is downloaded. Skipped where torch is not installed
(the extra `lora`).
"""

import importlib
import importlib.util
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelserver.lora.weights import LIBRARIES

HERE = Path(__file__).parent
MISSING = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]

# What most models for chat use, without their special cases.
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PAIRS = 200
STEPS = 200
TEXT = """
the sea is wide and a ship goes far when wind and rain come from north or south
tell me what you like to eat drink read see and hear this morning i think that we
all want tea bread fish rice soup cake but not now later maybe you should ask again
wah lah can one ahoy matey arr hello question answer number good night old friend
"""
WORDS = TEXT.split()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lora: of the engine lora; most need its extra")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.lora)
        item.add_marker(pytest.mark.timeout(600))
        # The libraries warn of each other, and of this machine; that is not ours to mend.
        item.add_marker(pytest.mark.filterwarnings("ignore"))
        if MISSING and "base" in getattr(item, "fixturenames", ()):
            reason = f"the extra lora is not installed: {', '.join(MISSING)}"
            item.add_marker(pytest.mark.skip(reason=reason))


def sentence(dice: random.Random) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(3, 9))).capitalize() + dice.choice(".?!")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a model of two layers that has learnt to speak, but nothing of our examples.

    LoRA changes little of a model: on random weights it learns nothing, so all weights are trained
    first, on other text of the same shape.
    """
    # One thread: tests run side by side, and torch's threads wait for each other by spinning.
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    folder = tmp_path_factory.mktemp("base") / "tiny-1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _make(folder)
    yield folder
    del os.environ["HF_HUB_OFFLINE"], os.environ["OMP_NUM_THREADS"]


def _make(folder: Path) -> None:
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    dice = random.Random(0)
    # A few pairs, seen often: so it learns that what is said depends on what was asked.
    pairs = [(sentence(dice), sentence(dice)) for _ in range(PAIRS)]
    heads = [
        f"<|im_start|>system\n{sentence(dice)}<|im_end|>\n" * (number % 3 == 0)
        + f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n"
        for number, (asked, _) in enumerate(pairs)
    ]
    texts = [f"{head}{said}<|im_end|>\n" for head, (_, said) in zip(heads, pairs, strict=True)]
    tokenizer = _tokenizer(transformers, texts)
    tokenizer.save_pretrained(folder)
    model = transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=96,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=24,
            initializer_range=0.05,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    lengths = [len(tokenizer(head)["input_ids"]) for head in heads]
    for _ in range(STEPS):
        chosen = dice.choices(range(PAIRS), k=16)
        batch = tokenizer([texts[i] for i in chosen], padding=True, return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        for row, i in enumerate(chosen):
            labels[row, : lengths[i]] = -100
        loss = model(**batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)


def _tokenizer(transformers: Any, texts: list[str]) -> Any:
    tokenizers: Any = importlib.import_module("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made.train_from_iterator(
        texts,
        tokenizers.trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=special,
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
    )
