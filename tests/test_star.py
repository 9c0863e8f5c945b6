"""The star of the design: who may import whom, read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"avatar", "backends", "modelserver", "storage", "jobs", "bot"}
MAY_IMPORT = {
    "avatar": set[str](),
    "modelserver": set[str](),
    "backends": {"avatar"},
    "storage": {"avatar"},
    "jobs": {"avatar"},
    "bot": {"avatar"},
}
COMPOSITION_ROOT = {"bot/__main__.py", "bot/composition.py", "bot/serving.py", "bot/upkeep.py"}
# Where a vendor's package may be imported.
HOMES: dict[str, str | tuple[str, ...]] = {
    "openai": "backends/",
    "httpx2": "backends/",
    "sqlalchemy": "storage/",
    "alembic": "storage/",
    "apscheduler": "jobs/",
    "telegram": "bot/telegram/",
    "telegramify_markdown": "bot/telegram/",
    "discord": "bot/discord/",
    "prompt_toolkit": "bot/terminal/",
    "rich": "bot/terminal/",
    "starlette": ("modelserver/", "bot/"),
    "uvicorn": ("modelserver/", "bot/web.py"),
    "prometheus_client": "bot/metrics.py",
    "torch": "modelserver/lora/",
    "transformers": "modelserver/lora/",
    "peft": "modelserver/lora/",
    "trl": "modelserver/lora/",
    "datasets": "modelserver/lora/",
    "aiosqlite": "storage/",
    "psycopg": "storage/",
    "procrastinate": "storage/",
    "cryptography": "storage/",
    "phonenumbers": "avatar/dataset/",
    "stdnum": "avatar/dataset/",
}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield alias.name, node.lineno
            case ast.ImportFrom(module=str(module), level=0):
                yield module, node.lineno
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if getattr(
                func, "attr", getattr(func, "id", "")
            ) in {"import_module", "__import__"}:
                yield name, node.lineno


def sources() -> list[Path]:
    return sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    package, _, _ = name.partition("/")
    for module, line in imports(path):
        top, _, _ = module.partition(".")
        if top in PACKAGES and top != package and name not in COMPOSITION_ROOT:
            assert top in MAY_IMPORT[package], f"{name}:{line} imports {module}"
        if top in HOMES:
            assert name.startswith(HOMES[top]), f"{name}:{line} imports {module}"


def test_no_module_outgrows_its_noun() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources()
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 600
    }
    assert not long
