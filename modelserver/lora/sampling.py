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
    """What one reply draws with: the same seed gives the same draws on the same device."""

    def __init__(self, taste: Taste, seed: int | None) -> None:
        self.taste = taste
        self._seed = (random.getrandbits(63) if seed is None else seed) % 2**63
        self._generator: Any = None

    def noise(self, like: Any) -> Any:
        """Gumbel noise for scores (vocabulary): their highest is a draw from the softmax then."""
        torch = importlib.import_module("torch")
        if self._generator is None:
            self._generator = torch.Generator(device=like.device)
            self._generator.manual_seed(self._seed)
        even = torch.rand(like.shape, generator=self._generator, device=like.device)
        return -(-even.clamp_(1e-20, 1 - 1e-7).log()).log()


def prepared(scores: Any, dice: Sequence[Dice]) -> Any:
    """Scores (replies, vocabulary) whose highest is the token to take: those that each taste
    leaves, and noise where tokens are drawn.
    """
    torch = importlib.import_module("torch")
    tastes = [one.taste for one in dice]
    if all(taste.temperature == 0 for taste in tastes):
        return scores
    where, size = scores.device, scores.shape[-1]

    def column(values: Sequence[float]) -> Any:
        return torch.tensor(values, device=where)[:, None]

    scores = scores.float() / column([taste.temperature or 1.0 for taste in tastes])
    if any(taste.top_k or taste.top_p < 1 for taste in tastes):
        ordered, order = scores.sort(descending=True)
        rank = torch.arange(size, device=where)
        ordered.masked_fill_(rank >= column([taste.top_k or size for taste in tastes]), -torch.inf)
        chances = ordered.softmax(-1)
        out = chances.cumsum(-1) - chances >= column([taste.top_p for taste in tastes])
        out[:, 0] = False  # one always stays
        scores = scores.scatter(1, order, ordered.masked_fill(out, -torch.inf))
    for row, one in enumerate(dice):
        if one.taste.temperature:
            scores[row] += one.noise(scores[row])
    return scores
