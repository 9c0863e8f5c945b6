"""Dockerfile and compose.yaml: read, and held to the settings and the tree. They are not built."""

import re
import tomllib
from pathlib import Path
from typing import Any

from bot.settings import NAMES, load_settings

ROOT = Path(__file__).parent.parent
PACKAGES = {"avatar", "backends", "bot", "jobs", "modelserver", "storage"}


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile, lines that go on joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = [*found.get(base, [])]
        else:
            found[name].append((word, rest.strip()))
    return found


def test_the_image_runs_the_bot_as_nobody_special() -> None:
    image = stages()["bot"]
    assert list(stages())[-1] == "bot"  # what is built when no target is named
    users = [rest for word, rest in image if word == "USER"]
    assert users[-1] == "avatar"
    assert ("ENTRYPOINT", '["/venv/bin/python", "-m", "bot"]') in image
    assert not [rest for word, rest in image if word == "RUN" and "pip" in rest]
    (health,) = [rest for word, rest in image if word == "HEALTHCHECK"]
    assert "/healthz" in health
    assert "curl" not in health


def test_all_that_the_program_needs_is_in_it() -> None:
    copied = {rest.split()[0] for word, rest in stages()["bot"] if word == "COPY"}
    assert copied >= PACKAGES | {"examples"}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for name in copied - {"--from=installed"}:
        assert (ROOT / name).exists()
        assert name not in ignored
    assert {".env", ".git", "data"} <= set(ignored)


def test_the_settings_of_the_image_are_settings() -> None:
    words = " ".join(rest for word, rest in stages()["bot"] if word == "ENV").split()
    given = dict(word.split("=", 1) for word in words)
    ours = {name: value for name, value in given.items() if not name.startswith("PYTHON")}
    assert set(ours) <= set(NAMES)
    settings = load_settings(ours, dotenv=ROOT / "no such file")
    assert settings.http_port == 8080
    assert settings.database_url.endswith("////data/avatar.db")


def services() -> dict[str, Any]:
    read = yaml((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found = read["services"]
    assert isinstance(found, dict)
    used = {mount.split(":")[0] for each in found.values() for mount in each.get("volumes", [])}
    assert used == set(read["volumes"])
    return found


def test_compose_runs_the_bot_on_postgresql_from_a_read_only_root() -> None:
    found = services()
    assert {name for name, each in found.items() if not each.get("profiles")} == {"bot", "db"}
    bot = found["bot"]
    assert bot["read_only"] == "true"
    assert bot["tmpfs"] == ["/tmp"]
    assert bot["cap_drop"] == ["ALL"]
    assert bot["depends_on"]["db"]["condition"] == "service_healthy"
    assert set(bot["environment"]) <= set(NAMES)
    password = "${POSTGRES_PASSWORD:?write it into .env}"
    url = bot["environment"]["DATABASE_URL"].replace(password, "secret")
    settings = load_settings({"DATABASE_URL": url}, dotenv=ROOT / "no such file")
    assert settings.secrets == ("secret",)
    db = found["db"]["environment"]
    assert (
        f"postgresql://{db['POSTGRES_USER']}:{password}@db/{db['POSTGRES_DB']}"
        == (bot["environment"]["DATABASE_URL"])
    )
    # Only this machine reaches the bot's port, and nobody the database's.
    assert all(port.startswith("127.0.0.1:") for port in bot["ports"])
    assert "ports" not in found["db"]


def test_the_models_are_a_profile_of_this_image() -> None:
    found = services()
    models = {name: each for name, each in found.items() if each.get("profiles") == ["models"]}
    assert set(models) == {"modelserver", "vllm"}
    assert found["modelserver"]["build"]["target"] in stages()
    text = (ROOT / "modelserver" / "__main__.py").read_text(encoding="utf-8")
    options = re.findall(r'"(--[a-z-]+)', (ROOT / "compose.yaml").read_text(encoding="utf-8"))
    ours = [each for each in options if each in text]
    assert {"--model", "--host", "--port", "--api-key", "--vllm"} <= set(ours)
    assert found["vllm"]["environment"]["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"


def test_the_pinned_dependencies_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for wanted in project["project"]["dependencies"]:
        name = re.split(r"[\[<>=;,]", wanted)[0].lower().replace(".", "-")
        assert re.search(rf"(?m)^{re.escape(name)}(\[.*\])?==", pinned), name


def yaml(text: str) -> dict[str, Any]:
    """The YAML that compose.yaml uses: mappings, lists and plain words, by their indentation."""
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.splitlines()
        if line.strip() and not line.strip().startswith("#")
    ]
    value, rest = _block(lines, 0)
    assert not rest
    assert isinstance(value, dict)
    return value


def _block(lines: list[tuple[int, str]], indent: int) -> tuple[Any, list[tuple[int, str]]]:
    if lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
            item = lines[0][1][2:]
            key, colon, value = item.partition(": ")
            items.append({key: _word(value)} if colon and item[0] not in "\"'" else _word(item))
            lines = lines[1:]
        return items, lines
    found: dict[str, Any] = {}
    while lines and lines[0][0] == indent:
        key, _, value = lines[0][1].partition(":")
        lines = lines[1:]
        if value.strip():
            found[key] = _word(value.strip())
        elif lines and lines[0][0] > indent:
            found[key], lines = _block(lines, lines[0][0])
        else:
            found[key] = None
    return found, lines


def _word(text: str) -> Any:
    if text.startswith("["):
        return [_word(each) for each in re.findall(r'"[^"]*"|[^\[\],\s]+', text)]
    return text.strip("\"'")
