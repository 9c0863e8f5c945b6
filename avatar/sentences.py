"""Where a text may end that somebody else ends for its author. Pure."""

import re

MORE = " …"  # behind words that nothing more follows
_LINE = re.compile(r"\n")
# What ends a sentence, with what closes behind it; in scripts without spaces none has to follow.
_END = re.compile(r"""(?:[.!?…]+["'”’»)\]*_`]*(?=\s|\Z)|[。！？]+[”’」』）]*)""")
_LEADS_ON = (":", ",", ";", "-", "–", "—", "，", "：")
_SHORT = frozenset({"mr", "mrs", "ms", "dr", "prof", "st", "no", "nos", "vs", "e.g", "i.e", "jln"})
_MARKER = re.compile(r"\s*\d+\Z")  # of a list, where a line begins


def whole_sentences(text: str) -> str:
    """The beginning of a text that broke off, as far as its sentences (and lines) are whole; empty
    where none is.
    """
    ends = [match.end() for match in _END.finditer(text) if _is_end(text, match)]
    lines = [match.start() for match in _LINE.finditer(text)]
    ends += (end for end in lines if not text[:end].rstrip().endswith(_LEADS_ON))
    return text[: max(ends, default=0)].rstrip()


def _is_end(text: str, match: "re.Match[str]") -> bool:
    if match[0] != ".":
        return True
    before = text[: match.start()]
    if match.end() == len(text) and before[-1:].isdigit():
        return False  # of a price, perhaps, the rest of which does not come
    line = before[before.rfind("\n") + 1 :]
    word = re.split(r"[\s(\[\"'“‘]", line)[-1].lower()
    return not (_MARKER.match(line) or word in _SHORT or (len(word) == 1 and word.isalpha()))


def breaking_off(text: str) -> str:
    """A text that ends in the middle and cannot be taken away, so that one sees that it is meant
    to end there.
    """
    words = text.rstrip()
    if text == words and " " in words:
        words = words[: words.rindex(" ")]  # the last one may be half a word
    return words.rstrip(" ,;:-–—") + MORE
