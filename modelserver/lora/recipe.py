"""What "auto" becomes, and what nobody is asked. Pure. Each number has its source.

QLoRA: Dettmers et al. 2023, arXiv 2305.14314. DPO: Rafailov et al. 2023, arXiv 2305.18290.
Handbook: Hugging Face's alignment-handbook, recipes/zephyr-7b-beta/dpo/config_qlora.yaml.
The number of epochs is OpenAI's rule, in `modelserver.jobs.auto_epochs`.
"""

from dataclasses import dataclass, replace

RANK = 16  # TRL's documentation of LoRA; the rank hardly matters once all layers have one (QLoRA)
ALPHA = 32  # twice the rank: the adapter's share does not change with the rank
LEARNING_RATES = {
    "supervised": 2e-4,  # QLoRA, table 9, models up to 13B
    "dpo": 5e-6,  # handbook
}
WARMUP = 0.03  # of the steps; QLoRA, table 9
MAX_GRADIENT = 0.3  # its norm; QLoRA, table 9
MOST_A_BATCH = 16  # QLoRA, table 9
STEPS_AN_EPOCH = 10  # at least, where there are as many examples: few steps teach little
AT_A_TIME = 8  # examples in the memory at once, until it proves too small
LONGEST = 4_096  # tokens of an example; longer ones are cut at the end, as at OpenAI
KEPT_EPOCHS = 3  # as at OpenAI


def batch_size(examples: int) -> int:
    """QLoRA's 16, and less when an epoch would have fewer than ten steps."""
    return max(1, min(MOST_A_BATCH, examples // STEPS_AN_EPOCH))


def learning_rate(method: str, multiplier: float) -> float:
    return LEARNING_RATES[method] * multiplier


def at_a_time(batch: int, most: int) -> int:
    """The largest part of a batch, at most so many, of which a whole number makes the batch."""
    return max(part for part in range(1, min(batch, most) + 1) if batch % part == 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """How a training is made to fit the memory. What it learns hardly depends on it."""

    at_a_time: int  # examples; the batch is reached by adding up gradients
    quantised: bool  # the base model in four bits


def smaller(fit: Fit, batch: int, *, can_quantise: bool, loaded: bool = True) -> Fit | None:
    """What to try when the memory was too small; None: there is nothing left to try. What had not
    even loaded does not fit with fewer examples either.
    """
    if loaded and fit.at_a_time > 1:
        return replace(fit, at_a_time=at_a_time(batch, fit.at_a_time // 2))
    if can_quantise and not fit.quantised:
        return replace(fit, quantised=True)
    return None


def needed(parameters: int, *, quantised: bool) -> int:
    """About how many bytes a training takes for a model of so many parameters: two bytes each, or
    in four bits 0.7 with the constants of the blocks and the layers that stay whole, and a quarter
    more for the adapter, its optimizer and the activations of one example.
    """
    return int(parameters * (0.7 if quantised else 2.0) * 1.25)
