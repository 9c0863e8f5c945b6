"""How many tokens a text is: counted with the vocabulary of OpenAI's models where the package
bpe-openai is installed (the extra `tokenizer`), else estimated from its characters.

The shares of the estimate were measured against o200k_base, the vocabulary of OpenAI's models
since gpt-4o, on everyday sentences in ten languages: they were off by up to a fifth for most of
them, and by a third at most. Older vocabularies take more for other scripts than Latin. What is
billed is counted by the provider.
"""

import importlib.util
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from avatar.pricing import plain_model
from avatar.text import well_formed

MESSAGE_TOKENS = 4  # around each message of a conversation
# A picture, about: OpenAI counts 85 and 170 for each tile of 512 pixels, of which the pictures that
# people send have four to six.
PICTURE_TOKENS = 1_105
CONVERSATION_TOKENS = 3  # around the whole (OpenAI's published rule for chat formats)

# From U+2E80 on a character is a word or a syllable (Chinese, Japanese, Korean) or an emoji.
_DENSE = re.compile("[\u2e80-\U0010ffff]")
# Which vocabulary a model of OpenAI has, by the beginning of its name; the first that fits.
_VOCABULARIES = (
    ("o200k_base", ("gpt-4o", "chatgpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "o1", "o3", "o4")),
    ("cl100k_base", ("gpt-4", "gpt-3.5", "gpt-35")),
)
_PIECE = 100_000  # characters that are counted at once; the package takes less than a million


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenizer:
    """The vocabulary of a model."""

    name: str  # "o200k_base"
    count: Callable[[str], int]  # of a text; exact, but where it is longer than 100,000 characters


def vocabulary(model: str) -> str | None:
    """The name of a model's vocabulary, also of a fine-tune's; None: it is not known."""
    name = plain_model(model)[0]
    return next((known for known, begins in _VOCABULARIES if name.startswith(begins)), None)


def can_count() -> bool:
    """Whether the package is installed. Nothing is imported."""
    return importlib.util.find_spec("bpe_openai") is not None


def tokenizer(model: str) -> Tokenizer | None:
    """What counts a model's tokens; None: its vocabulary is not known, or the package is not
    installed. Loads for a good part of a second at first use: call it in a thread.
    """
    name = vocabulary(model)
    return None if name is None or not can_count() else _loaded(name)


@cache
def _loaded(name: str) -> Tokenizer:
    import bpe_openai

    encode = bpe_openai.get_encoding(name).encode_ordinary

    def count(text: str) -> int:
        text = well_formed(text)
        if len(text) <= _PIECE:
            return len(encode(text))
        return sum(len(encode(text[at : at + _PIECE])) for at in range(0, len(text), _PIECE))

    return Tokenizer(name=name, count=count)


def estimate(text: str) -> int:
    """About how many tokens a text is; 0 for an empty one, else at least 1.

    Four ASCII characters a token, three letters of other alphabets, and four tokens for five
    characters of the dense scripts.
    """
    plain = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    dense = 0 if plain == len(text) else len(_DENSE.findall(text))
    others = len(text) - plain - dense
    return -(-(15 * plain + 20 * others + 48 * dense) // 60)


def of_conversation(texts: Sequence[str], count: Callable[[str], int] = estimate) -> int:
    """3 + Σ(4 + content): a training example or a request."""
    return CONVERSATION_TOKENS + sum(MESSAGE_TOKENS + count(text) for text in texts)
