"""Everything of an avatar as one archive, and back: the format, without any reading or storing.

A zip archive of texts: `avatar.json` (what it is, its versions, its switches, what was taught) and
`examples/7.jsonl` for each version that has examples. Versions are named by their numbers; no
person is named, and nothing that people said beyond what examples hold. What comes back is judged
like any file from a stranger.

Not in it is what is not the avatar's: people (owners, whom it knows, who is invited or blocked),
their chats and accounts (with the sentence of /honesty, which is said for one of them), bots and
their tokens, what was spent, and the providers' jobs, of which a version holds what came of them.

What was added later than the first exports may be missing, and who does not know it yet passes it
over: that is no other format. `FORMAT` is for what could not be read so.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from avatar.dataset import archive
from avatar.dataset.openai_jsonl import MAX_TOKENS
from avatar.dataset.source import Source
from avatar.errors import BadDataset, BadText
from avatar.language import tr
from avatar.limits import MAX_COST, MAX_MESSAGES
from avatar.pictures import LARGEST_FACE, content_of_url
from avatar.records import Axis, Example, Method, Role, Status, TrainingType, Turn, Why
from avatar.text import storable, visible, well_formed
from avatar.versions import MAX_NOTE, MAX_NUMBER_DIGITS, MAX_PROMPT

FORMAT = 1
ABOUT = "avatar.json"
MAX_BYTES = 256 * 1024 * 1024  # unpacked
MAX_VERSIONS = 20_000
MAX_CATEGORIES = 100  # of what a provider's moderation flags
MAX_LINE = 320  # characters of names, models, sources
# Characters of one turn: what fits into an example, of which four are a token at most.
MAX_WORDS = 4 * MAX_TOKENS

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedVersion:
    """A version, as `Version`, without ids and people."""

    number: int
    training_type: TrainingType
    status: Status
    note: str
    created_at: datetime
    prompt: str | None = None
    provider: str | None = None
    base_model: str | None = None
    method: Method = Method.SUPERVISED
    model: str | None = None  # the fine-tuned model
    source: str | None = None
    origin: int | None = None  # a number
    trained_tokens: int | None = None
    epochs: int | None = None
    actual_cost: int | None = None
    finished_at: datetime | None = None
    error: str | None = None
    error_code: str | None = None
    started_at: datetime | None = None
    estimated_tokens: int | None = None
    estimated_cost: int | None = None
    unlearnt_at: datetime | None = None
    screening: Mapping[str, object] | None = None  # of `avatar.screening.Screening`
    examples: tuple[Example, ...] = ()
    held_out: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedSwitch:
    """A change of a pointer, between numbers of versions that are there; None: none, or gone."""

    axis: Axis
    before: int | None
    after: int | None
    why: Why
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedLesson:
    """A better answer that was taught."""

    turns: tuple[Turn, ...]
    better: str
    worse: str
    created_at: datetime
    liked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """An avatar."""

    name: str
    provider: str
    base_model: str
    visibility: str
    active_prompt: int | None  # a number
    active_model: int | None
    versions: tuple[ExportedVersion, ...]  # by number
    switches: tuple[ExportedSwitch, ...]  # oldest first
    lessons: tuple[ExportedLesson, ...]  # oldest first
    numbers_given: int | None = None  # the highest, also of versions that were deleted
    voice: str | None = None
    picture: str | None = None  # a data: URL
    messages_per_minute: int | None = None
    cost_per_day: int | None = None
    cost_per_month: int | None = None


# --- writing


def write(export: Export) -> bytes:
    """The archive."""
    about = {
        "format": FORMAT,
        "name": export.name,
        "provider": export.provider,
        "base_model": export.base_model,
        "visibility": export.visibility,
        "active_prompt": export.active_prompt,
        "active_model": export.active_model,
        "numbers_given": export.numbers_given,
        "voice": export.voice,
        "picture": export.picture,
        "messages_per_minute": export.messages_per_minute,
        "cost_per_day": export.cost_per_day,
        "cost_per_month": export.cost_per_month,
        "versions": [_version_json(each) for each in export.versions],
        "switches": [
            {
                "axis": each.axis.value,
                "before": each.before,
                "after": each.after,
                "why": each.why.value,
                "at": each.at.isoformat(),
            }
            for each in export.switches
        ],
        "lessons": [
            {
                "turns": [[turn.role.value, turn.text] for turn in each.turns],
                "better": each.better,
                "worse": each.worse,
                "at": each.created_at.isoformat(),
                "liked": each.liked,
            }
            for each in export.lessons
        ],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        _put(target, ABOUT, json.dumps(about))
        for version in export.versions:
            if version.examples or version.held_out:
                _put(target, f"examples/{version.number}.jsonl", _examples_jsonl(version))
    return packed.getvalue()


def _put(target: zipfile.ZipFile, name: str, text: str) -> None:
    """Packed, unless it repeats itself so much that it would look like a bomb to whoever reads."""
    content = text.encode()
    packs = len(zlib.compress(content)) * archive.MAX_RATIO // 2 > len(content)
    target.writestr(name, content, zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED)


def _version_json(version: ExportedVersion) -> dict[str, object]:
    return {
        "number": version.number,
        "type": version.training_type.value,
        "status": version.status.value,
        "note": version.note,
        "created_at": version.created_at.isoformat(),
        "prompt": version.prompt,
        "provider": version.provider,
        "base_model": version.base_model,
        "method": version.method.value,
        "model": version.model,
        "source": version.source,
        "origin": version.origin,
        "trained_tokens": version.trained_tokens,
        "epochs": version.epochs,
        "actual_cost": version.actual_cost,
        "finished_at": _moment(version.finished_at),
        "error": version.error,
        "error_code": version.error_code,
        "started_at": _moment(version.started_at),
        "estimated_tokens": version.estimated_tokens,
        "estimated_cost": version.estimated_cost,
        "unlearnt_at": _moment(version.unlearnt_at),
        "screening": None if version.screening is None else dict(version.screening),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _examples_jsonl(version: ExportedVersion) -> str:
    def line(example: Example, *, held_out: bool) -> str:
        turns = [
            [turn.role.value, turn.text, weight]
            for turn, weight in zip(example.turns, example.weights, strict=True)
        ]
        return json.dumps(
            {
                "turns": turns,
                "tokens": example.tokens,
                "source": example.source,
                "rejected": example.rejected,
                "people": list(example.people),
                "messages": example.messages,
                "held_out": held_out,
            }
        )

    lines = [line(each, held_out=False) for each in version.examples]
    lines += [line(each, held_out=True) for each in version.held_out]
    return "\n".join(lines) + "\n"


# --- reading


class _Unfit(Exception):
    """Something in the archive is not as `write` makes it; its text says what."""


def read(path: Path) -> Export:
    """What an archive holds. Raises BadText with one sentence for anything that `write` would not
    have made, and for archives that are hostile.
    """
    try:
        sources = {source.name: source for source in archive.texts(path, "")}
        if sum(source.size for source in sources.values()) > MAX_BYTES:
            raise _Unfit(tr("it unpacks to more than {size} MB", size=MAX_BYTES // 1024**2))
        if ABOUT not in sources:
            raise _Unfit(tr("there is no {file} in it", file=ABOUT))
        about = _Fields(_json(_bytes(sources.pop(ABOUT))))
        return _export(about, sources)
    except BadDataset as error:
        raise BadText(
            reason=tr("That archive cannot be used: {fault}", fault=error.faults[0])
        ) from error
    except _Unfit as error:
        raise BadText(
            reason=tr(
                "That is no export of an avatar: {fault}. Send a file that /export made.",
                fault=error,
            )
        ) from error


def _export(about: "_Fields", sources: Mapping[str, Source]) -> Export:
    if about.whole("format") != FORMAT:
        raise _Unfit(tr("it was written by another version of avatar-bot"))
    left = dict(sources)
    versions = [
        _version(each, left.pop(f"examples/{each.whole('number')}.jsonl", None))
        for each in about.items("versions", MAX_VERSIONS)
    ]
    if left:
        raise _Unfit(tr("it holds {file}, which belongs to no version", file=next(iter(left))))
    numbers = [version.number for version in versions]
    if numbers != sorted(set(numbers)):
        raise _Unfit(tr("its versions are not in order, or one is there twice"))
    kinds = {version.number: version.training_type for version in versions}

    def pointer(name: str, kind: TrainingType) -> int | None:
        number = about.whole_or_none(name)
        if number is not None and kinds.get(number) is not kind:
            raise _Unfit(tr("{name} points to no such version", name=name))
        return number

    switches = tuple(_switch(each, kinds) for each in about.items("switches", MAX_VERSIONS))
    visibility = about.line("visibility")
    if visibility not in {"public", "private"}:
        raise _Unfit(tr("its visibility is neither public nor private"))
    name = " ".join(visible(about.line("name", most=64)).split())
    if not name:
        raise _Unfit(tr("it has no name"))
    return Export(
        name=name,
        provider=about.line("provider", most=64),
        base_model=about.line("base_model", most=256),
        visibility=visibility,
        active_prompt=pointer("active_prompt", TrainingType.PROMPT_UPDATE),
        active_model=pointer("active_model", TrainingType.FINE_TUNE),
        versions=tuple(versions),
        switches=switches,
        lessons=tuple(_lesson(each) for each in about.items("lessons", MAX_VERSIONS)),
        numbers_given=about.whole_or_none("numbers_given"),
        voice=about.line_or_none("voice", 64),
        picture=_picture(about),
        messages_per_minute=about.whole_or_none("messages_per_minute", least=1, most=MAX_MESSAGES),
        cost_per_day=about.whole_or_none("cost_per_day", most=MAX_COST),
        cost_per_month=about.whole_or_none("cost_per_month", most=MAX_COST),
    )


def _picture(about: "_Fields") -> str | None:
    url = about.words_or_none("picture", 2 * LARGEST_FACE)
    try:
        if url is not None and len(content_of_url(url)) > LARGEST_FACE:
            raise _Unfit(tr("its picture is too large"))
    except BadText as error:
        raise _Unfit(tr("its picture is none")) from error
    return url


def _version(each: "_Fields", source: Source | None) -> ExportedVersion:
    kind = each.one_of("type", TrainingType)
    prompt = each.words_or_none("prompt", MAX_PROMPT)
    if (prompt is None) != (kind is TrainingType.FINE_TUNE) or (
        kind is TrainingType.PROMPT_UPDATE and (source is not None or each.has("model"))
    ):
        raise _Unfit(
            tr(
                "version {number} is neither a prompt nor a fine-tune",
                number=each.whole("number"),
            )
        )
    examples, held_out = ((), ()) if source is None else _examples(source)
    return ExportedVersion(
        number=each.whole("number", least=1),
        training_type=kind,
        status=each.one_of("status", Status),
        note=each.words("note", MAX_NOTE),
        created_at=each.moment("created_at"),
        prompt=prompt,
        provider=each.line_or_none("provider", 64),
        base_model=each.line_or_none("base_model", 256),
        method=each.one_of("method", Method),
        model=each.line_or_none("model", 256),
        source=each.line_or_none("source", 256),
        origin=each.whole_or_none("origin"),
        trained_tokens=each.whole_or_none("trained_tokens", most=2**53),
        epochs=each.whole_or_none("epochs", most=1_000),
        actual_cost=each.whole_or_none("actual_cost", most=2**53),
        finished_at=each.moment_or_none("finished_at"),
        error=each.words_or_none("error", 10_000),
        error_code=each.line_or_none("error_code", 128),
        started_at=each.moment_or_none("started_at"),
        estimated_tokens=each.whole_or_none("estimated_tokens", most=2**53),
        estimated_cost=each.whole_or_none("estimated_cost", most=2**53),
        unlearnt_at=each.moment_or_none("unlearnt_at"),
        screening=_screening(each),
        examples=examples,
        held_out=held_out,
    )


def _screening(version: "_Fields") -> Mapping[str, object] | None:
    if not version.has("screening"):
        return None
    said = version.inner("screening")
    kinds = said.inner("categories")
    return {
        "screened": said.whole("screened"),
        "left_out": said.whole("left_out"),
        "categories": {name: kinds.whole(name) for name in kinds.own_names(MAX_CATEGORIES)},
        "refusal": said.words("refusal", 10_000),
    }


def _examples(source: Source) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    found: tuple[list[Example], list[Example]] = ([], [])
    for line in _bytes(source).splitlines():
        each = _Fields(_json(line))
        turns = each.turns("turns", with_weight=True)
        if not turns:
            raise _Unfit(tr("{file} has an example without words", file=source.name))
        example = Example(
            turns=tuple(turn for turn, _ in turns),
            weights=tuple(weight for _, weight in turns),
            tokens=each.whole("tokens", most=2**31 - 1),
            source=each.line("source"),
            rejected=each.words_or_none("rejected", MAX_WORDS),
            messages=each.whole_or_none("messages", most=2**31 - 1) or 0,
            people=each.names("people"),
        )
        found[each.flag("held_out")].append(example)
    return tuple(found[0]), tuple(found[1])


def _switch(each: "_Fields", kinds: Mapping[int, TrainingType]) -> ExportedSwitch:
    axis = each.one_of("axis", Axis)
    kind = TrainingType.PROMPT_UPDATE if axis is Axis.PROMPT else TrainingType.FINE_TUNE
    before, after = each.whole_or_none("before"), each.whole_or_none("after")
    for number in (before, after):
        if number is not None and kinds.get(number) is not kind:
            raise _Unfit(tr("one of its switches points to no such version"))
    return ExportedSwitch(
        axis=axis,
        before=before,
        after=after,
        why=each.one_of("why", Why),
        at=each.moment("at"),
    )


def _lesson(each: "_Fields") -> ExportedLesson:
    turns = each.turns("turns", with_weight=False)
    return ExportedLesson(
        turns=tuple(turn for turn, _ in turns),
        better=each.words("better", MAX_WORDS),
        worse=each.words("worse", MAX_WORDS),
        created_at=each.moment("at"),
        liked=each.has("liked") and each.flag("liked"),
    )


def _bytes(source: Source) -> bytes:
    """Never more than the archive's table of contents said."""
    with source.stream() as stream:
        content = stream.read(source.size + 1)
    if len(content) > source.size:
        raise _Unfit(tr("{file} is larger than it says", file=source.name))
    return content


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _Unfit(tr("it holds something that is not JSON")) from error


