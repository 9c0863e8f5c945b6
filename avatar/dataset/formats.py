"""The formats that are read, in one table: recognised by what a file holds, not by its name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from avatar.dataset import archive, json_stream, looks, ready
from avatar.dataset.export import Export
from avatar.dataset.readers import discord, line, messenger, signal, slack, telegram, whatsapp
from avatar.dataset.reading import Reading, refused, shown_name
from avatar.dataset.said import Heading, Progress, Said
from avatar.dataset.source import HEAD, MAX_EXPORT, Source, Tick
from avatar.dataset.watch import Watch
from avatar.language import noted, tr

SHORT_HEAD = 4096  # bytes
_FIRST_LINES = 20  # a chat in text has its first message among these


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The beginning of a file, as the table looks at it."""

    paths: frozenset[str]  # of the values of JSON ("messages.item.text"); empty: no JSON
    type: str  # the value of a JSON object's own "type"
    lines: tuple[str, ...]  # the first lines that are not empty; none for JSON

    @classmethod
    def of(cls, data: bytes) -> "Head":
        text = _text(data)
        if text[:1] not in {"{", "["} or _is_line_of_chat(text):
            return cls(paths=frozenset(), type="", lines=_first_lines(text))
        paths, kind = json_stream.paths(text.encode())
        return cls(paths=paths, type=kind, lines=())


def _text(data: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2:].decode(encoding, "ignore").lstrip()
    return data.decode("utf-8", "ignore").removeprefix("\ufeff").lstrip()


def _is_line_of_chat(text: str) -> bool:
    return bool(whatsapp.LINE.match(text) or signal.HEAD.match(text) or line.TITLE.match(text))


def _first_lines(text: str) -> tuple[str, ...]:
    kept = [one.rstrip("\r") for one in text.split("\n", 200)[:200] if one.strip()]
    return tuple(kept[:_FIRST_LINES])


