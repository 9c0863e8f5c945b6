"""From messages to examples: each rule, and numbers that add up."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar.dataset import openai_jsonl
from avatar.dataset.building import Built, Rules, build
from avatar.dataset.export import Export
from avatar.dataset.masking import Kind
from avatar.dataset.report import verdict
from avatar.dataset.said import Drop, Heading, Progress, Said
from avatar.errors import BadDataset
from avatar.records import Example, Role

START = 1_700_000_000.0
DAY = 86_400.0
ME, ANN, BEN = "me", "ann", "ben"


def an_export(said: Sequence[Said | Heading]) -> Export:
    def read(progress: Progress | None) -> Iterator[Said | Heading]:
        return iter(said)

    return Export(form="Test", source="test.json", read=read, ignored=())


def says(who: str, text: str, at: float, **more: Any) -> Said:
    fields: dict[str, Any] = {"chat": "c", "name": who.title(), **more}
    return Said(speaker=who, text=text, at=START + at, **fields)


def padding(count: int = 12, chat: str = "c", since: float = 1000 * DAY) -> list[Said]:
    """Conversations of a question and an answer each, long after all else."""
    said = []
    for n in range(count):
        said.append(says(ANN, f"question {n}", since + n * DAY, chat=chat))
        said.append(says(ME, f"answer {n}", since + n * DAY + 10, chat=chat))
    return said


def made(*said: Said, rules: Rules | None = None, person: str = ME, more: int = 12) -> Built:
    return build(an_export([*said, *padding(more)]), person=person, rules=rules or Rules())


def shown(example: Example) -> list[str]:
    sign = {Role.USER: "?", Role.ASSISTANT: "!", Role.SYSTEM: "#"}
    return [f"{sign[turn.role]}{turn.text}" for turn in example.turns]


def first(*said: Said, rules: Rules | None = None) -> list[list[str]]:
    """The examples of what was said, without those of the padding."""
    examples = [shown(example) for example in made(*said, rules=rules).examples]
    return [turns for turns in examples if not turns[0].startswith("?question")]


def test_messages_of_one_speaker_within_two_minutes_are_one_turn() -> None:
    assert first(
        says(ANN, "hi", 0),
        says(ANN, "there", 120),
        says(ANN, "?", 241),
        says(ME, "hey", 250),
        says(ME, "you", 251),
    ) == [["?hi\nthere", "??", "!hey\nyou"]]


def test_what_is_joined_still_fits_into_an_example() -> None:
    said = [says(ANN, "a", 0), *(says(ME, f"{n}" + "x" * 800, 10 + n) for n in range(4))]
    built = made(*said)
    assert [len(turn) for turn in shown(built.examples[0])] == [2, 1604]
    assert built.report.dropped == {Drop.UNPROMPTED: 2}


def test_a_conversation_ends_after_silence_even_of_a_day_and_five_minutes() -> None:
    """A day and 5 minutes is no 5 minutes, which `timedelta.seconds` would make of it."""
    assert first(
        says(ANN, "a", 0),
        says(ME, "b", 5),
        says(ANN, "c", 5 + DAY + 300),
        says(ME, "d", 10 + DAY + 300),
    ) == [["?a", "!b"], ["?c", "!d"]]


@pytest.mark.parametrize(
    ("pause", "silence"),
    [(5, 600.0), (300, 4 * 300.0), (3600, 4 * 3600.0), (DAY, 4 * 3600.0)],
)
def test_silence_is_fitted_to_the_chat(pause: float, silence: float) -> None:
    export = an_export([says(ANN, "x", n * pause) for n in range(100)])
    assert export.overview().chats[0].silence == pytest.approx(silence, rel=0.1)


def test_a_silence_that_is_set() -> None:
    said = (says(ANN, "a", 0), says(ME, "b", 5), says(ANN, "c", 70), says(ME, "d", 75))
    assert first(*said, rules=Rules(silence=60)) == [["?a", "!b"], ["?c", "!d"]]
    assert first(*said) == [["?a", "!b", "?c", "!d"]]


def test_examples_begin_with_somebody_else_and_end_with_the_person() -> None:
    built = made(
        says(ME, "morning", 0), says(ANN, "a", 200), says(ME, "b", 205), says(ANN, "later", 210)
    )
    assert shown(built.examples[0]) == ["?a", "!b"]
    assert built.report.dropped == {Drop.UNPROMPTED: 1, Drop.UNANSWERED: 1}


def test_at_most_twenty_turns() -> None:
    said = []
    for n in range(25):
        said += [says(ANN, f"a{n}", n * 20), says(ME, f"b{n}", n * 20 + 10)]
    examples = first(*said)
    assert [len(turns) for turns in examples] == [20, 20, 10]
    assert examples[1][0] == "?a10"


def test_at_most_so_many_characters() -> None:
    long = "x" * 700
    examples = first(*[says((ANN, ME)[n % 2], f"{n}{long}", n * 10) for n in range(4)])
    assert [[turn[1] for turn in turns] for turns in examples] == [["0", "1"], ["2", "3"]]


def test_a_group_that_is_never_silent_is_cut_in_little_time() -> None:
    said = [says((ANN, BEN)[n % 2], f"{n}", n * 130) for n in range(20_500)]
    said += [says(ME, "last", 20_500 * 130)]
    began = time.process_time()
    built = made(*said)
    assert time.process_time() - began < 5
    assert [shown(example)[-1] for example in built.examples].count("!last") == 1
    assert built.report.kept + sum(built.report.dropped.values()) == 20_525


def test_what_is_too_long_or_too_far_is_counted() -> None:
    built = made(
        says(ANN, "x" * 3000, 0), says(ME, "b", 10), says(ANN, "c", 20), says(ME, "d" * 2049, 30)
    )
    assert built.report.dropped == {Drop.TOO_LONG: 4}


def test_in_a_group_only_exchanges_of_the_person() -> None:
    said = [
        says(ANN, "who is in?", 0),
        says(BEN, "me", 5),
        says(ME, "me too", 10),
        says(ANN, "great", DAY),
        says(BEN, "yes", DAY + 5),
    ]
    built = made(*said)
    assert shown(built.examples[0]) == ["?who is in?", "?me", "!me too"]
    assert built.report.dropped == {Drop.ABSENT: 2}


def test_a_reply_stands_behind_what_it_answers() -> None:
    said = [
        says(ANN, "who has the key?", 0, id="1"),
        says(BEN, "nice weather", 200, id="2"),
        says(ME, "really nice", 210, id="3"),
        says(BEN, "sunny", 220, id="5"),
        says(ME, "I do", 400, id="4", reply_to="1"),
    ]
    built = made(*said)
    assert [shown(example) for example in built.examples[:2]] == [
        ["?who has the key?", "?nice weather", "!really nice"],
        ["?who has the key?", "!I do"],
    ]
    assert built.report.dropped == {Drop.UNANSWERED: 1}
    assert first(*said, rules=Rules(threads=False)) == [
        ["?who has the key?", "?nice weather", "!really nice", "?sunny", "!I do"]
    ]


def test_a_reply_to_what_was_just_said_changes_nothing() -> None:
    said = [
        says(ANN, "a", 0, id="1"),
        says(ANN, "b", 200, id="2"),
        says(ME, "c", 210, id="3", reply_to="1"),
        says(ME, "d", 400, id="4", reply_to="2"),
    ]
    assert first(*said) == [["?a", "?b", "!c", "!d"]]


def test_an_unanswered_message_that_is_answered_days_later_is_kept() -> None:
    said = [
        says(ANN, "remind me", 0, id="1"),
        says(ME, "now", 3 * DAY, id="2", reply_to="1"),
    ]
    built = made(*said)
    assert shown(built.examples[0]) == ["?remind me", "!now"]
    assert (built.report.dropped, built.report.kept) == ({}, 26)


@pytest.mark.parametrize(
    ("more", "text", "drop"),
    [
        ({"drop": Drop.SERVICE}, "x", Drop.SERVICE),
        ({"drop": Drop.FORWARDED}, "x", Drop.FORWARDED),
        ({"drop": Drop.BOT}, "x", Drop.BOT),
        ({"drop": Drop.MEDIA}, "", Drop.MEDIA),
        ({}, "", Drop.EMPTY),
        ({}, "https://example.org/a?b", Drop.LINK),
        ({}, "HTTP://example.org, www.example.org", Drop.LINK),
    ],
)
def test_what_is_left_out(more: dict[str, Any], text: str, drop: Drop) -> None:
    said = [says(ANN, "a", 0), says(ANN, text, 5, **more), says(ME, "b", 10)]
    built = made(*said)
    assert shown(built.examples[0]) == ["?a", "!b"]
    assert built.report.dropped == {drop: 1}


def test_what_is_kept_if_wanted() -> None:
    said = [
        says(ANN, "a", 0, drop=Drop.FORWARDED),
        says(ANN, "b", 200, drop=Drop.BOT),
        says(ANN, "https://example.org", 400),
        says(ME, "c", 410),
    ]
    rules = Rules(forwards=True, bots=True, links=True)
    assert first(*said, rules=rules) == [["?a", "?b", "?https://example.org", "!c"]]


def test_at_most_three_examples_end_alike() -> None:
    said: list[Said] = []
    for n in range(30):
        reply = "Ok" if n % 2 else "ok "
        said += [says(ANN, f"q{n}", n * DAY), says(ME, reply if n < 28 else f"r{n}", n * DAY + 5)]
    built = build(an_export([*said, *padding(20)]), person=ME)
    ends = Counter(example.turns[-1].text.strip().lower() for example in built.examples)
    assert ends["ok"] == 3
    assert built.report.dropped == {Drop.REPEATED: 50}


def test_no_chat_has_more_than_its_share() -> None:
    said: list[Said] = []
    for chat, count in enumerate((300, 40, 30, 30, 30, 30)):
        said += padding(count, chat=str(chat), since=chat * 1000 * DAY)
    rules = Rules(held_out=0, same_reply=1000, chat_minimum=1)
    built = build(an_export(said), person=ME, rules=rules)
    counts = Counter(example.source for example in built.examples)
    assert counts["test.json: 0"] == counts.total() // 5
    assert built.report.dropped == {Drop.CHAT_SHARE: 2 * (460 - counts.total())}
    # With a few chats, no share could be kept to; and none is cut below the minimum.
    few = build(an_export(said), person=ME, rules=rules, chats={"0", "1"})
    assert few.report.examples == 340
    kind = build(an_export(said), person=ME, rules=Rules(held_out=0, same_reply=1000))
    assert Counter(example.source for example in kind.examples)["test.json: 0"] == 100


def test_the_newest_conversations_are_held_out() -> None:
    built = made(more=50)
    assert [shown(example)[0] for example in built.held_out] == [
        f"?question {n}" for n in range(45, 50)
    ]
    assert len(built.examples) == 45
    assert built.report.held_out == 5


def test_the_most_examples() -> None:
    built = made(more=50, rules=Rules(max_examples=20))
    assert shown(built.examples[0])[0] == "?question 25"
    assert built.report.dropped == {Drop.TOO_MANY: 50}


def test_a_file_in_disorder_is_put_in_order() -> None:
    said = padding(12)
    assert build(an_export(said[::-1]), person=ME) == build(an_export(said), person=ME)


def test_masking_and_names() -> None:
    said = [says(ANN, "mail me: a@x.example", 0), says(ME, "ok Ann", 5)]
    built = made(*said)
    assert shown(built.examples[0]) == ["?mail me: [EMAIL]", "!ok Ann"]
    assert built.report.masked == {Kind.EMAIL: 1}
    assert first(*said, rules=Rules(mask=False)) == [["?mail me: a@x.example", "!ok Ann"]]
    assert first(*said, rules=Rules(mask_names=True)) == [["?mail me: [EMAIL]", "!ok [NAME]"]]


def test_only_the_chosen_chats() -> None:
    said = [*padding(12, chat="1"), *padding(20, chat="2")]
    built = build(an_export(said), person=ME, chats={"1"})
    assert built.report.dropped == {Drop.OTHER_CHAT: 40}
    assert built.report.messages == 64


def refusal(*said: Said, person: str = ME, chats: set[str] | None = None) -> str:
    with pytest.raises(BadDataset) as caught:
        build(an_export(said), person=person, chats=chats)
    return caught.value.sentence


def test_nobody_and_nothing_are_refused() -> None:
    said = padding(12)
    assert "no message of zoe in the chosen chats. In them speak: Ann (12), Me (12)." in refusal(
        *said, person="zoe"
    )
    assert "none of the chosen chats" in refusal(*said, chats={"9"})
    silent = [says(ANN, "a", 0), says(ME, "", 5, drop=Drop.MEDIA)]
    assert "of the 1 messages of Me none has words" in refusal(*silent)


def test_few_examples_are_refused_with_the_reasons() -> None:
    sentence = refusal(*padding(4), says(ANN, "and?", 2000 * DAY))
    assert "its 9 messages gave 4 examples to train on; 10 are the least." in sentence
    assert "left out: in conversations in which the person says nothing (1)" in sentence


def test_few_examples_are_few() -> None:
    assert [verdict(n) for n in (10, 49, 50, 499, 500)] == [
        "few",
        "few",
        "enough",
        "enough",
        "good",
    ]


def test_the_report() -> None:
    report = made(says(ANN, "wie geht es dir", 0), says(ME, "ja gut und dir", 5), more=20).report
    assert (report.messages, report.kept, report.examples, report.held_out) == (42, 42, 19, 2)
    assert report.languages == {"unclear": 18, "German": 1}
    assert (report.reply_length, report.longest_reply, report.turns) == (8, 14, 2.0)
    assert report.tokens > 0


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4", "5", "6"]),  # chat
        st.sampled_from([ME, ANN, BEN]),
        st.sampled_from(["ok", "a", "b" * 900, "c" * 2100, "", "https://x.example", "a@x.example"]),
        st.sampled_from([0.0, 1.0, 60.0, 130.0, 900.0, 20_000.0, DAY + 300, -50.0]),  # pause
        st.sampled_from([None, None, None, Drop.MEDIA, Drop.FORWARDED, Drop.SERVICE]),
        st.integers(0, 30),  # what it replies to
    ),
    max_size=120,
)
RULES = st.builds(
    Rules,
    max_turns=st.integers(2, 20),
    max_characters=st.integers(40, 3000),
    same_reply=st.integers(1, 3),
    chat_minimum=st.integers(10, 20),
    held_out=st.sampled_from([0.0, 0.1, 0.3]),
    max_examples=st.integers(10, 40),
    silence=st.sampled_from([None, 10.0]),
    threads=st.booleans(),
    forwards=st.booleans(),
)


@settings(max_examples=40)
@given(messages=MESSAGES, rules=RULES)
def test_every_message_is_kept_or_dropped_for_one_reason(messages: list[Any], rules: Rules) -> None:
    said: list[Said] = []
    at = 0.0
    for number, (chat, who, text, pause, drop, reply_to) in enumerate(
        sorted(messages, key=lambda m: m[0])
    ):
        at += pause
        more = {"id": str(number), "reply_to": str(reply_to), "drop": drop}
        said.append(says(who, text, at, chat=chat, **more))
    for chat in "789":
        said += [one._replace(text=f"{one.text} in {chat}") for one in padding(20, chat=chat)]
    built = build(an_export(said), person=ME, rules=rules)
    report = built.report
    assert report.messages == len(said) == report.kept + sum(report.dropped.values())
    assert all(count > 0 for count in report.dropped.values())
    for example in (*built.examples, *built.held_out):
        assert example.turns[0].role is Role.USER
        assert example.turns[-1].role is Role.ASSISTANT
        assert len(example.turns) <= rules.max_turns
    if rules.held_out == 0:
        assert not built.held_out
    assert len(built.examples) == report.examples <= rules.max_examples
    ends = Counter(example.turns[-1].text for example in built.examples)
    assert ends.most_common(1)[0][1] <= rules.same_reply
    # What was built can be written and read as any file of examples.
    written = b"".join(openai_jsonl.write(built.examples))
    assert written.count(b"\n") == report.examples


def test_where_an_example_is_from_is_one_line() -> None:
    """Else an avatar that was trained with it could be exported, and not be imported again."""
    heading = Heading(chat="c", title="frogs\tand\u2028toads")
    built = build(an_export([heading, *padding()]), person=ME)
    assert built.examples[0].source == "test.json: frogs and toads"


def test_who_speaks_in_an_example_is_known_unless_names_are_masked() -> None:
    talk = (
        says(ANN, "who is coming?", 0),
        says("ben\ud800", "not me", 200),
        says(ME, "I am", 400),
    )
    example = made(*talk).examples[0]
    assert shown(example)[-1] == "!I am"
    assert example.people == ("Ann", "Ben\ufffd")
    masked = made(*talk, rules=Rules(mask_names=True))
    assert {each.people for each in masked.examples} == {()}
