"""Ready-made examples: ShareGPT, two columns, preference pairs."""

import json
from pathlib import Path
from typing import Any

import pytest

from avatar.dataset.formats import recognise
from avatar.dataset.reading import Reading
from avatar.dataset.ready import PairReading
from avatar.errors import BadDataset
from avatar.records import Role
from tests.avatar.dataset.exported import FIXTURES, zipped


def read(path: Path) -> Reading | PairReading:
    found = recognise(path, path.name)
    return found.pairs() if found.format.pairs is not None else found.examples()


def of(tmp_path: Path, content: str | bytes) -> Reading | PairReading:
    path = tmp_path / "given"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def faults(tmp_path: Path, content: str) -> tuple[str, ...]:
    with pytest.raises(BadDataset) as caught:
        of(tmp_path, content)
    return caught.value.faults


def lines(*objects: Any) -> str:
    return "\n".join(json.dumps(one) for one in objects)


@pytest.mark.parametrize("name", ["openai.jsonl", "sharegpt.json", "columns.csv"])
def test_examples(name: str) -> None:
    reading = read(FIXTURES / name)
    assert isinstance(reading, Reading)
    assert len(reading.examples) == 10
    assert [turn.role for turn in reading.examples[0].turns] == [Role.USER, Role.ASSISTANT]


def test_openai_in_a_zip(tmp_path: Path) -> None:
    reading = of(tmp_path, zipped({"a/b.jsonl": (FIXTURES / "openai.jsonl").read_bytes()}))
    assert isinstance(reading, Reading)
    assert reading.examples[3].source == "a/b.jsonl line 4"


def test_a_table_of_a_western_excel(tmp_path: Path) -> None:
    rows = [f"Schönes Wetter {n}?;Ja – für 5 €" for n in range(10)]
    reading = of(tmp_path, "\r\n".join(rows).encode("cp1252"))
    assert isinstance(reading, Reading)
    assert [turn.text for turn in reading.examples[9].turns] == [
        "Schönes Wetter 9?",
        "Ja – für 5 €",
    ]
    assert "Windows-1252" in reading.warnings[0]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        reading = of(tmp_path, "\r\n".join(rows).encode(encoding))
        assert isinstance(reading, Reading)
        assert not any("Windows-1252" in warning for warning in reading.warnings)


@pytest.mark.parametrize("odd", ["é".encode(), b"\x81"])
def test_a_table_that_is_not_surely_of_a_western_excel(tmp_path: Path, odd: bytes) -> None:
    rows = [b"Sch\xf6n %d?;Ja" % n for n in range(10)]
    with pytest.raises(BadDataset) as caught:
        of(tmp_path, b"\n".join([*rows, b"caf" + odd + b";Ja"]))
    assert "line 1: byte 4 is not UTF-8" in caught.value.faults[0]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_table_that_says_its_delimiter_as_excel_does(tmp_path: Path, delimiter: str) -> None:
    rows = [f'"what, {n};\nyes?"{delimiter}ok {n}' for n in range(10)]
    reading = of(tmp_path, "\r\n".join([f"sep={delimiter}", *rows]))
    assert isinstance(reading, Reading)
    assert [turn.text for turn in reading.examples[9].turns] == ["what, 9;\nyes?", "ok 9"]
    assert reading.examples[9].source == "given line 21"


def test_a_table_keeps_its_texts() -> None:
    reading = read(FIXTURES / "columns.csv")
    assert isinstance(reading, Reading)
    assert [turn.text for turn in reading.examples[1].turns] == ["q1, really?", 'a1\nand "more"']


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_without_headings(tmp_path: Path, delimiter: str) -> None:
    reading = of(tmp_path, "".join(f"q{n}{delimiter}a{n}\r\n" for n in range(12)))
    assert isinstance(reading, Reading)
    assert len(reading.examples) == 12


def test_a_row_of_three(tmp_path: Path) -> None:
    content = "question,answer\n" + "".join(f"q{n},a{n}\n" for n in range(30)) + "a,b,c\nq,\n"
    assert faults(tmp_path, content) == (
        "line 32: it has 3 columns in place of two.",
        "line 33: message 2 needs text as its content.",
    )


