"""The format of an exported avatar: what is written is read again, and nothing else is."""

import base64
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar.dataset.openai_jsonl import read_file
from avatar.errors import BadText
from avatar.exporting import (
    Export,
    ExportedLesson,
    ExportedSwitch,
    ExportedVersion,
    read,
    write,
)
from avatar.limits import MAX_COST, MAX_MESSAGES
from avatar.pictures import LARGEST_FACE, data_url
from avatar.records import Axis, Example, Method, Role, Status, TrainingType, Turn, Why

times = st.integers(1_600_000_000, 4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
words = st.text(max_size=60)  # without halves of characters, which no file can hold
lines = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40)
turns = st.builds(Turn, role=st.sampled_from(Role), text=words)
numbers = st.integers(0, 10**9 - 1)
screenings = st.fixed_dictionaries(
    {
        "screened": numbers,
        "left_out": numbers,
        "categories": st.dictionaries(lines, numbers, max_size=3),
        "refusal": words,
    }
)
PNG = b"\x89PNG\r\n\x1a\n"
pictures = st.binary(max_size=60).map(lambda rest: data_url(PNG + rest))


@st.composite
def examples(draw: st.DrawFn) -> Example:
    said = draw(st.lists(turns, min_size=1, max_size=4))
    return Example(
        turns=tuple(said),
        weights=tuple(draw(st.sampled_from([None, 0, 1])) for _ in said),
        tokens=draw(st.integers(0, 10_000)),
        source=draw(lines),
        rejected=draw(st.none() | words),
        people=tuple(draw(st.lists(lines, max_size=3))),
        messages=draw(st.integers(0, 10_000)),
    )


@st.composite
def versions(draw: st.DrawFn, number: int) -> ExportedVersion:
    tuned = draw(st.booleans())
    return ExportedVersion(
        number=number,
        training_type=TrainingType.FINE_TUNE if tuned else TrainingType.PROMPT_UPDATE,
        status=draw(st.sampled_from(Status)),
        note=draw(words),
        created_at=draw(times),
        prompt=None if tuned else draw(words),
        provider=draw(st.none() | lines),
        base_model=draw(st.none() | lines),
        method=draw(st.sampled_from(Method)),
        model=draw(st.none() | lines) if tuned else None,
        source=draw(st.none() | lines),
        origin=draw(st.none() | numbers),
        trained_tokens=draw(st.none() | numbers),
        epochs=draw(st.none() | st.integers(1, 50)),
        actual_cost=draw(st.none() | numbers),
        finished_at=draw(st.none() | times),
        error=draw(st.none() | words),
        error_code=draw(st.none() | lines),
        started_at=draw(st.none() | times),
        estimated_tokens=draw(st.none() | numbers),
        estimated_cost=draw(st.none() | numbers),
        unlearnt_at=draw(st.none() | times),
        screening=draw(st.none() | screenings),
        examples=tuple(draw(st.lists(examples(), max_size=3))) if tuned else (),
        held_out=tuple(draw(st.lists(examples(), max_size=2))) if tuned else (),
    )


@st.composite
def exports(draw: st.DrawFn) -> Export:
    made = [
        draw(versions(number))
        for number in sorted(draw(st.sets(st.integers(1, 10**9 - 1), max_size=4)))
    ]

    def pointer(kind: TrainingType) -> st.SearchStrategy[int | None]:
        there = [each.number for each in made if each.training_type is kind]
        return st.sampled_from([None, *there])

    def switch(axis: Axis) -> st.SearchStrategy[ExportedSwitch]:
        kind = TrainingType.PROMPT_UPDATE if axis is Axis.PROMPT else TrainingType.FINE_TUNE
        return st.builds(
            ExportedSwitch,
            axis=st.just(axis),
            before=pointer(kind),
            after=pointer(kind),
            why=st.sampled_from(Why),
            at=times,
        )

    return Export(
        name=draw(lines),
        provider=draw(lines),
        base_model=draw(lines),
        visibility=draw(st.sampled_from(["public", "private"])),
        active_prompt=draw(pointer(TrainingType.PROMPT_UPDATE)),
        active_model=draw(pointer(TrainingType.FINE_TUNE)),
        versions=tuple(made),
        switches=tuple(draw(st.lists(switch(Axis.PROMPT) | switch(Axis.MODEL), max_size=3))),
        lessons=tuple(
            draw(
                st.lists(
                    st.builds(
                        ExportedLesson,
                        turns=st.lists(turns, max_size=3).map(tuple),
                        better=words,
                        worse=words,
                        created_at=times,
                        liked=st.booleans(),
                    ),
                    max_size=2,
                )
            )
        ),
        numbers_given=draw(st.none() | numbers),
        voice=draw(st.none() | lines),
        picture=draw(st.none() | pictures),
        messages_per_minute=draw(st.none() | st.integers(1, MAX_MESSAGES)),
        cost_per_day=draw(st.none() | st.integers(0, MAX_COST)),
        cost_per_month=draw(st.none() | st.integers(0, MAX_COST)),
    )


