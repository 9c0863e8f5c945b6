"""What became of every message of an export."""

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from avatar.dataset.languages import language
from avatar.dataset.masking import Kind
from avatar.dataset.said import Drop
from avatar.records import Example

_PLACEHOLDER = re.compile(r"\[(" + "|".join(kind.value for kind in Kind) + r")\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Numbers that add up: `messages` is `kept` and all of `dropped`."""

    messages: int  # in the whole file
    kept: int  # in an example, for training or held out
    dropped: Mapping[Drop, int]  # each message once, for the first reason that applies
    examples: int  # for training
    held_out: int  # examples that are never trained on
    tokens: int  # of the training examples, one epoch, estimated
    languages: Mapping[str, int]  # of the person's replies, in training examples
    reply_length: int  # characters; the median of the training examples' last turns
    longest_reply: int  # characters
    turns: float  # in a training example, on average
    masked: Mapping[Kind, int]  # placeholders that were put in, over all examples


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is counted of one example, without its texts."""

    tokens: int
    messages: int
    turns: int
    reply: int  # characters of the last turn
    language: str  # of the last turn
    masked: Mapping[str, int]  # placeholders in it


def looked_at(example: Example) -> Look:
    """What is counted of an example."""
    reply = example.turns[-1].text
    masked = Counter[str]()
    for turn in example.turns:
        if "[" in turn.text:
            masked.update(_PLACEHOLDER.findall(turn.text))
    return Look(
        tokens=example.tokens,
        messages=example.messages,
        turns=len(example.turns),
        reply=len(reply),
        language=language(reply),
        masked=masked,
    )


def verdict(examples: int) -> str:
    """How many examples these are, for a person: few, enough or good. OpenAI sees improvements
    from 50 to 100 on.
    """
    if examples < 50:
        return "few"
    return "enough" if examples < 500 else "good"


def report_of(
    *,
    messages: int,
    dropped: Mapping[Drop, int],
    training: Sequence[Example],
    held_out: Sequence[Example],
    masked: Mapping[Kind, int],
) -> Report:
    """The numbers of a set of examples."""
    looks = [looked_at(example) for example in training]
    return Report(
        messages=messages,
        kept=sum(example.messages for example in (*training, *held_out)),
        dropped={drop: dropped[drop] for drop in Drop if dropped.get(drop)},
        held_out=len(held_out),
        masked=dict(masked),
        **_numbers(looks),
    )


def report_json(report: Report) -> dict[str, object]:
    """A report as it is stored with a draft."""
    return {
        **asdict(report),
        "dropped": {drop.value: count for drop, count in report.dropped.items()},
        "masked": {kind.value: count for kind, count in report.masked.items()},
    }


def report_anew(
    report: Mapping[str, object],
    *,
    training: Sequence[Look],
    held_out: Sequence[Look],
    left_out: Mapping[str, Sequence[Look]],
) -> dict[str, object]:
    """A stored report after its owner left examples out, by kind: it adds up still."""
    kept = (*training, *held_out)
    masked = Counter[str]()
    for look in kept:
        masked.update(look.masked)
    return {
        **report,
        **_numbers(training),
        "kept": sum(look.messages for look in kept),
        "left_out": {kind: sum(look.messages for look in out) for kind, out in left_out.items()},
        "held_out": len(held_out),
        "masked": dict(masked),
    }


def _numbers(training: Sequence[Look]) -> dict[str, Any]:
    """The fields of a report that are about its training examples."""
    lengths = [look.reply for look in training]
    return {
        "examples": len(training),
        "tokens": sum(look.tokens for look in training),
        "languages": dict(Counter(look.language for look in training).most_common()),
        "reply_length": round(statistics.median(lengths)) if lengths else 0,
        "longest_reply": max(lengths, default=0),
        "turns": sum(look.turns for look in training) / max(1, len(training)),
    }