Reader = Callable[[Sequence[Source], Tick | None], Iterator[Said | Heading]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One format: how it is recognised, and who reads it (exactly one of the three)."""

    name: str  # as it is stored; given to `tr`
    fits: Callable[[Head], bool]
    chats: Reader | None = None
    examples: Callable[[Source], Reading] | None = None
    pairs: Callable[[Source], ready.PairReading] | None = None


def _has(*paths: str) -> Callable[[Head], bool]:
    wanted = frozenset(paths)
    return lambda head: bool(wanted & head.paths)


def _any_line(matches: Callable[[str], object]) -> Callable[[Head], bool]:
    return lambda head: any(matches(one) for one in head.lines)


def _is_telegram(head: Head) -> bool:
    return (head.type in telegram.KINDS and "messages" in head.paths) or bool(
        head.paths & {"personal_information.user_id", "chats.list.item.messages"}
    )


# From the most telling to the least.
FORMATS: tuple[Format, ...] = (
    Format(name="OpenAI JSONL", fits=_has("messages.item.role"), examples=ready.openai),
    Format(
        name=noted("preference pairs (DPO)"),
        fits=_has("preferred_output", "chosen", "item.chosen", "item.preferred_output"),
        pairs=ready.pairs,
    ),
    Format(
        name="ShareGPT",
        fits=_has("conversations.item.from", "item.conversations.item.from"),
        examples=ready.sharegpt,
    ),
    Format(name="Telegram", fits=_is_telegram, chats=telegram.read),
    Format(name="Discord", fits=_has("guild.id", "channel.id"), chats=discord.read),
    Format(
        name=noted("Messenger or Instagram"),
        fits=_has(
            "messages.item.sender_name", "messages.item.senderName", "participants.item.name"
        ),
        chats=messenger.read,
    ),
    Format(
        name="Slack",
        fits=_has("item.ts", "item.profile.real_name", "item.team_id"),
        chats=slack.read,
    ),
    Format(
        name="LINE",
        fits=lambda head: bool(head.lines) and line.TITLE.match(head.lines[0]) is not None,
        chats=line.read,
    ),
    Format(name="Signal", fits=_any_line(signal.HEAD.match), chats=signal.read),
    Format(name="WhatsApp", fits=_any_line(whatsapp.LINE.match), chats=whatsapp.read),
    Format(name="CSV", fits=lambda head: ready.is_csv(head.lines), examples=ready.csv_columns),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """A file whose format is known."""

    format: Format
    source: str  # the file's name, safe to show
    sources: tuple[Source, ...]
    ignored: tuple[str, ...]  # texts of an archive that are in no known format

    def export(self) -> Export:
        """The chats. Raises BadDataset when the file holds ready-made examples instead."""
        reader, sources = self.format.chats, self.sources
        if reader is None:
            raise refused(tr("it holds {format}, not chats.", format=tr(self.format.name)))

        def read(progress: Progress | None) -> Iterator[Said | Heading]:
            return reader(sources, _ticking(progress, sources))

        return Export(form=self.format.name, source=self.source, read=read, ignored=self.ignored)

    def watched(self, watch: Watch) -> "Recognised":
        """The same, whose reading is watched."""
        tick = _ticking(watch.at, self.sources)
        return replace(self, sources=tuple(replace(each, tick=tick) for each in self.sources))

    def examples(self) -> Reading:
        """The ready-made examples. Raises BadDataset when the file holds something else."""
        if self.format.examples is None:
            raise refused(
                tr("it holds {format}, not ready-made examples.", format=tr(self.format.name))
            )
        return self.format.examples(self.sources[0])

    def pairs(self) -> ready.PairReading:
        """The preference pairs. Raises BadDataset when the file holds something else."""
        if self.format.pairs is None:
            raise refused(
                tr("it holds {format}, not preference pairs.", format=tr(self.format.name))
            )
        return self.format.pairs(self.sources[0])


def _ticking(progress: Progress | None, sources: Sequence[Source]) -> Tick | None:
    if progress is None:
        return None
    total = sum(source.size for source in sources)
    done = 0

    def tick(more: int) -> None:
        nonlocal done
        done += more
        progress(min(done, total), total)

    return tick


def recognise(path: Path, name: str) -> Recognised:
    """Which format a file is in. `name` is what its sender called it.

    Raises BadDataset for a file in no known format, and for an archive of two.
    """
    source = shown_name(name)
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _of_archive(archive.texts(path, source), source)
    size = path.stat().st_size
    if size > MAX_EXPORT:
        raise refused(tr("it is larger than {size} GB.", size=MAX_EXPORT // 1024**3))
    only = Source(name=source, size=size, open=lambda: cast(BinaryIO, path.open("rb")))
    head = only.head()
    if not head.strip():
        raise refused(tr("it is empty."))
    if (found := _format_of(head)) is not None:
        return Recognised(format=found, source=source, sources=(only,), ignored=())
    raise refused(_unknown(head))


def _unknown(head: bytes) -> str:
    if _text(head)[:1] in {"{", "["}:
        return tr("it is JSON in none of the forms that I know. I read: {formats}.", formats=_all())
    what = looks.seems(head[: looks.HEAD])
    if what is None:
        return tr("its format is not known. I read: {formats}.", formats=_all())
    return tr(
        "it looks like {what}, which is not read. I read: {formats}.", what=what, formats=_all()
    )


def _all() -> str:
    return ", ".join(tr(format_.name) for format_ in FORMATS)


def _format_of(head: bytes) -> Format | None:
    if not head.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\x00" in head[: looks.HEAD]:
        return None
    for size in (SHORT_HEAD, HEAD):  # most say it at once, and an archive may have thousands
        beginning = Head.of(head[:size])
        for format_ in FORMATS:
            if format_.fits(beginning):
                return format_
        if len(head) <= size:
            break
    return None


def _of_archive(texts: tuple[Source, ...], source: str) -> Recognised:
    if not texts:
        raise refused(tr("the archive holds no text in which there could be a chat."))
    found: dict[str, list[Source]] = {}
    formats: dict[str, Format] = {}
    ignored: list[str] = []
    for text in texts:
        format_ = _format_of(text.head())
        if format_ is None:
            ignored.append(text.name)
            continue
        formats[format_.name] = format_
        found.setdefault(format_.name, []).append(text)
    if len(found) > 1 and (tables := found.pop("CSV", None)):  # of something else in the archive
        ignored.extend(table.name for table in tables)
    if len(found) > 1:
        named = "; ".join(f"{tr(name)} ({sources[0].name})" for name, sources in found.items())
        raise refused(
            tr(
                "the archive holds more than one format: {formats}. Send them one by one.",
                formats=named,
            )
        )
    if not found:
        raise refused(
            tr(
                "nothing in the archive is in a format that I know. I read: {formats}.",
                formats=_all(),
            )
        )
    ((name, sources),) = found.items()
    if formats[name].chats is None and len(sources) > 1:
        raise refused(
            tr(
                "the archive holds {count} files of {format}. Send them one by one.",
                count=len(sources),
                format=tr(name),
            )
        )
    return Recognised(
        format=formats[name], source=source, sources=tuple(sources), ignored=tuple(ignored)
    )


def open_export(path: Path, name: str) -> Export:
    """A file's chats. Raises BadDataset where it holds none that can be read."""
    return recognise(path, name).export()
