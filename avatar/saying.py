"""What a person sent, in words: what a model reads, and what is remembered of it."""

from collections.abc import Sequence

from avatar.incoming import Incoming, RepliedTo
from avatar.records import Attachment

CUT_AT = 4_096  # UTF-16 units: where Telegram's clients cut a long message, in the middle of a word
QUOTED = 500  # characters of what is answered
PICTURE, VOICE = "photo", "voice"
# What says something by itself. Files and films without a word do not: nobody looks into them.
_SPEAKING = frozenset(
    {PICTURE, VOICE, "sticker", "contact", "location", "venue", "poll", "dice", "game"}
)
_CALLED = {PICTURE: "picture", VOICE: "voice message"}


def words(incoming: Incoming) -> str:
    """One message: whose words they are, what it is about, what else it holds, and its text.
    Empty if it says nothing that could be answered.
    """
    said = [each for each in (incoming.text.strip(), *map(_word, incoming.attachments)) if each]
    if not said or not says_something(incoming):
        return ""
    lines = [_about(incoming.reply_to), _forwarded(incoming.forwarded)]
    lines += [_word(file) for file in incoming.attachments]
    return "\n".join([*filter(None, lines), *([incoming.text] if incoming.text.strip() else [])])


def says_something(incoming: Incoming) -> bool:
    """Whether there is anything to answer."""
    kinds = {file.kind for file in incoming.attachments}
    return bool(incoming.text.strip()) or not kinds or not kinds.isdisjoint(_SPEAKING)


def together(texts: Sequence[str]) -> str:
    """Several messages that are one turn. A long one that was cut is put together again."""
    whole = ""
    last = ""
    for text in filter(None, texts):
        cut = len(last.encode("utf-16-le", "surrogatepass")) // 2 == CUT_AT
        whole += text if cut or not whole else f"\n{text}"
        last = text
    return whole


def _word(file: Attachment) -> str:
    kind = _CALLED.get(file.kind, file.kind)
    if file.kind in _CALLED or file.name in {"", kind}:
        return f"[{kind}]"
    return f"[{kind} {_line(file.name)}]"


def _forwarded(speaker: str | None) -> str:
    if speaker is None:
        return ""
    return f"[forwarded from {_line(speaker)}]" if speaker else "[forwarded]"


def _about(answered: RepliedTo | None) -> str:
    """What a message answers, where the conversation does not show it: a part that the person
    chose, or what somebody else said. What it holds stays to be seen also if that was theirs.
    """
    if answered is None:
        return ""
    said = answered.quote or ("" if answered.from_us else answered.text)
    files = "" if answered.quote else " ".join(map(_word, pointed_at(answered)))
    quoted = f"“{_line(said)}”" if said.strip() else ""
    if not quoted and not files:
        return ""
    if answered.from_us:
        speaker = "you"
    else:
        speaker = "somebody" if answered.author is None else _line(answered.author.name)
    verb = "sent" if files else "said"
    return f"[about what {speaker} {verb}: {' '.join(filter(None, (files, quoted)))}]"


def pointed_at(answered: RepliedTo | None) -> tuple[Attachment, ...]:
    """The files of what somebody answers; not ours."""
    return () if answered is None or answered.from_us else answered.attachments


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