quick = settings(max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True)


@quick
@given(export=exports())
def test_what_is_written_is_read_again(export: Export, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    file.write_bytes(write(export))
    assert read(file) == export


ADDED = {
    "avatar": [
        "numbers_given",
        "voice",
        "picture",
        "messages_per_minute",
        "cost_per_day",
        "cost_per_month",
    ],
    "version": [
        "error_code",
        "started_at",
        "estimated_tokens",
        "estimated_cost",
        "unlearnt_at",
        "screening",
    ],
}


@quick
@given(export=exports())
def test_an_archive_of_before_is_still_read(export: Export, tmp_path: Path) -> None:
    """As the first /export wrote it: what came later is not there."""
    file, old = tmp_path / "export.zip", tmp_path / "old.zip"
    file.write_bytes(write(export))
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            if name == "avatar.json":
                about = without(json.loads(source.read(name)), ADDED["avatar"])
                about["versions"] = [without(v, ADDED["version"]) for v in about["versions"]]
                about["lessons"] = [without(each, ["liked"]) for each in about["lessons"]]
                target.writestr(name, json.dumps(about))
            else:
                lines = source.read(name).splitlines()
                said = [json.dumps(without(json.loads(line), ["messages"])) for line in lines]
                target.writestr(name, "\n".join(said))

    def plain(examples: tuple[Example, ...]) -> tuple[Example, ...]:
        return tuple(replace(each, messages=0) for each in examples)

    missing: dict[str, Any] = dict.fromkeys(ADDED["avatar"])
    gone: dict[str, Any] = dict.fromkeys(ADDED["version"])
    assert read(old) == replace(
        export,
        **missing,
        versions=tuple(
            replace(each, **gone, examples=plain(each.examples), held_out=plain(each.held_out))
            for each in export.versions
        ),
        lessons=tuple(replace(each, liked=False) for each in export.lessons),
    )


def without(value: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in names}


@pytest.mark.parametrize("name", ["Ani 👩‍💻", "می‌خواهم"])
def test_a_name_may_hold_what_joins_letters(tmp_path: Path, name: str) -> None:
    """An avatar can be called so, and a chat that examples are from."""
    said = (Turn(role=Role.USER, text="ha"),)
    same = Example(turns=said, weights=(None,), tokens=1, source=f"chat.txt: {name}\u00a0x")
    export = replace(an_export(examples=(same,)), name=name)
    file = tmp_path / "export.zip"
    file.write_bytes(write(export))
    assert read(file) == export


def test_the_longest_example_that_is_taken_comes_back(tmp_path: Path) -> None:
    """As long as one that `/train` takes: ten of them are the least."""
    text = "tidy " * 52_000
    line = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}]}
    file = tmp_path / "long.jsonl"
    file.write_text(f"{json.dumps(line)}\n" * 10)
    taken = read_file(file, name="long.jsonl").examples
    export = an_export(examples=taken)
    packed = tmp_path / "export.zip"
    packed.write_bytes(write(export))
    assert read(packed) == export


def test_examples_that_repeat_themselves_are_no_bomb(tmp_path: Path) -> None:
    same = Example(
        turns=(Turn(role=Role.USER, text="ha" * 1000),), weights=(None,), tokens=1, source="x"
    )
    export = an_export(examples=(same,) * 500)
    file = tmp_path / "export.zip"
    file.write_bytes(write(export))
    assert read(file) == export


def an_export(**version: Any) -> Export:
    tuned = ExportedVersion(
        number=7,
        training_type=TrainingType.FINE_TUNE,
        status=Status.COMPLETED,
        note="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        model="ft:x",
        **version,
    )
    return Export(
        name="Ani",
        provider="p",
        base_model="m",
        visibility="public",
        active_prompt=None,
        active_model=7,
        versions=(tuned,),
        switches=(),
        lessons=(),
    )


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    about = json.loads(zipfile.ZipFile(_file(folder)).read("avatar.json"))
    change(about)
    file = folder / "changed.zip"
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("avatar.json", json.dumps(about))
    return file


FACE = base64.b64encode(PNG).decode()


def screened(*, many: int = 1, word: str = "x") -> dict[str, Any]:
    kinds = {f"{word}{n}": n for n in range(many)}
    return {"screened": 1, "left_out": 1, "categories": kinds, "refusal": ""}


