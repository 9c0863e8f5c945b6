"""Who runs the models, as data: what differs between hosts of the OpenAI API stands here and in
`presets.toml`, and not in branches through the code.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from avatar.hosts import is_plain
from avatar.language import tr
from avatar.pricing import FREE, DatedPrice, Price, plain_model, price_in
from avatar.records import Avatar, Pair, Version
from avatar.versions import pair_of

OPENAI_URL = "https://api.openai.com/v1"
_MB = 1024 * 1024
_STYLES = ("method", "top_level")


class BadProviders(Exception):
    """One line: the place in the file, what is wrong there, and what is expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a training can go: a base model at a provider."""

    provider: "Provider"
    base_model: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One host and what it can do."""

    name: str  # stored with every version and reply
    label: str  # for people
    base_url: str | None = None  # None: the model server in this process
    key: str | None = None  # the environment variable that holds the key; None: it needs none
    base_model: str | None = None  # what a new avatar starts with
    trains: tuple[str, ...] = ()  # base models that can be trained
    kind: str = ""  # what a training there is, in a few words
    context_tokens: int = 8_192  # prompt, conversation and reply together
    reply_tokens: int = 4_096  # at most, of a reply
    max_file_bytes: int = 512 * _MB  # of a training file
    hyperparameters: str = "method"  # OpenAI's nested form; "top_level": the older one
    extra_body: Mapping[str, Any] = field(default_factory=dict)  # sent with every new job
    deletes_models: bool = True
    needs_deployment: bool = False  # a finished model has to be deployed before it answers
    preferences: bool = False  # trains preference pairs (DPO) on top of a fine-tuned model
    sees: tuple[str, ...] = ()  # how the names of models begin that see pictures
    transcribes: str | None = None  # the model that turns speech into text
    speaks: str | None = None  # the model that turns text into speech
    voices: tuple[str, ...] = ()  # with which voices, as far as they are known; the usual one first
    moderates: bool = False
    reasoning: tuple[str, ...] = ()  # how the names of reasoning models begin
    free: bool = False  # it runs on the operator's own machine
    prices: tuple[DatedPrice, ...] = ()
    successors: Mapping[str, str] = field(default_factory=dict)  # of base models that end
    # How long a training takes: a fixed part and one by tokens, low and high, in seconds.
    training_seconds: tuple[float, float] = (300, 3600)
    training_seconds_per_1m_tokens: tuple[float, float] = (0, 1000)

    @property
    def called(self) -> str:
        """Its label, in the language of now where it is one of ours."""
        return tr(self.label)

    @property
    def kind_words(self) -> str:
        """What a training there is, likewise."""
        return tr(self.kind)

    def seconds(self, tokens: int) -> tuple[float, float]:
        """How long training on `tokens` (all epochs together) takes, low and high."""
        low, high = self.training_seconds
        slow, slower = self.training_seconds_per_1m_tokens
        return low + tokens * slow / 1e6, high + tokens * slower / 1e6

    def price(self, model: str, *, on: date) -> Price | None:
        """What a model costs on a day; None: that is not known."""
        return FREE if self.free else price_in(self.prices, model, on=on)

    def reasons(self, model: str) -> bool:
        """Whether it is of the reasoning family, which takes other parameters."""
        return plain_model(model)[0].startswith(self.reasoning)

    def sees_with(self, model: str) -> bool:
        """Whether a model sees pictures."""
        return plain_model(model)[0].startswith(self.sees)

    def successor(self, model: str) -> str | None:
        """What follows a base model that ends; None: that is not known."""
        return self.successors.get(plain_model(model)[0])


