import pytest

from avatar.providers import CUSTOM, EMBEDDED, OPENAI, Provider, provider_for


@pytest.mark.parametrize(
    ("api_key", "base_url", "provider"),
    [
        (None, None, EMBEDDED),
        ("sk-1", None, OPENAI),
        ("sk-1", "https://api.openai.com/v1/", OPENAI),
        ("sk-1", "https://api.tokenfactory.nebius.com/v1/", CUSTOM),
        (None, "http://localhost:11434/v1", CUSTOM),
    ],
)
def test_the_settings_say_who_it_is(
    api_key: str | None, base_url: str | None, provider: Provider
) -> None:
    assert provider_for(api_key=api_key, base_url=base_url) is provider


def test_how_long_a_training_takes() -> None:
    low, high = OPENAI.seconds(100_000)
    assert 600 <= low < high <= 2 * 3600
    assert EMBEDDED.seconds(100_000)[1] < 60
