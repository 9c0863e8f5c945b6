"""Settings: environment variables, also read from `.env`. A wrong value stops the start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from avatar.errors import BadText
from avatar.hosts import is_plain
from avatar.limits import MAX_MESSAGES, Limits, parse_dollars
from avatar.providers import OPENAI_URL, BadProviders, Providers, providers_for, read_providers
from bot.roles import Role

_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{20,}")
_DISCORD_TOKEN = re.compile(r"[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{20,}")
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
_LEVELS = ("debug", "info", "warning", "error")
PROVIDERS = "providers.toml"
DATABASE = "sqlite+aiosqlite:///data/avatar.db"


class SettingsError(Exception):
    """One line that names the setting, what is wrong and what is expected; never a secret."""


def _embedded() -> Providers:
    return providers_for(api_key=None, base_url=None, base_model=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What `.env.example` describes. Secrets are left out of its repr."""

    telegram_token: str | None = field(default=None, repr=False)
    telegram_api_url: str | None = None
    telegram_local_files: str | None = None  # a folder
    telegram_webhook_url: str | None = None  # None: Telegram is asked for updates
    telegram_webhook_secret: str | None = field(default=None, repr=False)  # None: one is made
    discord_token: str | None = field(default=None, repr=False)
    discord_api_url: str | None = None
    discord_gateway_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    providers_file: str | None = None  # None: providers.toml, where there is one
    base_model: str | None = None  # None: the provider's own
    database_url: str = field(default=DATABASE, repr=False)
    secret_key: tuple[str, ...] = field(default=(), repr=False)  # none: a file beside the database
    operators: frozenset[tuple[str, str]] = frozenset()  # (platform, id there)
    avatar_creation: str = "operators"
    messages_per_minute: int | None = 20
    person_cost_per_day: int | None = 2_000_000  # micro-dollars, like those below
    person_cost_per_month: int | None = 20_000_000
    avatar_cost_per_day: int | None = None
    avatar_cost_per_month: int | None = None
    cost_per_day: int | None = 50_000_000
    cost_per_month: int | None = 500_000_000
    http_host: str = "127.0.0.1"
    http_port: int | None = None  # None: no HTTP server
    messages_keep: timedelta | None = field(default=None, metadata={"name": "MESSAGES_KEEP_DAYS"})
    phone_region: str | None = None  # of phone numbers without a country code
    poll_seconds: float = 30.0
    worker_concurrency: int = 200
    log_level: str = "info"
    log_format: str = "text"

    # What follows from those above.
    providers: Providers = field(default_factory=_embedded, metadata={"derived": True})
    keys: Mapping[str, str] = field(  # by provider
        default_factory=dict, repr=False, metadata={"derived": True}
    )

    @property
    def embedded(self) -> bool:
        """Whether the model server runs inside of this process."""
        return any(provider.base_url is None for provider in self.providers.values())

    @property
    def limits(self) -> Limits:
        """What may be said and spent, as far as the settings say."""
        return Limits(**{each.name: getattr(self, each.name) for each in fields(Limits)})

    @property
    def in_terminal(self) -> bool:
        """Whether no other platform is set up."""
        return self.telegram_token is None and self.discord_token is None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never reach a log."""
        password = urlsplit(self.database_url).password
        found = (
            self.telegram_token,
            self.telegram_webhook_secret,
            self.discord_token,
            self.openai_api_key,
            password,
            *self.secret_key,
            *self.keys.values(),
        )
        return tuple(dict.fromkeys(secret for secret in found if secret))


NAMES = tuple(
    str(each.metadata.get("name", each.name.upper()))
    for each in fields(Settings)
    if not each.metadata.get("derived", False)
)


def load_settings(environment: Mapping[str, str], *, dotenv: Path = Path(".env")) -> Settings:
    """Settings from the environment, and from `.env` what is not there. Raises SettingsError."""
    given = {**(dotenv_values(dotenv) if dotenv.is_file() else {}), **environment}
    values = {name: (given.get(name) or "").strip() for name in NAMES}
    base_model, base_url = _base_model(values), _url("OPENAI_BASE_URL", values)
    if base_url is not None and not is_plain(base_url):
        raise SettingsError(
            'OPENAI_BASE_URL must hold no user, no password and nothing behind a "?".'
        )
    providers = _from_file(values["PROVIDERS_FILE"], base_model)
    if providers is None:
        if base_url and base_url != OPENAI_URL and base_model is None:
            raise SettingsError(
                "BASE_MODEL must be set with OPENAI_BASE_URL: the name of a model that this host "
                "has."
            )
        providers = providers_for(
            api_key=values["OPENAI_API_KEY"] or None, base_url=base_url, base_model=base_model
        )
    embedded = any(provider.base_url is None for provider in providers.values())
    return Settings(
        telegram_token=_token(values["TELEGRAM_TOKEN"]),
        telegram_api_url=_url("TELEGRAM_API_URL", values),
        telegram_local_files=_folder("TELEGRAM_LOCAL_FILES", values),
        telegram_webhook_url=_webhook(values),
        telegram_webhook_secret=_webhook_secret(values["TELEGRAM_WEBHOOK_SECRET"]),
        discord_token=_discord_token(values["DISCORD_TOKEN"]),
        discord_api_url=_url("DISCORD_API_URL", values),
        discord_gateway_url=_url("DISCORD_GATEWAY_URL", values, schemes=("ws", "wss")),
        openai_api_key=values["OPENAI_API_KEY"] or None,
        openai_base_url=base_url,
        providers_file=values["PROVIDERS_FILE"] or None,
        base_model=base_model,
        database_url=_database(values["DATABASE_URL"] or DATABASE),
        secret_key=_secret_keys(values["SECRET_KEY"]),
        operators=_operators(values["OPERATORS"]),
        avatar_creation=_choice("AVATAR_CREATION", values, ("operators", "anyone")),
        messages_per_minute=_count("MESSAGES_PER_MINUTE", values, 20),
        person_cost_per_day=_cost("PERSON_COST_PER_DAY", values, "2"),
        person_cost_per_month=_cost("PERSON_COST_PER_MONTH", values, "20"),
        avatar_cost_per_day=_cost("AVATAR_COST_PER_DAY", values, "none"),
        avatar_cost_per_month=_cost("AVATAR_COST_PER_MONTH", values, "none"),
        cost_per_day=_cost("COST_PER_DAY", values, "50"),
        cost_per_month=_cost("COST_PER_MONTH", values, "500"),
        http_host=values["HTTP_HOST"] or "127.0.0.1",
        http_port=_port("HTTP_PORT", values),
        messages_keep=_days("MESSAGES_KEEP_DAYS", values),
        phone_region=_region("PHONE_REGION", values),
        poll_seconds=_seconds("POLL_SECONDS", values, 2.0 if embedded else 30.0),
        worker_concurrency=_whole("WORKER_CONCURRENCY", values, 200),
        log_level=_choice("LOG_LEVEL", values, _LEVELS, usual="info"),
        log_format=_choice("LOG_FORMAT", values, ("text", "json")),
        providers=providers,
        keys={
            provider.name: key
            for provider in providers.values()
            if provider.key and (key := (given.get(provider.key) or "").strip())
        },
    )


def _from_file(name: str, base_model: str | None) -> Providers | None:
    """The providers of a file; None: there is no such file, and none was asked for."""
    path = Path(name or PROVIDERS)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not name:
            return None
        raise SettingsError(f"PROVIDERS_FILE: there is no file {name}.") from None
    except (OSError, ValueError):
        raise SettingsError(f"PROVIDERS_FILE: {path} cannot be read as UTF-8 text.") from None
    try:
        return read_providers(text, base_model=base_model)
    except BadProviders as error:
        raise SettingsError(f"{path}: {error}") from error


def _token(value: str) -> str | None:
    if not value:
        return None
    if not _TOKEN.fullmatch(value):
        raise SettingsError(
            "TELEGRAM_TOKEN does not look like a bot's token (digits, a colon, then letters and "
            "digits); @BotFather gives one."
        )
    return value


def _webhook(values: Mapping[str, str]) -> str | None:
    """Telegram's own server takes nothing but https; one that is ours may."""
    schemes = ("http", "https") if values["TELEGRAM_API_URL"] else ("https",)
    url = _url("TELEGRAM_WEBHOOK_URL", values, schemes=schemes)
    if url is not None and not values["HTTP_PORT"]:
        raise SettingsError("TELEGRAM_WEBHOOK_URL needs HTTP_PORT: the port that it leads to.")
    return url