class Providers(Mapping[str, Provider]):
    """Those that are set up here, in their order; one is where new avatars begin."""

    def __init__(self, providers: Sequence[Provider], *, default: str, base_model: str) -> None:
        self._by_name = {provider.name: provider for provider in providers}
        self.default = self._by_name[default]
        self.base_model = base_model  # what a new avatar starts with, at the default provider
        self.targets = tuple(
            Target(provider=provider, base_model=model)
            for provider in providers
            for model in provider.trains
        )

    def __getitem__(self, name: str) -> Provider:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def label(self, name: str | None) -> str:
        """What people call a provider, also one that is not set up here any more."""
        provider = self.get(name or "")
        return provider.called if provider is not None else (name or tr("an unknown provider"))

    def price(self, provider: str, model: str, *, at: datetime) -> Price | None:
        """What a model costs at a time; None: that is not known."""
        known = self.get(provider)
        return None if known is None else known.price(model, on=at.date())

    def base(self, avatar: Avatar) -> tuple[str, str]:
        """Who answers for an avatar without a fine-tuned version: its provider and base model, or
        the default ones when its provider is not set up here any more.
        """
        if avatar.provider in self:
            return avatar.provider, avatar.base_model
        return self.default.name, self.base_model

    def pair(self, avatar: Avatar, *, prompt: Version | None, model: Version | None) -> Pair:
        """What answers for a prompt and a model, here."""
        if model is not None and (model.provider is None or model.provider in self):
            return pair_of(avatar, prompt=prompt, model=model)
        provider, base_model = self.base(avatar)
        return Pair(prompt=prompt, model=None, provider=provider, model_name=base_model)

    def target(self, avatar: Avatar) -> Target | None:
        """Where a training of an avatar goes if nobody chooses; None: nobody here trains."""
        wanted = self.base(avatar)
        for target in self.targets:
            if (target.provider.name, target.base_model) == wanted:
                return target
        return self.targets[0] if self.targets else None


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """The hosts that come written."""
    return tomllib.loads((Path(__file__).parent / "presets.toml").read_text(encoding="utf-8"))


def preset(name: str, **own: Any) -> Provider:
    """A host that comes written, with what is its own here."""
    return _provider(name, {**presets()[name], **own}, f"preset {name}")


def providers_for(
    *, api_key: str | None, base_url: str | None, base_model: str | None
) -> Providers:
    """What the settings OPENAI_API_KEY, OPENAI_BASE_URL and BASE_MODEL mean."""
    if base_url is None and api_key is None:
        provider = preset("embedded", trains=[base_model or "imitator-1"])
    elif base_url is None or base_url.rstrip("/") == OPENAI_URL:
        provider = preset("openai")
    else:
        provider = preset("custom", base_url=base_url, trains=[base_model or ""])
    return Providers(
        [provider], default=provider.name, base_model=base_model or provider.base_model or ""
    )


