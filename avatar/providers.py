"""Who runs the models, as data: what differs between hosts of the OpenAI API stands here, and not
in branches through the code.
"""

from dataclasses import dataclass

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One host and what it can do."""

    name: str  # stored with every version and reply
    label: str  # for people
    base_model: str | None  # what a new avatar starts with; None: it has to be configured
    context_tokens: int  # prompt, conversation and reply together
    max_file_bytes: int  # of a training file
    hyperparameters: str  # "method": OpenAI's nested form; "top_level": the older one
    can_delete_models: bool
    # How long a training takes: a fixed part and one by tokens, low and high, in seconds.
    training_seconds: tuple[float, float]
    training_seconds_per_token: tuple[float, float]

    def seconds(self, tokens: int) -> tuple[float, float]:
        """How long training on `tokens` (all epochs together) takes, low and high."""
        return (
            self.training_seconds[0] + tokens * self.training_seconds_per_token[0],
            self.training_seconds[1] + tokens * self.training_seconds_per_token[1],
        )


_MB = 1024 * 1024

OPENAI = Provider(
    name="openai",
    label="OpenAI",
    base_model="gpt-4o-mini",
    context_tokens=128_000,
    max_file_bytes=512 * _MB,
    hyperparameters="method",
    can_delete_models=True,
    # 10 to 60 minutes for ordinary files, as its users report; longer for very large ones.
    training_seconds=(600, 3600),
    training_seconds_per_token=(0.0, 0.001),
)
EMBEDDED = Provider(
    name="embedded",
    label="the model server on this machine",
    base_model="imitator-1",
    context_tokens=16_384,
    max_file_bytes=512 * _MB,
    hyperparameters="method",
    can_delete_models=True,
    training_seconds=(3, 10),
    training_seconds_per_token=(0.0, 0.00001),
)
CUSTOM = Provider(
    name="custom",
    label="the configured provider",
    base_model=None,
    context_tokens=8_192,
    max_file_bytes=512 * _MB,
    hyperparameters="method",
    can_delete_models=True,
    training_seconds=(300, 3600),
    training_seconds_per_token=(0.0, 0.001),
)


def provider_for(*, api_key: str | None, base_url: str | None) -> Provider:
    """The provider that the settings OPENAI_API_KEY and OPENAI_BASE_URL mean."""
    if base_url is None:
        return EMBEDDED if api_key is None else OPENAI
    return OPENAI if base_url.rstrip("/") == OPENAI_URL else CUSTOM
