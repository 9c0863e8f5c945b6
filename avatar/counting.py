"""The tokens of examples, counted for the model that is trained on them where that can be done."""

from collections.abc import Sequence
from dataclasses import replace

from avatar import tokens
from avatar.records import Example


def counted(examples: Sequence[Example], model: str) -> tuple[Sequence[Example], str | None]:
    """Examples with their tokens as a model counts them, and the vocabulary that was used; as they
    are and None where it is not known, or the extra `tokenizer` not installed. Blocks.
    """
    tokenizer = tokens.tokenizer(model)
    if tokenizer is None:
        return examples, None
    return [replace(each, tokens=size(each, tokenizer)) for each in examples], tokenizer.name


def size(example: Example, tokenizer: tokens.Tokenizer) -> int:
    """The tokens of an example; of a preference pair, those of both answers."""
    return tokens.of_conversation(example.texts, tokenizer.count)
