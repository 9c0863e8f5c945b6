"""Settings: what is read, what is refused, and that .env.example says all of it."""

import re
from pathlib import Path

import pytest

from bot.settings import NAMES, SettingsError, load_settings

EXAMPLE = Path(__file__).parent.parent.parent / ".env.example"
NOWHERE = Path("no such file")


def test_the_example_names_every_setting_and_is_valid() -> None:
    named = re.findall(r"(?m)^([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"))
    assert sorted(named) == sorted(NAMES)
    assert load_settings({}, dotenv=EXAMPLE) == load_settings({}, dotenv=NOWHERE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_TOKEN", "secret-nonsense"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("TELEGRAM_LOCAL_FILES", "files"),
        ("TELEGRAM_WEBHOOK_URL", "http://bot.example"),
        ("TELEGRAM_WEBHOOK_URL", "https://bot.example"),  # without HTTP_PORT
        ("TELEGRAM_WEBHOOK_SECRET", "secret-nonsense"),
        ("SECRET_KEY", "secret-nonsense"),
        ("DISCORD_TOKEN", "secret-nonsense"),
        ("DISCORD_API_URL", "discord.com"),
        ("DISCORD_GATEWAY_URL", "https://gateway.example"),
        ("OPENAI_BASE_URL", "nohost"),
        ("OPENAI_BASE_URL", "https://ann:secret-nonsense@host.example/v1"),
        ("OPENAI_BASE_URL", "https://host.example/v1?api-version=1"),
        ("BASE_MODEL", "two words"),
        ("DATABASE_URL", "mysql://x"),
        ("OPERATORS", "telegram:abc"),
        ("AVATAR_CREATION", "nobody"),
        ("MESSAGES_PER_MINUTE", "many"),
        ("MESSAGES_PER_MINUTE", "0"),
        pytest.param("MESSAGES_PER_MINUTE", "1" * 5_000, id="far too many"),
        ("PERSON_COST_PER_DAY", "-1"),
        ("PERSON_COST_PER_MONTH", "a lot"),
        ("AVATAR_COST_PER_DAY", "1e3"),
        ("AVATAR_COST_PER_MONTH", "1,5"),
        ("COST_PER_DAY", "ten"),
        ("COST_PER_MONTH", "$$5"),
        ("PHONE_REGION", "Singapore"),
        ("PHONE_REGION", "XX"),
        ("MESSAGES_KEEP_DAYS", "0"),
        ("MESSAGES_KEEP_DAYS", "a year"),
        ("MESSAGES_KEEP_DAYS", "9999999999"),
        ("MESSAGES_KEEP_DAYS", "00036599999999999"),
        ("HTTP_PORT", "http"),
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "65536"),
        ("POLL_SECONDS", "often"),
        ("POLL_SECONDS", "nan"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_named_in_one_line_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value}, dotenv=NOWHERE)
    line = str(refused.value)
    assert name in line
    assert "\n" not in line
    assert "secret-nonsense" not in line


def test_the_country_of_phone_numbers() -> None:
    assert load_settings({}, dotenv=NOWHERE).phone_region is None
    assert load_settings({"PHONE_REGION": "sg"}, dotenv=NOWHERE).phone_region == "SG"


def test_limits() -> None:
    given = {"MESSAGES_PER_MINUTE": "none", "COST_PER_DAY": "2.50", "PERSON_COST_PER_DAY": "None"}
    limits = load_settings(given, dotenv=NOWHERE).limits
    assert (limits.messages_per_minute, limits.person_cost_per_day) == (None, None)
    assert (limits.cost_per_day, limits.cost_per_month) == (2_500_000, 500_000_000)
    assert limits.avatar_cost_per_day is None


def test_secrets_are_not_in_the_repr() -> None:
    settings = load_settings({"OPENAI_API_KEY": "sk-very-secret"}, dotenv=NOWHERE)
    assert "very-secret" not in repr(settings)
    assert settings.secrets == ("sk-very-secret",)
    assert not settings.embedded