def _webhook_secret(value: str) -> str | None:
    if value and not _WEBHOOK_SECRET.fullmatch(value):
        raise SettingsError(
            "TELEGRAM_WEBHOOK_SECRET must be 16 to 256 of the characters A-Z a-z 0-9 _ and -."
        )
    return value or None


def _folder(name: str, values: Mapping[str, str]) -> str | None:
    value = values[name]
    if value and not Path(value).is_absolute():
        raise SettingsError(f"{name} must be a whole path, like /var/lib/telegram-bot-api.")
    return value or None


def _discord_token(value: str) -> str | None:
    if value and not _DISCORD_TOKEN.fullmatch(value):
        raise SettingsError(
            "DISCORD_TOKEN does not look like a bot's token (three groups of letters and digits, "
            "parted by dots); the Developer Portal shows one under Bot."
        )
    return value or None


def _url(
    name: str, values: Mapping[str, str], *, schemes: tuple[str, ...] = ("http", "https")
) -> str | None:
    value = values[name]
    if not value:
        return None
    try:
        parts = urlsplit(value)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(f"{name} must be a URL like {schemes[-1]}://host.example/v1.")
    return value.rstrip("/")


def _base_model(values: Mapping[str, str]) -> str | None:
    value = values["BASE_MODEL"]
    if len(value) > 200 or any(c.isspace() for c in value):
        raise SettingsError("BASE_MODEL must be the name of a model, like gpt-4o-mini.")
    return value or None


