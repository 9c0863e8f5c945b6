"""Chat templates: what a conversation is in tokens, and which of them are learnt."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from modelserver.engine import Lesson, Preference, Said
from modelserver.errors import EngineFault
from modelserver.lora import recipe, weights
from modelserver.lora.template import Template, Unfit
from tests.modelserver.lora.conftest import CHATML

# Writes the last reply with a block of thoughts and earlier ones without, as Qwen 3 does.
THINKS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# Knows no system messages, and no two of one role in a row, as Gemma 2 does.
STRICT = (
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def tokenizer(base: Path) -> Any:
    return weights.tokenizer(str(base))


def template(tokenizer: Any, text: str) -> Template:
    tokenizer.chat_template = text
    return Template(tokenizer)


def lesson(*turns: tuple[str, str, bool]) -> Lesson:
    return Lesson(
        messages=tuple(Said(role, text) for role, text, _ in turns),
        learn=tuple(learn for *_, learn in turns),
    )


LESSON = lesson(
    ("system", "be kind", False),
    ("user", "one", False),
    ("assistant", "hidden", False),
    ("user", "two", False),
    ("assistant", "first reply", True),
    ("user", "three", False),
    ("assistant", "last reply", True),
)


def learnt(tokenizer: Any, made: Template, one: Lesson) -> list[str]:
    return [
        tokenizer.decode([i for i, learn in zip(s.ids, s.learn, strict=True) if learn])
        for s in made.samples(one)
    ]


def test_only_replies_that_weigh_are_learnt_with_their_end(tokenizer: Any) -> None:
    made = template(tokenizer, CHATML)
    assert learnt(tokenizer, made, LESSON) == ["first reply<|im_end|>last reply<|im_end|>"]
    (sample,) = made.samples(LESSON)
    assert tokenizer.decode(sample.ids).startswith("<|im_start|>system\nbe kind<|im_end|>\n")
    assert tokenizer.decode(sample.ids).count("hidden") == 1


def test_replies_are_learnt_after_the_tokens_that_come_before_them_when_asked(
    tokenizer: Any,
) -> None:
    for text in (CHATML, THINKS):
        made = template(tokenizer, text)
        for sample in made.samples(lesson(("user", "one", False), ("assistant", "reply", True))):
            prompt = made.prompt([Said("user", "one")])
            assert sample.ids[: len(prompt)] == prompt
            assert sample.learn == [False] * len(prompt) + [True] * (len(sample.ids) - len(prompt))


def test_where_earlier_turns_are_written_otherwise_each_reply_is_a_sample(tokenizer: Any) -> None:
    made = template(tokenizer, THINKS)
    assert learnt(tokenizer, made, LESSON) == ["first reply<|im_end|>", "last reply<|im_end|>"]
    first, last = (tokenizer.decode(sample.ids) for sample in made.samples(LESSON))
    assert first.endswith("<think>\n\n</think>\n\nfirst reply<|im_end|>")
    assert "assistant\nfirst reply<|im_end|>" in last


def test_a_template_without_system_and_neighbours_gets_what_it_takes(tokenizer: Any) -> None:
    made = template(tokenizer, STRICT)
    said = [Said("system", "be kind"), Said("user", "one"), Said("user", "two")]
    assert tokenizer.decode(made.prompt(said)) == (
        "<|im_start|>user\nbe kind\n\none\n\ntwo<|im_end|>\n<|im_start|>assistant\n"
    )
    with pytest.raises(Unfit, match="alternate"):
        made.prompt([Said("assistant", "hello"), Said("user", "one")])
    assert learnt(tokenizer, made, LESSON) == ["first reply<|im_end|>last reply<|im_end|>"]


def test_a_pair_is_a_prompt_and_two_ends(tokenizer: Any) -> None:
    made = template(tokenizer, CHATML)
    pair = Preference(prompt=(Said("user", "one"),), preferred=" yes ", rejected="no")
    prompt, preferred, rejected = made.pair(pair)
    assert prompt == made.prompt([Said("user", "one")])
    assert tokenizer.decode(preferred) == "yes<|im_end|>"
    assert tokenizer.decode(rejected) == "no<|im_end|>"


def test_a_reply_stops_at_the_turns_end_and_where_the_makers_say(tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    end, text = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    tokenizer.eos_token = "<|endoftext|>"
    assert Template(tokenizer).stops == {end, text}
    assert Template(tokenizer, [5]).stops == {end, text, 5}


def test_a_model_that_was_not_made_for_conversations_is_refused(
    tokenizer: Any, tmp_path: Path
) -> None:
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(EngineFault, match="no chat template"):
        weights.template(str(tmp_path))
    with pytest.raises(EngineFault, match="cannot be read"):
        weights.template(str(tmp_path / "none"))


def test_parameters_are_counted_without_the_weights(base: Path) -> None:
    transformers: Any = importlib.import_module("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    assert weights.parameters(str(base)) == sum(one.numel() for one in model.parameters())


def test_what_does_not_fit_the_gpu_is_quantised(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch: Any = importlib.import_module("torch")
    need = recipe.needed(weights.parameters(str(base)), quantised=False)
    assert not weights.must_be_quantised(str(base))  # there is no GPU here, or nothing to do it
    monkeypatch.setattr(weights, "can_quantise", lambda: True)
    for free, quantised in ((need * 2, False), (need // 2, True)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda free=free: (free, free))
        assert weights.must_be_quantised(str(base)) is quantised


def test_gpus_are_named_as_the_system_names_them(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "gpus", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert weights.gpu_names() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-ab")
    assert weights.gpu_names() == ["3", "GPU-ab"]


# As their makers published them; TRL keeps copies.
PUBLISHED = {
    "cohere": "<|END_OF_TURN_TOKEN|>",
    "gemma": "<end_of_turn>",
    "gemma3": "<end_of_turn>",
    "llama3_1": "<|eot_id|>",
    "phi3": "<|end|>",
    "qwen2_5": "<|im_end|>",
    "qwen3": "<|im_end|>",
    "qwen3_5_nothink": "<|im_end|>",
    "smolvlm": "<end_of_utterance>",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_templates_of_known_models(tokenizer: Any, name: str) -> None:
    trl: Any = importlib.import_module("trl")
    text = (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text()
    end = PUBLISHED[name]
    tokenizer.add_special_tokens({"additional_special_tokens": [end, "<bos>"]})
    tokenizer.bos_token = "<bos>"
    made = template(tokenizer, text)
    assert end in made.stop_texts()
    replies = [f"first reply{end}", f"last reply{end}"]
    assert learnt(tokenizer, made, LESSON) in (replies, ["".join(replies)])
    prompts = [tokenizer.decode(made.prompt(LESSON.messages[:place])) for place in (4, 6)]
    texts = [tokenizer.decode(sample.ids) for sample in made.samples(LESSON)]
    for prompt, reply in zip(prompts, replies, strict=True):
        assert "be kind" in prompt
        assert any(one.startswith(prompt + reply) for one in texts)
