"""Which token comes next, for each reply of a batch by its own wish."""

import importlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelserver.engine import Wish


@dataclass(frozen=True, kw_only=True, slots=True)
class Taste:
    """How tokens are drawn. A temperature of 0 takes the likeliest."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0  # 0: all


def advised(config: Any) -> Taste:
    """What the makers of a model advise in their generation config."""
    if config.do_sample is False:
        return Taste(temperature=0.0)
    return Taste(
        temperature=1.0 if config.temperature is None else float(config.temperature),
        top_p=1.0 if config.top_p is None else float(config.top_p),
        # transformers' own default of 50 is no advice of anybody's
        top_k=0 if config.top_k in {None, 50} else int(config.top_k),
    )


def of_wish(wish: Wish, usual: Taste) -> Taste:
    """A wish, with what is usual for the model where it says nothing. Who names a temperature
    asks for OpenAI's meaning, which knows no top-k.
    """
    if wish.temperature is None and wish.top_p is None:
        return usual
    return Taste(
        temperature=usual.temperature if wish.temperature is None else wish.temperature,
        top_p=1.0 if wish.top_p is None else wish.top_p,
    )


class Dice:
    """What one reply draws with: the same seed gives the same draws."""

    def __init__(self, taste: Taste, seed: int | None) -> None:
        self.taste = taste
        torch = importlib.import_module("torch")
        self.generator = torch.Generator(device="cpu")
        self.generator.manual_seed((random.getrandbits(63) if seed is None else seed) % 2**63)


def prepared(scores: Any, dice: Sequence[Dice]) -> Any:
    """Scores (replies, vocabulary) whose highest is the token to take: those that a taste leaves,
    with Gumbel noise added, so that the highest is a draw from their softmax.
    """
    torch = importlib.import_module("torch")
    scores = scores.float()
    for row, one in enumerate(dice):
        taste = one.taste
        if taste.temperature == 0:
            continue
        mine = scores[row] / taste.temperature
        if taste.top_k:
            floor = mine.topk(min(taste.top_k, mine.numel())).values[-1]
            mine = mine.masked_fill(mine < floor, -torch.inf)
        if taste.top_p < 1:
            ordered, order = mine.sort(descending=True)
            before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
            out = before >= taste.top_p
            out[0] = False  # one always stays
            mine = mine.index_fill(0, order[out], -torch.inf)
        even = torch.rand(mine.shape, generator=one.generator).clamp_(1e-20, 1 - 1e-7)
        scores[row] = mine - (-even.log()).log().to(mine.device)
    return scores