def _database(value: str) -> str:
    scheme = value.partition("://")[0]
    known = scheme in {"sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+psycopg"}
    if not known or "://" not in value:
        raise SettingsError(
            f"DATABASE_URL must begin with sqlite+aiosqlite:/// or postgresql://; {DATABASE} is "
            "the default."
        )
    return value


def _secret_keys(value: str) -> tuple[str, ...]:
    keys = tuple(filter(None, (part.strip() for part in value.split(","))))
    if any(len(key) < 32 for key in keys):
        raise SettingsError(
            "SECRET_KEY must be 32 characters or more, best random ones; several are parted by "
            "commas."
        )
    return keys


def _operators(value: str) -> frozenset[tuple[str, str]]:
    found = set()
    for entry in filter(None, (part.strip() for part in value.split(","))):
        platform, _, id_ = entry.partition(":")
        if platform not in {"telegram", "discord"} or not (id_.isascii() and id_.isdigit()):
            raise SettingsError(
                "OPERATORS must list people as platform:id, like telegram:123,discord:456."
            )
        found.add((platform, id_))
    return frozenset(found)


def _choice(
    name: str, values: Mapping[str, str], choices: tuple[str, ...], *, usual: str | None = None
) -> str:
    value = values[name].lower() or usual or choices[0]
    if value not in choices:
        raise SettingsError(f"{name} must be one of: {', '.join(choices)}.")
    return value


def _count(name: str, values: Mapping[str, str], usual: int) -> int | None:
    value = values[name].lower() or str(usual)
    if value == "none":
        return None
    count = _number(value, MAX_MESSAGES)
    if count is None:
        raise SettingsError(
            f"{name} must be a whole number from 1 to {MAX_MESSAGES}, like 20, or none."
        )
    return count


def _cost(name: str, values: Mapping[str, str], usual: str) -> int | None:
    value = values[name].lower() or usual
    if value == "none":
        return None
    try:
        return parse_dollars(value)
    except BadText:
        raise SettingsError(
            f"{name} must be an amount of US dollars, like 2.50, or none."
        ) from None


def _port(name: str, values: Mapping[str, str]) -> int | None:
    value = values[name]
    if not value:
        return None
    port = _number(value, 65_535)
    if port is None:
        raise SettingsError(f"{name} must be a port from 1 to 65535, like 8080.")
    return port


def _days(name: str, values: Mapping[str, str]) -> timedelta | None:
    value = values[name]
    if not value:
        return None
    days = _number(value, 36_500)
    if days is None:
        raise SettingsError(f"{name} must be a number of days from 1 to 36500, like 365.")
    return timedelta(days=days)


def _region(name: str, values: Mapping[str, str]) -> str | None:
    value = values[name].upper()
    if not value:
        return None
    from avatar.dataset.masking import is_region  # takes a while, and mostly nobody asks

    if not is_region(value):
        raise SettingsError(f"{name} must be a country by its two letters, like SG.")
    return value


def _seconds(name: str, values: Mapping[str, str], usual: float) -> float:
    if not values[name]:
        return usual
    try:
        seconds = float(values[name])
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 3600:
        raise SettingsError(f"{name} must be a number of seconds from 0.1 to 3600, like 30.")
    return seconds


def _whole(name: str, values: Mapping[str, str], usual: int) -> int:
    value = values[name]
    if not value:
        return usual
    number = _number(value, 10_000)
    if number is None:
        raise SettingsError(f"{name} must be a whole number from 1 to 10000, like {usual}.")
    return number


def _number(value: str, most: int) -> int | None:
    """A whole number from 1 to `most`. None: it is none, or has more digits than such a one."""
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(most))):
        return None
    return int(value) if 1 <= int(value) <= most else None


def roles_allowed(settings: Settings, role: Role) -> None:
    """Raises SettingsError where this installation cannot be shared among processes."""
    if role is Role.ALL:
        return
    if settings.in_terminal:
        raise SettingsError(
            f"--role {role} needs a platform: set TELEGRAM_TOKEN or DISCORD_TOKEN. The terminal is "
            "served by one process."
        )
    if settings.database_url.startswith("sqlite"):
        raise SettingsError(
            f"--role {role} needs PostgreSQL (DATABASE_URL=postgresql://…): on SQLite one process "
            "does everything. Start it without --role."
        )
    if settings.embedded and role is not Role.RECEIVER:
        raise SettingsError(
            f"--role {role} needs a provider that all processes reach: set OPENAI_BASE_URL (start "
            "the model server with python -m modelserver), or OPENAI_API_KEY."
        )