def _file(folder: Path) -> Path:
    file = folder / "export.zip"
    file.write_bytes(write(an_export()))
    return file


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.update(format=2),
        lambda about: about.update(name="\n"),
        lambda about: about.update(name="x" * 65),
        lambda about: about.update(visibility="secret"),
        lambda about: about.update(active_prompt=7),  # that is a model
        lambda about: about.update(active_model=8),
        lambda about: about.update(versions=about["versions"] * 2),
        lambda about: about.update(versions={}),
        lambda about: about["versions"][0].update(number=-1),
        lambda about: about["versions"][0].update(number=True),
        lambda about: about["versions"][0].update(number=1e3),
        lambda about: about["versions"][0].update(type="a third kind"),
        lambda about: about["versions"][0].update(prompt="and a prompt"),
        lambda about: about["versions"][0].update(created_at="yesterday"),
        lambda about: about["versions"][0].update(note="x" * 1_000_000),
        lambda about: about["versions"][0].update(model="a\x00b"),
        *(
            lambda about, c=c: about["versions"][0].update(model=f"a{c}")
            for c in "\n\t\r\x1b\x7f\x85\u2028"
        ),
        lambda about: about.update(voice="a\nb"),
        lambda about: about.update(voice="x" * 65),
        lambda about: about.update(picture="https://example.org/face.png"),
        lambda about: about.update(picture="data:image/png;base64,AAAA"),  # that is none
        lambda about: about.update(picture="data:text/html;base64," + FACE),
        lambda about: about.update(picture=f"data:image/png;base64,{FACE}\n"),
        lambda about: about.update(picture=data_url(PNG + bytes(LARGEST_FACE))),
        lambda about: about.update(picture="x" * 10_000_000),
        lambda about: about.update(messages_per_minute=0),
        lambda about: about.update(messages_per_minute=MAX_MESSAGES + 1),
        lambda about: about.update(cost_per_day=-1),
        lambda about: about.update(cost_per_month=MAX_COST + 1),
        lambda about: about.update(cost_per_month=1.5),
        lambda about: about.update(numbers_given=10**12),
        lambda about: about["versions"][0].update(screening=[]),
        lambda about: about["versions"][0].update(screening={"screened": 1}),
        lambda about: about["versions"][0].update(screening=screened(many=101)),
        lambda about: about["versions"][0].update(screening=screened(word="a\x1b")),
        lambda about: about["versions"][0].update(unlearnt_at="soon"),
        lambda about: about["versions"][0].update(estimated_cost="much"),
        lambda about: about["lessons"].append(
            {"turns": [], "better": "", "worse": "", "at": "2026-01-01", "liked": "yes"}
        ),
        lambda about: about["switches"].append({"axis": "model"}),
        lambda about: about["lessons"].append([]),
        lambda about: about.pop("switches"),
    ],
)
def test_what_write_would_not_have_made_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(BadText, match="no export of an avatar"):
        read(changed(tmp_path, change))


LINE = (
    b'{"turns": [["user", "x", null]], "tokens": 1, "source": "x", "rejected": null, '
    b'"people": [], "messages": 0, "held_out": false}'
)


def test_an_example_of_an_archive_is_read(tmp_path: Path) -> None:
    file = _file(tmp_path)
    with zipfile.ZipFile(file, "a") as target:
        target.writestr("examples/7.jsonl", LINE)
    assert len(read(file).versions[0].examples) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../evil.jsonl", b"x"),
        ("examples/9.jsonl", b"{}"),  # belongs to no version
        ("examples/7.jsonl", b"not JSON"),
        ("examples/7.jsonl", b'{"turns": [["nobody", "x", null]]}'),
        ("examples/7.jsonl", LINE.replace(b'"messages": 0', b'"messages": -1')),
        ("examples/7.jsonl", LINE.replace(b'"messages": 0', b'"messages": "many"')),
        ("more.zip", b"x"),
    ],
)
def test_hostile_archives_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    file = _file(tmp_path)
    with zipfile.ZipFile(file, "a") as target:
        target.writestr(name, content)
    with pytest.raises(BadText):
        read(file)


@quick
@given(content=st.binary(max_size=400))
def test_bytes_that_are_no_archive(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    file.write_bytes(content)
    with pytest.raises(BadText):
        read(file)


@quick
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_the_same(data: st.DataObject, tmp_path: Path) -> None:
    export = an_export()
    damaged = bytearray(write(export))
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    file = tmp_path / "export.zip"
    file.write_bytes(damaged)
    try:
        found = read(file)
    except BadText:
        return
    assert found == export