class _Fields:
    """An object of JSON whose fields are asked for with their shape. Raises _Unfit."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise _Unfit(tr("something in it is no object"))
        self._value: dict[str, Any] = value

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None

    def whole(self, name: str, *, least: int = 0, most: int = 10**MAX_NUMBER_DIGITS - 1) -> int:
        value = self._value.get(name)
        if type(value) is not int or not least <= value <= most:
            raise _Unfit(tr("{name} is no number as it should be", name=name))
        return value

    def flag(self, name: str) -> bool:
        value = self._value.get(name)
        if not isinstance(value, bool):
            raise _Unfit(tr("{name} is neither true nor false", name=name))
        return value

    def words(self, name: str, most: int) -> str:
        value = self._value.get(name)
        if not isinstance(value, str) or len(value) > most:
            raise _Unfit(tr("{name} is no text, or too long", name=name))
        return well_formed(value)

    def line(self, name: str, *, most: int = MAX_LINE) -> str:
        """One line, without control characters; what joins letters and emoji together may be in it,
        as in what was typed here.
        """
        value = self.words(name, most)
        if visible(value) != value or "\t" in value or value.splitlines() not in ([], [value]):
            raise _Unfit(tr("{name} holds control characters", name=name))
        return value

    def moment(self, name: str) -> datetime:
        try:
            at = datetime.fromisoformat(self.words(name, 64))
            return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise _Unfit(tr("{name} is no time", name=name)) from error

    def one_of(self, name: str, kinds: Callable[[str], E]) -> E:
        try:
            return kinds(self.words(name, 64))
        except ValueError as error:
            raise _Unfit(tr("{name} is a word that is not known here", name=name)) from error

    def items(self, name: str, most: int) -> Sequence["_Fields"]:
        value = self._value.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise _Unfit(tr("{name} is no list, or too long", name=name))
        return [_Fields(each) for each in value]

    def inner(self, name: str) -> "_Fields":
        return _Fields(self._value.get(name))

    def own_names(self, most: int) -> Sequence[str]:
        """What its fields are called, each as `line` would have it."""
        if len(self._value) > most:
            raise _Unfit(tr("there is too much in it"))
        return [_Fields({"name": each}).line("name", most=MAX_LINE) for each in self._value]

    def names(self, name: str) -> tuple[str, ...]:
        value = self._value.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise _Unfit(tr("{name} is no list of names", name=name))
        return tuple(storable(each)[:MAX_LINE] for each in value)

    def turns(self, name: str, *, with_weight: bool) -> Sequence[tuple[Turn, int | None]]:
        value = self._value.get(name)
        if not isinstance(value, list):
            raise _Unfit(tr("{name} is no list", name=name))
        return [self._turn(each, with_weight=with_weight) for each in value]

    @staticmethod
    def _turn(value: object, *, with_weight: bool) -> tuple[Turn, int | None]:
        match value:
            case [str(role), str(text)] if not with_weight:
                weight: object = None
            case [str(role), str(text), (None | 0 | 1) as weight] if with_weight:
                pass
            case _:
                raise _Unfit(tr("a turn in it is no turn"))
        if role not in set(Role) or len(text) > MAX_WORDS or isinstance(weight, bool | float):
            raise _Unfit(tr("a turn in it is no turn"))
        return Turn(role=Role(role), text=well_formed(text)), weight if weight is None else int(
            str(weight)
        )

    def whole_or_none(
        self, name: str, *, least: int = 0, most: int = 10**MAX_NUMBER_DIGITS - 1
    ) -> int | None:
        return self.whole(name, least=least, most=most) if self.has(name) else None

    def words_or_none(self, name: str, most: int) -> str | None:
        return self.words(name, most) if self.has(name) else None

    def line_or_none(self, name: str, most: int) -> str | None:
        return self.line(name, most=most) if self.has(name) else None

    def moment_or_none(self, name: str) -> datetime | None:
        return self.moment(name) if self.has(name) else None


def models_named(export: Export) -> Iterable[tuple[str, str]]:
    """(provider, model) of its fine-tuned versions."""
    return {
        (version.provider or "", version.model)
        for version in export.versions
        if version.model is not None
    }
