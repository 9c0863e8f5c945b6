"""What became of every message of an export."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from avatar.dataset.languages import language
from avatar.dataset.masking import Kind
from avatar.dataset.said import Drop
from avatar.records import Example


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Numbers that add up: `messages` is `kept` and all of `dropped`."""

    messages: int  # in the whole file
    kept: int  # in an example, for training or held out
    dropped: Mapping[Drop, int]  # each message once, for the first reason that applies
    examples: int  # for training
    held_out: int  # examples that are never trained on
    conversations: int  # that gave an example
    tokens: int  # of the training examples, one epoch, estimated
    languages: Mapping[str, int]  # of the person's replies, in training examples
    reply_length: int  # characters; the median of the training examples' last turns
    longest_reply: int  # characters
    turns: float  # in a training example, on average
    masked: Mapping[Kind, int]  # placeholders that were put in, over all examples

    @property
    def verdict(self) -> str:
        """How many examples these are, for a person."""
        if self.examples < 50:
            return "few"
        return "enough" if self.examples < 500 else "good"


def report_of(
    *,
    messages: int,
    kept: int,
    dropped: Mapping[Drop, int],
    training: Sequence[Example],
    held_out: int,
    conversations: int,
    masked: Mapping[Kind, int],
) -> Report:
    """The numbers of a set of examples."""
    replies = [example.turns[-1].text for example in training]
    lengths = [len(reply) for reply in replies]
    return Report(
        messages=messages,
        kept=kept,
        dropped={drop: dropped[drop] for drop in Drop if dropped.get(drop)},
        examples=len(training),
        held_out=held_out,
        conversations=conversations,
        tokens=sum(example.tokens for example in training),
        languages=dict(Counter(language(reply) for reply in replies).most_common()),
        reply_length=round(statistics.median(lengths)) if lengths else 0,
        longest_reply=max(lengths, default=0),
        turns=sum(len(example.turns) for example in training) / max(1, len(training)),
        masked=dict(masked),
    )
