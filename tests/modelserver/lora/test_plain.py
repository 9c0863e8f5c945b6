"""What of the engine needs no torch: rules, the file between the processes, text from tokens."""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserver.engine import Lesson, Metrics, Preference, Said, Wish
from modelserver.errors import EngineFault
from modelserver.lora import recipe
from modelserver.lora.engine import Lora
from modelserver.lora.recipe import Fit
from modelserver.lora.sampling import Taste, of_wish
from modelserver.lora.speech import Speech
from modelserver.lora.task import Done, Task, Work
from modelserver.server import ModelServer

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_server_loads_none_of_it() -> None:
    """Neither with the imitator, nor when the engine's own modules are imported."""
    code = (
        "import sys, modelserver.__main__, modelserver.lora.engine, modelserver.lora.trainer\n"
        "heavy = {'torch', 'transformers', 'peft', 'trl', 'datasets', 'accelerate'}\n"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, "")


async def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in {"torch", "trl"} else name
    )
    with pytest.raises(EngineFault, match=r"^the engine lora needs torch, trl: pip install"):
        async with ModelServer(tmp_path, engine=Lora("org/model")):
            pass


@pytest.mark.parametrize(
    ("examples", "batch"), [(1, 1), (10, 1), (19, 1), (50, 5), (160, 16), (100_000, 16)]
)
def test_a_batch_leaves_an_epoch_ten_steps(examples: int, batch: int) -> None:
    assert recipe.batch_size(examples) == batch


@given(batch=st.integers(1, 256), most=st.integers(1, 64))
def test_parts_make_the_batch(batch: int, most: int) -> None:
    part = recipe.at_a_time(batch, most)
    assert 1 <= part <= most
    assert batch % part == 0


@given(batch=st.integers(1, 256), quantise=st.booleans())
def test_lowering_ends_with_one_example_of_a_quantised_model(batch: int, quantise: bool) -> None:
    fit: Fit | None = Fit(at_a_time=recipe.at_a_time(batch, recipe.AT_A_TIME), quantised=False)
    tried: list[Fit] = []
    while fit is not None:
        assert fit not in tried
        tried.append(fit)
        fit = recipe.smaller(fit, batch, can_quantise=quantise)
    assert tried[-1] == Fit(at_a_time=1, quantised=quantise)
    assert all(batch % one.at_a_time == 0 for one in tried)


def test_a_model_that_did_not_load_is_quantised_at_once() -> None:
    fit = Fit(at_a_time=8, quantised=False)
    assert recipe.smaller(fit, 8, can_quantise=True, loaded=False) == Fit(
        at_a_time=8, quantised=True
    )
    assert recipe.smaller(fit, 8, can_quantise=False, loaded=False) is None


def test_a_model_of_8b_needs_four_bits_on_16_gigabytes() -> None:
    assert recipe.needed(8_000_000_000, quantised=False) > 16e9
    assert recipe.needed(8_000_000_000, quantised=True) < 16e9


TEXTS = st.text(max_size=20)
SAID = st.builds(Said, st.sampled_from(["user", "assistant"]), TEXTS)
LESSONS = st.builds(
    lambda turns: Lesson(messages=tuple(turns), learn=tuple(True for _ in turns)),
    st.lists(SAID, min_size=1, max_size=3),
)
PAIRS = st.builds(
    lambda turns, one, other: Preference(prompt=tuple(turns), preferred=one, rejected=other),
    st.lists(SAID, min_size=1, max_size=3),
    TEXTS,
    TEXTS,
)


@settings(max_examples=15)  # each writes to the disk, and waits for it
@given(lessons=st.lists(LESSONS, max_size=3), pairs=st.lists(PAIRS, max_size=3))
def test_a_task_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, lessons: list[Lesson], pairs: list[Preference]
) -> None:
    work = Work(tmp_path_factory.mktemp("work"))
    task = Task(
        base="org/model",
        method="dpo",
        lessons=tuple(lessons),
        pairs=tuple(pairs),
        validation=tuple(lessons),
        validation_pairs=tuple(pairs),
        parent=None,
        epochs=3,
        batch_size=4,
        learning_rate=1e-4,
        beta=0.1,
        seed=7,
    )
    work.put_task(task)
    assert work.task() == task
    assert work.fit() is None
    assert work.done() is None
    work.put_fit(Fit(at_a_time=2, quantised=True))
    assert work.fit() == Fit(at_a_time=2, quantised=True)
    metrics = Metrics(step=1, total_steps=2, train_loss=0.5, train_mean_token_accuracy=0.5)
    work.put_done(Done(tokens=5, epochs=(("1", metrics),)))
    assert work.done() == Done(tokens=5, epochs=(("1", metrics),))


def decode(ids: Sequence[int]) -> str:
    """Tokens that are bytes, as the smallest ones of most tokenizers are."""
    return bytes(ids).decode("utf-8", "replace")


@given(text=st.text(max_size=30))
def test_pieces_make_the_text_and_no_character_is_broken(text: str) -> None:
    speech = Speech(decode)
    pieces = [speech.add(token) for token in text.encode()]
    assert "".join([*pieces, speech.end()]) == text
    if "\ufffd" not in text:
        assert not [piece for piece in pieces if "\ufffd" in piece]


def test_half_a_character_at_the_end_is_shown_as_such() -> None:
    speech = Speech(decode)
    assert [speech.add(token) for token in "é".encode()[:1]] == [""]
    assert speech.end() == "\ufffd"


def test_a_wish_goes_before_what_is_usual() -> None:
    usual = Taste(temperature=0.7, top_p=0.8, top_k=20)
    assert of_wish(Wish(), usual) == usual
    assert of_wish(Wish(temperature=1.2), usual) == Taste(temperature=1.2)
    assert of_wish(Wish(top_p=0.5), usual) == Taste(temperature=0.7, top_p=0.5)
