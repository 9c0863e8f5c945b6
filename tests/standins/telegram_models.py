"""Every method of the Bot API with its parameters, as aiogram's models describe them.

aiogram takes nine seconds to import, so what its models say stands in `telegram_methods.txt`, a
line a method or type: `sendMessage chat_id!=int|str text!=str entities=[MessageEntity] …` (`!`:
must be given; `="x"`: only this value). `python -m tests.standins.telegram_models` writes it anew;
a test of the marker `long` holds it and the installed aiogram together.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "telegram_methods.txt"
# Said by aiogram's models, known to no Bot API: the package fills them in before it sends.
_NOT_OURS = frozenset({"disable_web_page_preview", "allow_sending_without_reply"})
_PLAIN: Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "str": str,
    "bool": bool,
    "float": (int, float),
}


class Mistyped(Exception):
    """A call that does not fit the method's model; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A parameter of a method, or a part of an object. A kind is a plain type's name, `=` and a
    value, `[kind|kind]` for a list, `file`, `any`, or an object's name.
    """

    kinds: tuple[str, ...]
    required: bool


Model = Mapping[str, Field]


@cache
def models() -> Mapping[str, Model]:
    """Methods and objects by name."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {name: dict(map(_field, fields)) for name, *fields in map(str.split, lines)}


def _field(said: str) -> tuple[str, Field]:
    name, kinds = said.split("=", 1)
    return name.removesuffix("!"), Field(kinds=_kinds(kinds), required=name.endswith("!"))


def _kinds(said: str) -> tuple[str, ...]:
    """`int|[a|b]` as ("int", "[a|b]")."""
    found, depth = [""], 0
    for char in said:
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += char
    return tuple(found)


def checked(method: str, given: Mapping[str, object]) -> dict[str, Any]:
    """The parameters of a call, decoded from the strings of a form. Raises Mistyped."""
    model = models()[method]
    decoded = {name: _decoded(name, value, model) for name, value in given.items()}
    _check_object(method, decoded, model)
    return decoded


def _decoded(name: str, value: object, model: Model) -> object:
    if not isinstance(value, str) or name not in model:
        return value
    kinds = model[name].kinds
    try:
        decoded = value if kinds == ("str",) else json.loads(value)
    except ValueError:
        decoded = value
    return decoded if any(_fits(decoded, kind) for kind in kinds) else value


def _check_object(where: str, value: Mapping[str, object], model: Model) -> None:
    if unknown := value.keys() - model.keys():
        raise Mistyped(f"{where} has no {sorted(unknown)}")
    for name, field in model.items():
        if value.get(name) is not None:
            _check(f"{where}.{name}", value[name], field.kinds)
        elif field.required:
            raise Mistyped(f"{where}.{name} is missing")


def _check(where: str, value: object, kinds: tuple[str, ...]) -> None:
    """Raise what the kind that fits best has against it."""
    against: list[Mistyped] = []
    for kind in kinds:
        try:
            _check_kind(where, value, kind)
        except Mistyped as mistyped:
            against.append(mistyped)
        else:
            return
    raise (
        against[0]
        if len(against) == 1
        else Mistyped(f"{where} fits none of {', '.join(kinds)}: " + "; ".join(map(str, against)))
    )


def _check_kind(where: str, value: object, kind: str) -> None:
    if kind.startswith("["):
        if not isinstance(value, list):
            raise Mistyped(f"{where} is no list")
        for i, each in enumerate(value):
            _check(f"{where}[{i}]", each, _kinds(kind[1:-1]))
    elif (model := models().get(kind)) is not None:
        if not isinstance(value, Mapping):
            raise Mistyped(f"{where} is no {kind}")
        _check_object(where, value, model)
    elif not _fits(value, kind):
        raise Mistyped(f"{where} is no {kind}: {value!r}")


def _fits(value: object, kind: str) -> bool:
    """Whether a value is of a kind, at first sight."""
    if kind.startswith("["):
        return isinstance(value, list)
    if kind.startswith("="):
        return bool(value == json.loads(kind[1:]))
    if kind in _PLAIN:
        plain = _PLAIN[kind]
        return isinstance(value, plain) and (kind == "bool" or not isinstance(value, bool))
    if kind == "file":
        return isinstance(value, str)
    return kind == "any" or isinstance(value, Mapping)


# From aiogram's models


def described() -> str:
    """The file's text, from the installed aiogram."""
    from typing import Literal, get_origin

    import aiogram.methods
    from aiogram.methods import TelegramMethod

    lines: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [
        (each.__api_method__, each)
        for each in vars(aiogram.methods).values()
        if isinstance(each, type)
        and issubclass(each, TelegramMethod)
        and each is not TelegramMethod
    ]
    while waiting:
        name, model = waiting.pop()
        if name in lines:
            continue
        fields = []
        for field_name, field in model.model_fields.items():
            if field_name in _NOT_OURS and "ReplyParameters" not in name:
                continue
            kinds = []
            for kind, nested in _described(field.annotation):
                kinds.append(kind)
                waiting += nested
            always = field.is_required() or get_origin(field.annotation) is Literal
            mark = "!" if always else ""
            fields.append(f"{field.alias or field_name}{mark}={'|'.join(dict.fromkeys(kinds))}")
        lines[name] = " ".join([name, *fields])
    return "\n".join(lines[name] for name in sorted(lines)) + "\n"


def _described(annotation: Any) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """The kinds of an annotation, each with the objects in it."""
    import datetime
    from types import NoneType, UnionType
    from typing import Annotated, Literal, Union, get_args, get_origin

    from aiogram.client.default import Default
    from aiogram.types import InputFile
    from pydantic import BaseModel

    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        for each in inner:
            yield from _described(each)
    elif origin is Annotated:
        yield from _described(inner[0])
    elif origin is Literal:
        for value in inner:
            yield f"={json.dumps(value)}", []
    elif origin is list:
        found = list(_described(inner[0]))
        kinds = "|".join(dict.fromkeys(kind for kind, _ in found))
        yield f"[{kinds}]", [each for _, nested in found for each in nested]
    elif annotation in {NoneType, Default, datetime.timedelta}:
        return
    elif annotation is datetime.datetime:
        yield "int", []
    elif isinstance(annotation, type) and issubclass(annotation, InputFile):
        yield "file", []
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation.__name__, [(annotation.__name__, annotation)]
    elif annotation in {bool, int, float, str}:
        yield annotation.__name__, []
    else:
        yield "any", []


if __name__ == "__main__":
    FILE.write_text(described(), encoding="utf-8")
