"""Everything that is said to people, as the code says it, and the files of its translations.

`make strings` brings the files to what the code says: new texts stand there without a translation,
old ones go.
"""

import ast
import inspect
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib

from avatar.errors import AvatarError
from avatar.language import ENGLISH, FILES, NAMES
from bot.actions import BadAction
from bot.commands import COMMANDS

ROOT = Path(__file__).parents[1]
PRESETS = ROOT / "avatar" / "presets.toml"
FOLDERS = ("avatar", "backends", "bot", "jobs", "storage")
# Whose errors are said in chats; others are read by who runs the installation.
ERRORS = (AvatarError.__module__, BadAction.__module__)
OTHERS = [code for code in NAMES if code != ENGLISH]


@dataclass(order=True)
class Said:
    """One text, and one about a number where there is one."""

    one: str
    many: str = ""
    files: set[str] = field(default_factory=set, compare=False)


def said() -> dict[str, Said]:
    """All texts by their (singular) wording."""
    found: dict[str, Said] = {}
    for one, many, file in sorted({*_in_code(), *_errors(), *_commands(), *_presets()}):
        text = found.setdefault(one, Said(one, many))
        text.many = text.many or many
        text.files.add(file)
    return found


def fields(text: str) -> set[str]:
    """The names of a template's fields."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def file_of(code: str) -> polib.POFile:
    return polib.pofile(str(FILES / f"{code}.po"))


def _in_code() -> Iterator[tuple[str, str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            file = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield from _of_call(node, node.func.id, file)


def _of_call(call: ast.Call, name: str, file: str) -> Iterator[tuple[str, str, str]]:
    count = {"tr": 1, "noted": 1, "trn": 2}.get(name)
    if count is None:
        return
    texts = []
    for argument in call.args[:count]:
        if isinstance(argument, ast.JoinedStr):
            raise TypeError(f"{file}:{call.lineno}: {name} takes a template, no f-string")
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            texts.append(argument.value)
    if len(texts) == count:  # otherwise it is a variable: what it holds is noted elsewhere
        yield (texts[0], texts[1] if count > 1 else "", file)


def _errors() -> Iterator[tuple[str, str, str]]:
    waiting = [AvatarError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__ in ERRORS:
            file = kind.__module__.replace(".", "/") + ".py"
            yield " ".join((inspect.getdoc(kind) or "").split()), "", file


def _commands() -> Iterator[tuple[str, str, str]]:
    for command in COMMANDS:
        for text in (command.help, command.menu, *(each.about for each in command.parameters)):
            if text:
                yield text, "", "bot/commands.py"


def _presets() -> Iterator[tuple[str, str, str]]:
    for values in tomllib.loads(PRESETS.read_text(encoding="utf-8")).values():
        for text in (values.get("label"), values.get("kind")):
            if text:
                yield text, "", str(PRESETS.relative_to(ROOT))


def bring_up_to_date(code: str) -> None:
    """Write a language's file anew, with the translations that it has."""
    path = FILES / f"{code}.po"
    old = {entry.msgid: entry for entry in (file_of(code) if path.exists() else ())}
    new = polib.POFile(wrapwidth=100)
    new.metadata = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": code,
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    for text in sorted(said().values(), key=lambda text: (sorted(text.files), text.one)):
        entry = polib.POEntry(
            msgid=text.one, occurrences=[(file, "") for file in sorted(text.files)]
        )
        known = old.get(text.one)
        if text.many:
            entry.msgid_plural = text.many
            entry.msgstr_plural = known.msgstr_plural if known is not None else {0: ""}
        elif known is not None:
            entry.msgstr = known.msgstr
        new.append(entry)
    new.save(str(path))


if __name__ == "__main__":
    for language in OTHERS:
        bring_up_to_date(language)
