"""How many tokens a text is, about: an estimate from its characters, without a tokenizer.

The shares below were measured against o200k_base, the vocabulary of OpenAI's models since gpt-4o,
on everyday sentences in ten languages: they were off by up to a fifth for most of them, and by a
third at most. Older vocabularies take more for other scripts than Latin. What is billed is counted
by the provider.
"""

import re

MESSAGE_TOKENS = 4  # around each message of a conversation
# A picture, about: OpenAI counts 85 and 170 for each tile of 512 pixels, of which the pictures that
# people send have four to six.
PICTURE_TOKENS = 1_105
CONVERSATION_TOKENS = 3  # around the whole (OpenAI's published rule for chat formats)

# From U+2E80 on a character is a word or a syllable (Chinese, Japanese, Korean) or an emoji.
_DENSE = re.compile("[\u2e80-\U0010ffff]")


def estimate(text: str) -> int:
    """About how many tokens a text is; 0 for an empty one, else at least 1.

    Four ASCII characters a token, three letters of other alphabets, and four tokens for five
    characters of the dense scripts.
    """
    plain = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    dense = 0 if plain == len(text) else len(_DENSE.findall(text))
    others = len(text) - plain - dense
    return -(-(15 * plain + 20 * others + 48 * dense) // 60)


def of_conversation(texts: tuple[str, ...] | list[str]) -> int:
    """3 + Σ(4 + content): a training example or a request."""
    return CONVERSATION_TOKENS + sum(MESSAGE_TOKENS + estimate(text) for text in texts)
