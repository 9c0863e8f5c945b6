"""What the imitator says: pure functions from a conversation to a reply."""

import hashlib
import re
from collections.abc import Sequence

from modelserver.engine import Said
from modelserver.imitator.index import Index

NEAR = 0.15  # similarity from which an example counts as an answer to what was said
CANDIDATES = 8
_AS_NEAR = 0.6  # of the best similarity: near enough to be said instead of repeating oneself
SHOWN_PROMPT = 60  # characters of the instructions that are quoted
_BEFORE = 2  # messages before the last one that count a little
_BEFORE_CHARACTERS = 400

_SELF = re.compile(
    r"\b(who|what)\s+(exactly\s+|really\s+)?are\s+(you|u)\b"
    r"|\b(are|r)\s+(you|u)\s+((really|actually|just|only|even|some|kind|of|a|an|the)\s+)*"
    r"(bot|robot|ai|human|real|machine|model|person|program|chatgpt|gpt)\b"
    r"|\btalking\s+to\s+(a|an)\s+(bot|robot|ai|human|machine|model|real|person|program)\b"
    r"|\b(which|what)\s+((ai|language)\s+)?model\s+(are|is\s+this|do\s+you\s+use|am\s+i)\b"
    r"|^\W*((which|what)\s+)?((ai|language)\s+)?model\W*$",
    re.IGNORECASE,
)
_GREETING = re.compile(r"^\W*(hi|hello|hey|good (morning|afternoon|evening))\b", re.IGNORECASE)
_THANKS = re.compile(r"\b(thanks|thank you)\b", re.IGNORECASE)

_INSTRUCTED = "\n\n(My instructions: "  # what a remark about instructions begins with
WHAT_I_AM = (
    "I am the imitator, a stand-in that comes with avatar-bot: there is no language model inside. "
)
_UNTRAINED = "Untrained I answer plainly; trained, I answer in the words of my examples."
_TRAINED = "I answer in the words of the examples that I was trained on.\n\n"


def asks_what_i_am(text: str) -> bool:
    """Whether somebody wants to know whom they are talking to."""
    return _SELF.search(text) is not None


def instructions(messages: Sequence[Said]) -> str:
    """A short remark that shows which instructions were read; empty without any."""
    shown = _shortened(" ".join(m.text for m in messages if m.role == "system"), SHOWN_PROMPT)
    return f"{_INSTRUCTED}“{shown}”)" if shown else ""


def context(earlier: Sequence[str]) -> str:
    """The end of what was said before a message, which counts a little."""
    return " ".join(earlier[-_BEFORE:])[-_BEFORE_CHARACTERS:]


def untrained(messages: Sequence[Said]) -> str:
    """The plain answer of the base model."""
    said = _last(messages)
    quoted = f"“{_shortened(said, 80)}”"
    if asks_what_i_am(said):
        plain = WHAT_I_AM + _UNTRAINED
    elif _THANKS.search(said):
        plain = "You are welcome."
    elif _GREETING.search(said):
        plain = "Hello. What would you like to talk about?"
    elif said.rstrip().endswith("?"):
        plain = f"You ask: {quoted}. I have no answer of my own to that; I am only a stand-in."
    elif said.strip():
        plain = f"You say: {quoted}. Tell me more."
    else:
        plain = "I did not receive any text."
    return plain + instructions(messages)


def trained(index: Index, messages: Sequence[Said]) -> str:
    """The answer in the words of the nearest example."""
    said = _last(messages)
    reply = _nearest(index, messages, said)
    if asks_what_i_am(said):
        reply = WHAT_I_AM + _TRAINED + reply
    return reply + instructions(messages)


def _nearest(index: Index, messages: Sequence[Said], said: str) -> str:
    given = {_words_of_examples(m.text) for m in messages if m.role == "assistant"}
    earlier = [
        _words_of_examples(m.text) if m.role == "assistant" else m.text
        for m in messages
        if m.role != "system"
    ]
    found = index.nearest(said, context(earlier[:-1]), CANDIDATES)
    near = [index.entries[n].reply for score, n in found if score >= NEAR]
    as_near = [
        index.entries[n].reply for score, n in found if score >= max(NEAR, found[0][0] * _AS_NEAR)
    ]
    if near:
        return next((reply for reply in as_near if reply not in given), near[0])
    return _in_voice(index, said, given)


def _in_voice(index: Index, said: str, given: set[str]) -> str:
    """When nothing is near: one of the shorter replies, chosen by what was said."""
    start = int.from_bytes(hashlib.sha256(said.encode("utf-8", "replace")).digest()[:4])
    start %= len(index.brief)
    turned = index.brief[start:] + index.brief[:start]
    return next((reply for reply in turned if reply not in given), turned[0])


def _words_of_examples(reply: str) -> str:
    """A reply of ours without what we added to the words of the example."""
    return reply.partition(_INSTRUCTED)[0].removeprefix(WHAT_I_AM + _TRAINED)


def _last(messages: Sequence[Said]) -> str:
    return next((m.text for m in reversed(messages) if m.role == "user"), "")


def _shortened(text: str, longest: int) -> str:
    """On one line, and its beginning only if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
