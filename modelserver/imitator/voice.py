"""What the imitator says: pure functions from a conversation to a reply."""

import hashlib
import re
from collections.abc import Sequence

from modelserver.engine import Said
from modelserver.imitator.index import Index

NEAR = 0.15  # similarity from which an example counts as an answer to what was said
CANDIDATES = 8
SHOWN_PROMPT = 60  # characters of the instructions that are quoted
_BEFORE = 2  # messages before the last one that count a little
_BEFORE_CHARACTERS = 400

_SELF = re.compile(
    r"\b(who|what)\s+(exactly\s+)?are\s+you\b"
    r"|\bare\s+you\s+(really\s+)?(a\s+|an\s+)?"
    r"(bot|robot|ai|human|real|machine|model|person|program|chatgpt|gpt)\b"
    r"|\b(which|what)\s+(ai\s+)?model\b",
    re.IGNORECASE,
)
_GREETING = re.compile(r"\b(hi|hello|hey|good (morning|afternoon|evening))\b", re.IGNORECASE)
_THANKS = re.compile(r"\b(thanks|thank you)\b", re.IGNORECASE)

WHAT_I_AM = (
    "I am the imitator, a stand-in that comes with avatar-bot: there is no language model inside. "
)
_UNTRAINED = "Untrained I answer plainly; trained, I answer in the words of my examples."
_TRAINED = "I answer in the words of the examples that I was trained on."


def asks_what_i_am(text: str) -> bool:
    """Whether somebody wants to know whom they are talking to."""
    return _SELF.search(text) is not None


def instructions(messages: Sequence[Said]) -> str:
    """A short remark that shows which instructions were read; empty without any."""
    system = " ".join(m.text for m in messages if m.role == "system")
    line = " ".join(system.split())
    if not line:
        return ""
    if len(line) > SHOWN_PROMPT:
        line = line[: SHOWN_PROMPT - 1].rstrip() + "…"
    return f"\n\n(My instructions: “{line}”)"


def untrained(messages: Sequence[Said]) -> str:
    """The plain answer of the base model."""
    said = _last(messages)
    if asks_what_i_am(said):
        return WHAT_I_AM + _UNTRAINED + instructions(messages)
    quoted = _quoted(said)
    if _THANKS.search(said):
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
        reply = f"{WHAT_I_AM}{_TRAINED}\n\n{reply}"
    return reply + instructions(messages)


def _nearest(index: Index, messages: Sequence[Said], said: str) -> str:
    earlier = [m.text for m in messages if m.role != "system"]
    before = " ".join(earlier[-1 - _BEFORE : -1])[-_BEFORE_CHARACTERS:]
    given = {m.text.partition("\n\n(My instructions:")[0] for m in messages if m.role != "user"}
    found = index.nearest(said, before, CANDIDATES)
    near = [(score, number) for score, number in found if score >= NEAR]
    for score, number in near:
        reply = index.entries[number].reply
        if reply not in given and score >= near[0][0] * 0.6:
            return reply
    if near:
        return index.entries[near[0][1]].reply
    return _in_voice(index, said, given)


def _in_voice(index: Index, said: str, given: set[str]) -> str:
    """When nothing is near: one of the shorter replies, chosen by what was said."""
    short = index.short_replies
    start = int.from_bytes(hashlib.sha256(said.encode("utf-8", "replace")).digest()[:4])
    for i in range(len(short)):
        reply = short[(start + i) % len(short)]
        if reply not in given:
            return reply
    return short[start % len(short)]


def _last(messages: Sequence[Said]) -> str:
    return next((m.text for m in reversed(messages) if m.role == "user"), "")


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= 80 else line[:79].rstrip() + '…'}”"
