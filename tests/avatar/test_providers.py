"""Providers as data: the presets, the settings, the file."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.pricing import Price
from avatar.providers import BadProviders, preset, presets, providers_for, read_providers
from tests.avatar.make import a_model, an_avatar

EXAMPLE = Path(__file__).parent.parent.parent / "providers.toml.example"
DAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("api_key", "base_url", "name", "trains"),
    [
        (None, None, "embedded", ("imitator-1",)),
        ("sk-1", None, "openai", ("gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1", "gpt-4o")),
        (
            "sk-1",
            "https://api.openai.com/v1/",
            "openai",
            ("gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1", "gpt-4o"),
        ),
        ("sk-1", "https://host.example/v1", "custom", ("m",)),
        (None, "http://localhost:11434/v1", "custom", ("m",)),
    ],
)
def test_the_settings_say_who_it_is(
    api_key: str | None, base_url: str | None, name: str, trains: tuple[str, ...]
) -> None:
    base_model = "m" if name == "custom" else None
    providers = providers_for(api_key=api_key, base_url=base_url, base_model=base_model)
    assert providers.default.name == name
    assert tuple(target.base_model for target in providers.targets) == trains


def test_all_presets_are_good() -> None:
    assert set(presets()) >= {"openai", "azure", "nebius", "vllm", "ollama", "modelserver"}
    for name in presets():
        assert preset(name).label


def test_how_long_a_training_takes() -> None:
    low, high = preset("openai").seconds(100_000)
    assert 600 <= low < high <= 2 * 3600
    assert preset("embedded").seconds(100_000)[1] < 60


def test_the_example_is_good() -> None:
    providers = read_providers(EXAMPLE.read_text(encoding="utf-8"))
    assert list(providers) == ["openai", "home", "local", "nebius"]
    assert providers["local"].sees_with("qwen3-vl-8b")
    assert providers["local"].voices[0] == "af_heart"
    assert providers.default.name == "openai"
    assert providers.base_model == "gpt-4o-mini"
    assert providers["home"].trains == ("Qwen3-4B",)
    assert providers["home"].price("anything", on=DAY) == Price(
        input=0, cached=0, output=0, training=0
    )
    nebius = providers["nebius"]
    assert nebius.hyperparameters == "top_level"
    assert nebius.extra_body["lora"] is True
    price = nebius.price("meta-llama/Meta-Llama-3.1-8B-Instruct", on=DAY)
    assert price == Price(input=20_000, cached=20_000, output=60_000, training=400_000)


def test_a_price_holds_from_its_day() -> None:
    providers = read_providers(
        """
        [providers.x]
        base_url = "http://h/v1"
        base_model = "m"
        prices = [
            { model = "m", since = 2026-01-01, input = "1", output = 2 },
            { model = "m", since = 2026-12-01, input = 0.5, output = "1", cached = "0" },
        ]
        """
    )
    x = providers["x"]
    for day, amount in ((1, 1_000_000), (30, 1_000_000)):
        price = x.price("m", on=date(2026, 11, day))
        assert price is not None
        assert price.input == amount
    later = x.price("m", on=date(2026, 12, 1))
    assert later == Price(input=500_000, cached=0, output=1_000_000)
    assert x.price("m", on=date(2025, 1, 1)) is not None  # rather an old price than none
    assert x.price("n", on=DAY) is None


BAD = [
    ("", "needs a table"),
    ("x = ", "not TOML"),
    ("[providers]", "at least one"),
    ("[providers.a]", "[providers.a] needs base_url"),
    ('[providers.a]\nbase_url = "http://h"', "needs base_model"),
    ('[providers.a]\nbase_url = "h"\nbase_model = "m"', "must be a URL"),
    ('[providers.a]\nbase_url = "http://a:b@h"\nbase_model = "m"', "no user"),
    ('[providers.a]\nlike = "nobody"', "like must be one of"),
    ('[providers.a]\nlike = "embedded"', "like must be one of"),
    ('[providers.a]\nlike = "openai"\nspeed = 3', "speed is not known"),
    ('[providers.a]\nlike = "openai"\nfree = "yes"', "free must be true or false"),
    ('[providers.a]\nlike = "openai"\ncontext_tokens = -1', "must be a number above 0"),
    ('[providers.a]\nlike = "openai"\ntrains = "m"', "must be a list of texts"),
    ('[providers.a]\nlike = "openai"\nhyperparameters = "odd"', "method or top_level"),
    ('[providers.a]\nlike = "openai"\ntraining_seconds = [1]', "two numbers"),
    ('[providers.a]\nlike = "openai"\nprices = [{ model = "m" }]', "input and output"),
    (
        '[providers.a]\nlike = "openai"\nprices = [{ model = "m", input = "x", output = 1 }]',
        "input must be dollars",
    ),
    (
        '[providers.a]\nlike = "openai"\nprices = [{ model = "m", since = 3 }]',
        "since must be a day",
    ),
    ('default = "b"\n[providers.a]\nlike = "openai"', "default must name one of: a"),
    ('other = 1\n[providers.a]\nlike = "openai"', "other is not known"),
    ("providers = 3", "needs a table"),
    ('[providers."a b"]\nlike = "openai"', "a name has letters"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_a_bad_file_is_named_in_one_line(text: str, words: str) -> None:
    with pytest.raises(BadProviders) as refused:
        read_providers(text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=200))
def test_any_text_is_providers_or_a_line(text: str) -> None:
    try:
        read_providers(text)
    except BadProviders as error:
        assert str(error)


def test_a_provider_that_is_not_set_up_falls_back() -> None:
    openai = providers_for(api_key="k", base_url=None, base_model=None)
    at_home = an_avatar(provider="embedded", base_model="imitator-1")
    assert openai.base(at_home) == ("openai", "gpt-4o-mini")
    lost = a_model(provider="embedded", fine_tuned_model_id="ft:imitator-1:local::x")
    pair = openai.pair(at_home, prompt=None, model=lost)
    assert (pair.model, pair.provider, pair.model_name) == (None, "openai", "gpt-4o-mini")
    here = an_avatar(provider="openai", base_model="gpt-4.1")
    assert openai.base(here) == ("openai", "gpt-4.1")
    target = openai.target(here)
    assert target is not None
    assert (target.provider.name, target.base_model) == ("openai", "gpt-4.1")


def test_the_reasoning_family_is_known_by_name() -> None:
    openai = preset("openai")
    assert openai.reasons("gpt-6-luna")
    assert openai.reasons("o4-mini-2025-04-16")
    assert not openai.reasons("gpt-4o-mini")
    assert not preset("ollama").reasons("gpt-6-luna")
    assert openai.successor("gpt-4o-mini-2024-07-18") == "gpt-6-luna"


@pytest.mark.parametrize(
    ("name", "model", "sees"),
    [
        ("openai", "gpt-4o-mini", True),
        ("openai", "ft:gpt-4o-mini-2024-07-18:org:ani:CVZq68Yu", True),
        ("openai", "gpt-6-luna", True),
        ("openai", "gpt-3.5-turbo", False),
        ("embedded", "imitator-1", False),
        ("vllm", "llava", False),  # nothing is known of it until the operator says so
    ],
)
def test_which_models_see(name: str, model: str, sees: bool) -> None:
    own: dict[str, object] = {} if name == "openai" else {"trains": []}
    assert preset(name, **own).sees_with(model) is sees
