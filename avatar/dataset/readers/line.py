"""LINE's text: a heading, a line for each day, and `HH:MM<tab>Name<tab>Text`."""

import re
from collections.abc import Iterator, Sequence

from avatar.dataset.readers.faults import no_date
from avatar.dataset.readers.paragraphs import Lines
from avatar.dataset.reading import refused
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit, lines
from avatar.dataset.times import moment
from avatar.language import tr

TITLE = re.compile(r"\[LINE\] ?(.{1,200})")
# "2020/01/05(Sun)", "2020.01.05 Sunday", "Sun, 01/05/2020", "2020年1月5日"
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:[/.\-]|年)(\d{1,2})(?:[/.\-]|月)(\d{1,2})日?\s*\(?[^\t\d]{0,14}"
)
_YEAR_LAST = re.compile(r"(?:[^\W\d]{2,12}\.?, ?)?(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})")
_SAID = re.compile(r"([^\W\d]{0,4} ?)(\d{1,2}):(\d{2})( ?[AaPp]\.?[Mm]\.?)?\t(.*)", re.DOTALL)
_AFTERNOON = re.compile(r"p\.?m|午後|下午|오후", re.IGNORECASE)
_MORNING = re.compile(r"a\.?m|午前|上午|오전", re.IGNORECASE)
# What stands in place of a picture: one word in brackets, in any language.
_MEDIA = re.compile(r"\[[^\[\]\n]{1,20}\]")
# "Call time 1:23", "Missed call", in any language; people's own telephones are emoji.
_CALL = re.compile("\u260e [^\n]{1,40}")
_WITH = re.compile(
    r"(?:Chat history (?:with|in) |Historial de chat con |Chatverlauf mit |與)?(.{1,120}?)"
    r"(?:とのトーク履歴|的聊天記錄|的聊天记录)?"
)


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """One chat a file. Raises BadDataset for a message before any day, and for a wrong time."""
    for source in sources:
        yield from _chat(source, tick)


def _chat(source: Source, tick: Tick | None) -> Iterator[Said | Heading]:
    day: str | None = None
    month_first = _month_first(source)
    current: Lines[tuple[float, str]] | None = None
    quoted = False  # in a text over several lines, which stands in double quotes
    # The day that the last line is, if this is no such text, and how many lines stand before it.
    passed: tuple[str, int] | None = None
    for number, line in lines(source, tick):
        if number == 1:
            yield Heading(chat=source.name, title=_title(line))
            continue
        match = _SAID.fullmatch(line)
        if current is not None and quoted and match is None:
            found = _day(line, month_first=month_first)
            passed = (found, current.count) if found else None
            current.add(line)
            quoted = not line.endswith('"')
            continue
        if quoted and current is not None:  # by a quote of the person's own, which has no end
            quoted = False
            if passed is not None:
                day, count = passed
                current.keep(count)
        if found := _day(line, month_first=month_first):
            day = found
        elif match is not None:
            if current is not None:
                yield _said(current, source.name)
            if day is None:
                raise refused(
                    tr(
                        "{file} line {number}: a message before any day.",
                        file=source.name,
                        number=number,
                    )
                )
            name, tab, text = match[5].partition("\t")
            clock = _clock(match)
            try:
                at = moment(f"{day}T{clock}")
            except ValueError as error:
                raise no_date(source.name, number, f"{day} {clock}") from error
            current = Lines(
                (at, fit(name) if tab else ""),
                text if tab else name,
                file=source.name,
                number=number,
            )
            passed = None
            quoted = text.startswith('"') and not (len(text) > 1 and text.endswith('"'))
        elif current is not None:
            current.add(line)
    if current is not None:
        yield _said(current, source.name)


def _title(line: str) -> str:
    match = TITLE.search(line)
    rest = match[1] if match else line
    named = _WITH.fullmatch(rest.strip())
    return fit(named[1] if named else rest)


def _day(line: str, *, month_first: bool) -> str | None:
    if match := _YEAR_FIRST.fullmatch(line.strip()):
        year, month, day = (int(group) for group in match.groups())
    elif match := _YEAR_LAST.fullmatch(line.strip()):
        first, second, year = (int(group) for group in match.groups())
        month, day = (first, second) if month_first else (second, first)
    else:
        return None
    return f"{year:04}-{month:02}-{day:02}"


def _month_first(source: Source) -> bool:
    """Whether days are written month first: a value above 12 decides, else the month is first as
    LINE has it in English.
    """
    for _, line in lines(source):
        if match := _YEAR_LAST.fullmatch(line.strip()):
            if int(match[1]) > 12:
                return False
            if int(match[2]) > 12:
                return True
    return True


def _clock(match: re.Match[str]) -> str:
    hour = int(match[2])
    mark = (match[1] or "") + (match[4] or "")
    if _AFTERNOON.search(mark) and hour < 12:
        hour += 12
    elif _MORNING.search(mark) and hour == 12:
        hour = 0
    return f"{hour:02}:{match[3]}"


def _said(block: Lines[tuple[float, str]], chat: str) -> Said:
    (at, name), text = block.head, block.text
    if text.startswith('"') and text.endswith('"') and "\n" in text:
        text = text[1:-1].replace('""', '"')
    text = fit(text)
    drop = None
    if not name:
        drop = Drop.SERVICE
    elif _MEDIA.fullmatch(text):
        text, drop = "", Drop.MEDIA
    elif _CALL.fullmatch(text):
        text, drop = "", Drop.SERVICE
    elif not text:
        drop = Drop.EMPTY
    return Said(chat=chat, speaker=name or "?", name=name or "?", at=at, text=text, drop=drop)