def test_an_open_quote(tmp_path: Path) -> None:
    content = "question,answer\n" + "".join(f"q{n},a{n}\n" for n in range(30)) + 'q,"a'
    assert "line 32" in faults(tmp_path, content)[0]


def sharegpt(*said: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"conversations": [{"from": who, "value": what} for who, what in said], **more}


def test_sharegpt_a_line_with_a_system_prompt(tmp_path: Path) -> None:
    one = sharegpt(("human", "q"), ("gpt", "a"), system="be kind")
    reading = of(tmp_path, lines(*[one] * 10))
    assert isinstance(reading, Reading)
    assert [turn.role for turn in reading.examples[0].turns] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
    ]


def test_faults_of_sharegpt(tmp_path: Path) -> None:
    good = sharegpt(("human", "q"), ("gpt", "a"))
    bad = [sharegpt(("human", "q")), sharegpt(("tool", "x"), ("gpt", "a")), {"conversations": 1}]
    assert faults(tmp_path, lines(*[good] * 10, *bad) + "\n{") == (
        "line 11: the last message must be the assistant's.",
        "line 12: message 1 is from 'tool'; use human, gpt or system.",
        'line 13: it needs "conversations", a list of messages.',
        "line 14: it is no JSON (Expecting property name enclosed in double quotes, "
        "at character 2).",
    )
    whole = json.dumps([*[good] * 10, *bad[:1]])
    assert faults(tmp_path, whole)[0].startswith("example 11: the last message")


def test_pairs_of_openai() -> None:
    reading = read(FIXTURES / "dpo.jsonl")
    assert isinstance(reading, PairReading)
    pair = reading.pairs[2]
    assert (pair.turns[0].text, pair.chosen, pair.rejected) == ("q2", "good", "bad")
    assert pair.source == "dpo.jsonl line 3"


@pytest.mark.parametrize(
    "pair",
    [
        {"prompt": "q", "chosen": "good", "rejected": "bad"},
        {
            "prompt": [{"role": "user", "content": "q"}],
            "chosen": [{"role": "assistant", "content": "good"}],
            "rejected": [{"role": "assistant", "content": "bad"}],
        },
        {
            "chosen": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "good"},
            ],
            "rejected": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "bad"},
            ],
        },
    ],
)
def test_pairs_of_others(tmp_path: Path, pair: dict[str, Any]) -> None:
    for content in (lines(*[pair] * 10), json.dumps([pair] * 10)):
        reading = of(tmp_path, content)
        assert isinstance(reading, PairReading)
        first = reading.pairs[0]
        assert ([turn.text for turn in first.turns], first.chosen, first.rejected) == (
            ["q"],
            "good",
            "bad",
        )


def test_faults_of_pairs(tmp_path: Path) -> None:
    good = {"prompt": "q", "chosen": "good", "rejected": "bad"}
    content = lines(
        *[good] * 10, good | {"rejected": "good"}, good | {"chosen": ""}, good | {"prompt": None}, 7
    )
    assert faults(tmp_path, content) == (
        "line 11: both answers are the same.",
        "line 12: the preferred answer needs text.",
        "line 13: it needs the messages before the answers.",
        "line 14: it must be an object.",
    )


def test_few_pairs(tmp_path: Path) -> None:
    content = lines({"prompt": "q", "chosen": "good", "rejected": "bad"})
    assert faults(tmp_path, content) == ("the file: it has 1 pairs; training needs at least 10.",)


def test_one_kind_is_not_taken_for_another() -> None:
    examples, pairs = (recognise(FIXTURES / n, n) for n in ("openai.jsonl", "dpo.jsonl"))
    with pytest.raises(BadDataset, match="it holds OpenAI JSONL, not preference pairs"):
        examples.pairs()
    with pytest.raises(BadDataset, match="not ready-made examples"):
        pairs.examples()
