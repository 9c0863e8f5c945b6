"""How many tokens a text is, about: an estimate from its bytes, without a tokenizer.

English averages four bytes a token in OpenAI's vocabularies; other scripts take about one token
for two to three bytes of UTF-8 (they need two to four bytes a character). The result is good for
budgets and forecasts, within some 15 % on ordinary text; what is billed is counted by the provider.
"""

MESSAGE_TOKENS = 4  # around each message of a conversation
CONVERSATION_TOKENS = 3  # around the whole (OpenAI's published rule for chat formats)


def estimate(text: str) -> int:
    """About how many tokens a text is; 0 for an empty one, else at least 1."""
    size = len(text.encode("utf-8", "surrogatepass"))
    plain = size if text.isascii() else sum(1 for c in text if c < "\x80")
    return -(-plain // 4) + -(-(size - plain) * 2 // 5)


def of_conversation(texts: tuple[str, ...] | list[str]) -> int:
    """3 + Σ(4 + content): a training example or a request."""
    return CONVERSATION_TOKENS + sum(MESSAGE_TOKENS + estimate(text) for text in texts)