def read_providers(text: str, *, base_model: str | None = None) -> Providers:
    """`providers.toml`: `default = "name"` and a table `[providers.name]` for each, which may take
    a preset by `like`. Raises BadProviders.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadProviders(f"it is not TOML: {error}.") from error
    tables = data.get("providers")
    if not isinstance(tables, dict) or not tables:
        raise BadProviders("it needs a table [providers.NAME] for at least one provider.")
    unknown = set(data) - {"providers", "default"}
    if unknown:
        raise BadProviders(f"{min(unknown)} is not known; there are default and [providers.NAME].")
    found = []
    for name, table in tables.items():
        place = f"[providers.{name}]"
        if not isinstance(table, dict):
            raise BadProviders(f"{place} must be a table.")
        if len(name) > 64 or not name.replace("-", "").replace("_", "").isalnum():
            raise BadProviders(f"{place}: a name has letters, digits, - and _.")
        like = table.get("like", "custom")
        if like not in presets() or like == "embedded":
            choices = ", ".join(sorted(set(presets()) - {"embedded"}))
            raise BadProviders(f"{place} like must be one of: {choices}.")
        own = {key: value for key, value in table.items() if key != "like"}
        merged = {**presets()[like], **own}
        if "trains" not in merged and merged.get("base_model"):
            merged["trains"] = [merged["base_model"]]
        provider = _provider(name, merged, place)
        if provider.base_url is None:
            raise BadProviders(f'{place} needs base_url, like base_url = "http://host/v1".')
        if provider.base_model is None:
            raise BadProviders(f'{place} needs base_model, like base_model = "qwen3-4b".')
        found.append(provider)
    default = data.get("default", found[0].name)
    if default not in {provider.name for provider in found}:
        raise BadProviders(f"default must name one of: {', '.join(p.name for p in found)}.")
    chosen = next(provider for provider in found if provider.name == default)
    return Providers(found, default=default, base_model=base_model or chosen.base_model or "")


_WORDS = {"label", "base_url", "key", "base_model", "kind", "transcribes", "speaks"}
_LISTS = {"trains", "reasoning", "sees", "voices"}
_COUNTS = {"context_tokens", "reply_tokens", "max_file_bytes"}
_FLAGS = {
    "preferences",
    "deletes_models",
    "needs_deployment",
    "moderates",
    "free",
    "chat_only",
}
_RANGES = {"training_seconds", "training_seconds_per_1m_tokens"}


def _provider(name: str, table: Mapping[str, Any], place: str) -> Provider:
    values: dict[str, Any] = {}
    for key, value in table.items():
        here = f"{place} {key}"
        if key in _WORDS:
            values[key] = _checked(value, isinstance(value, str) and value, here, "a text")
        elif key in _LISTS:
            valid = isinstance(value, list) and all(isinstance(v, str) and v for v in value)
            values[key] = tuple(_checked(value, valid, here, "a list of texts"))
        elif key in _COUNTS:
            valid = type(value) is int and 0 < value < 2**40
            values[key] = _checked(value, valid, here, "a number above 0")
        elif key in _FLAGS:
            values[key] = _checked(value, isinstance(value, bool), here, "true or false")
        elif key in _RANGES:
            valid = isinstance(value, list) and len(value) == 2 and all(map(_is_amount, value))
            values[key] = tuple(_checked(value, valid, here, "two numbers: low and high"))
        elif key == "hyperparameters":
            values[key] = _checked(value, value in _STYLES, here, "method or top_level")
        elif key == "extra_body":
            values[key] = _checked(value, isinstance(value, dict), here, "a table")
        elif key == "successors":
            valid = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
            values[key] = _checked(value, valid, here, "a table of names of models")
        elif key == "prices":
            entries = _checked(value, isinstance(value, list), here, "a list of tables")
            values[key] = tuple(_price(entry, here) for entry in entries)
        else:
            raise BadProviders(f"{here} is not known.")
    url = values.get("base_url")
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise BadProviders(f"{place} base_url must be a URL like https://host.example/v1.")
        if not is_plain(url):
            raise BadProviders(
                f'{place} base_url must hold no user, no password and nothing behind a "?".'
            )
        values["base_url"] = url.rstrip("/")
    if values.pop("chat_only", False):
        values["trains"] = ()
    values.setdefault("label", name)
    return Provider(name=name, **values)


def _checked(value: Any, valid: object, place: str, expected: str) -> Any:
    if not valid:
        raise BadProviders(f"{place} must be {expected}.")
    return value


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def _price(entry: Any, place: str) -> DatedPrice:
    if not isinstance(entry, dict) or not isinstance(entry.get("model"), str):
        raise BadProviders(f"{place}: each price needs model, since, input and output.")
    here = f"{place} of {entry['model']}"
    since = entry.get("since", date(2000, 1, 1))
    if not isinstance(since, date) or isinstance(since, datetime):
        raise BadProviders(f"{here}: since must be a day, like 2026-10-01.")
    base = _amounts(entry, here)
    tuned = entry.get("fine_tuned")
    if tuned is not None and not isinstance(tuned, dict):
        raise BadProviders(f"{here}: fine_tuned must be a table.")
    fine_tuned = None
    if tuned is not None:
        fine_tuned = _amounts({"training": entry.get("training"), **tuned}, here)
    elif base.training is not None:
        fine_tuned = base
    return DatedPrice(model=entry["model"], since=since, base=base, fine_tuned=fine_tuned)


def _amounts(entry: Mapping[str, Any], place: str) -> Price:
    def micro(key: str) -> int | None:
        value = entry.get(key)
        if value is None:
            return None
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or not 0 <= amount < 1_000_000:
            raise BadProviders(f"{place}: {key} must be dollars per 1M tokens, like 0.15.")
        return int(amount * 1_000_000)

    input_, output = micro("input"), micro("output")
    if input_ is None or output is None:
        raise BadProviders(f"{place}: input and output must be given, in dollars per 1M tokens.")
    cached = micro("cached")
    return Price(
        input=input_,
        cached=input_ if cached is None else cached,
        output=output,
        training=micro("training"),
    )
