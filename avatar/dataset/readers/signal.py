"""The text that signal-export writes: `[2019-05-29, 15:04] Me: …`."""

import re
from collections.abc import Iterator, Sequence

from avatar.dataset.readers.faults import no_date
from avatar.dataset.readers.paragraphs import Lines
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit, lines
from avatar.dataset.times import moment

# No seconds: with them it is WhatsApp's text of an iPhone that writes the year first.
HEAD = re.compile(r"\[(\d{4}-\d\d-\d\d),? (\d\d:\d\d)\] ([^:\n]{1,100}): ?(.*)", re.DOTALL)
_OWNER = "Me"
_FILE = re.compile(r"!?\[[^\[\]]{0,300}\]\([^()]{0,600}\)")  # ![](./media/x.jpg), [x.pdf](…)
_REACTIONS = re.compile(r"\(- [^()]{0,300} -\)$")
_QUOTE = re.compile(r"^> ?.*\n?", re.MULTILINE)


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """One chat a file, named by its folder. Raises BadDataset for a wrong time."""
    yield Heading(owner=_OWNER)
    for source in sources:
        folder, _, last = source.name.rpartition("/")
        title = folder.rpartition("/")[2] or last.rpartition(".")[0] or last
        yield Heading(chat=source.name, title=title)
        current: Lines[tuple[float, str]] | None = None
        for number, line in lines(source, tick):
            if match := HEAD.match(line):
                if current is not None:
                    yield _said(current, source.name)
                day, clock, name, text = match.groups()
                try:
                    at = moment(f"{day}T{clock}")
                except ValueError as error:
                    raise no_date(source.name, number, f"{day} {clock}") from error
                current = Lines((at, fit(name)), text, file=source.name, number=number)
            elif current is not None:
                current.add(line)
        if current is not None:
            yield _said(current, source.name)


def _said(block: Lines[tuple[float, str]], chat: str) -> Said:
    (at, name), text = block.head, block.text
    bare = fit(_FILE.sub("", _REACTIONS.sub("", _QUOTE.sub("", text).rstrip())))
    drop = None if bare else Drop.MEDIA if _FILE.search(text) else Drop.EMPTY
    return Said(chat=chat, speaker=name, name=name, at=at, text=bare, drop=drop)
