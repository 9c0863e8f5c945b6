"""What is fuzzed, as a table: each reader, archives, recognising, masking. A target takes any bytes
and lets no exception through but ours.
"""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from avatar.dataset import json_stream, languages, links
from avatar.dataset.building import Rules, build
from avatar.dataset.export import Export
from avatar.dataset.formats import FORMATS, Format, Head, recognise
from avatar.dataset.masking import Masker
from avatar.dataset.said import Heading, Progress, Said
from avatar.dataset.source import Source
from avatar.errors import AvatarError

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "exports"
_PEOPLE = (
    b'[{"id": "U1", "name": "ann", "profile": {"real_name": "Ann"}}, {"id": "B1", "is_bot": true}]'
)
_SLACK_DAY = (
    b'[{"type": "message", "user": "U1", "text": "hi <@U1> <https://x.example|x>", '
    b'"ts": "1700000000.000100", "thread_ts": "1700000000.000100"}, '
    b'{"type": "message", "subtype": "bot_message", "bot_id": "B1", "text": "&lt;b&gt;", '
    b'"ts": "1700000001.000200"}]'
)
_TEXTS = (
    b"call +60 12-345 6789 or mail ann@example.com, 4111 1111 1111 1111",
    b"https://user:pw@x.example/?token=abc t.me/+abc 10.0.0.1 fe80::1",
    b"DE89 3704 0044 0532 0130 00 0x52908400098527886E0F7030069857D2E4169EE7",
    b"900101-14-5678 123-45-6789 bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Something that takes bytes from strangers."""

    name: str
    take: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def _source(name: str, content: bytes) -> Source:
    return Source(name=name, size=len(content), open=lambda: cast(BinaryIO, io.BytesIO(content)))


def _reader(format_: Format) -> Callable[[bytes], None]:
    """All that is done with a file of one format, whatever it holds."""

    def take(content: bytes) -> None:
        try:
            if format_.examples is not None:
                format_.examples(_source("file", content))
            elif format_.pairs is not None:
                format_.pairs(_source("file", content))
            else:
                _export(format_, content)
        except AvatarError:
            pass

    return take


def _export(format_: Format, content: bytes) -> None:
    sources = [_source("file", content)]
    if format_.name == "Slack":
        sources = [_source("users.json", _PEOPLE), _source("c/2024-01-01.json", content)]

    def read(_: Progress | None) -> Iterator[Said | Heading]:
        assert format_.chats is not None
        return format_.chats(sources, None)

    export = Export(form=format_.name, source="file", read=read, ignored=())
    overview = export.overview()
    assert sum(1 for _ in export.messages()) == overview.messages
    for speaker in overview.speakers[:2]:
        rules = Rules(mask_names=True)
        built = build(export, person=speaker.id, rules=rules, overview=overview)
        assert built.report.kept + sum(built.report.dropped.values()) == overview.messages


def _archive(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            found = recognise(Path(file.name), "upload.zip")
            if found.format.chats is not None:
                found.export().overview()
            elif found.format.examples is not None:
                found.examples()
        except AvatarError:
            pass


def _recognising(content: bytes) -> None:
    head = Head.of(content)
    for format_ in FORMATS:
        format_.fits(head)
    json_stream.paths(content)


_MASKERS = (Masker(names=("Ann Lee", "Ben")), Masker(region="MY"))


def _masking(content: bytes) -> None:
    text = content.decode("utf-8", "ignore")
    for masker in _MASKERS:
        masker.masked(text)
    languages.language(text)
    links.only_links(text)


def _seeds() -> dict[str, list[bytes]]:
    """The fixtures, by their format."""
    found: dict[str, list[bytes]] = {}
    for path in sorted(FIXTURES.iterdir()):
        if path.suffix != ".zip":
            name = recognise(path, path.name).format.name
            found.setdefault(name, []).append(path.read_bytes())
    found["Slack"] = [_SLACK_DAY]
    return found


def targets() -> Sequence[Target]:
    """All of them."""
    seeds = _seeds()
    readers = [
        Target(name=each.name, take=_reader(each), seeds=tuple(seeds[each.name]))
        for each in FORMATS
    ]
    heads = tuple(seed[:4096] for each in seeds.values() for seed in each)
    zips = tuple(path.read_bytes() for path in sorted(FIXTURES.glob("*.zip")))
    return (
        *readers,
        Target(name="archive", take=_archive, seeds=zips),
        Target(name="recognising", take=_recognising, seeds=heads),
        Target(name="masking", take=_masking, seeds=_TEXTS),
    )
