"""WhatsApp's text, as Android and iPhones write it, in any language and order of the date.

    31/12/20, 23:59 - Ann: Happy new year
    [31.12.20, 23:59:59] Ann: Happy new year

What WhatsApp puts in place of a picture differs in some sixty languages; but Android puts it in
angle brackets alone, and an iPhone puts U+200E before it, so that no list of them is needed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from avatar.dataset.readers.faults import no_date
from avatar.dataset.readers.paragraphs import Lines
from avatar.dataset.reading import refused
from avatar.dataset.said import Drop, Heading, Said
from avatar.dataset.source import Source, Tick, fit, lines
from avatar.language import tr

MARKS = "\u200e\u200f\u202a\u202b\u202c\u2068\u2069\ufeff"
_SPACE = "[ \u00a0\u202f]"
# Halves of the day in languages that tell them: a.m. first, then p.m.
_MORNING = (
    "上午|午前|오전|凌晨|清晨|早上|[Aa]\\.?" + _SPACE + "?[Mm]\\.?|PG|ص|π\\.μ\\.|SA|ÖÖ|ق\\.ظ\\.?"
)
_EVENING = (
    "下午|午後|오후|中午|晚上|傍晚|[Pp]\\.?" + _SPACE + "?[Mm]\\.?|PTG|م|μ\\.μ\\.|CH|ÖS|ب\\.ظ\\.?"
)
_HALF = f"(?:{_MORNING}|{_EVENING})"
# A word before the time: "à", "klo", "kl.", "г.,".
_AT = f"(?:{_SPACE}(?!{_HALF})[^\\W\\d_]{{1,3}}\\.?,?)?"
# Arabic has a mark before each stroke of a date, and a comma of its own behind it.
_MARK = f"[{MARKS}]?"
LINE = re.compile(
    f"[{MARKS}]*(\\[)?{_MARK}(\\d{{1,4}}){_MARK}([/.\\-]){_SPACE}?(\\d{{1,2}}){_MARK}\\3{_SPACE}?"
    "(\\d{1,4})\\.?[,\u060c]?"
    f"{_AT}{_SPACE}{{1,2}}(?:({_HALF}){_SPACE}?)?(\\d{{1,2}})[:.](\\d{{2}})(?:[:.](\\d{{2}}))?"
    f"(?:{_SPACE}?({_HALF}))?(?(1)\\]{_SPACE}?|{_SPACE}?[-–]{_SPACE})(.*)",
    re.DOTALL,
)
_AFTERNOON = re.compile(_EVENING)
_TITLE = re.compile(
    r"(?:WhatsApp Chat (?:with|-) |WhatsApp-Chat mit |Chat de WhatsApp con |"
    r"Discussion WhatsApp avec |Conversa do WhatsApp com |Chat WhatsApp con )(.{1,120})"
)
# A file's name with what "(file attached)" is in the person's language; a caption may follow. A
# document keeps the name that it had, with spaces: then the words have to be known ones.
_ATTACHED = re.compile(
    r"(?:[^\s<>()]{1,160}\.\w{2,5} \([^()\n]{3,40}\)"
    r"|[^<>\n]{1,200}\.\w{2,5} \([^()\n]{0,30}(?:attached|angeh|adjunt|joint|anexad|allegat"
    r"|bijgevoegd|bifoga|vedhæft|vedlagt|liitetty|добавлен|прикреп|ekli|ekle|załącz|lampir|附|添付|첨부|संलग्न|مرفق"
    r"|מצורף)[^()\n]{0,30}\))(?:\n|$)"
)
_ANGLES = re.compile(f"[{MARKS}]*<[^<>\\n]{{3,200}}>")  # <Media omitted>, <attached: x.jpg>
# An iPhone's, behind a caption: <attached: x.jpg>, or words such as "image omitted".
_FILE_AFTER = re.compile(
    '\u200e<[^<>\n]{1,200}\\.\\w{1,5}>$|(?<=\\s)\u200e[^\u200e<>\n\\d.,!?:;()"]{3,40}$'
)
# What stands there before a document, and is no caption: its name and number of pages.
_DOCUMENT = re.compile(
    r"[^\n]{1,200}\.(?:\w{2,5} \u2022 [^\n]{1,40}"
    r"|pdf|docx?|xlsx?|pptx?|odt|ods|csv|txt|rtf|zip|rar|apk|epub)\s*"
)
# Behind the answers of a poll: "OPTION: Pizza (1 vote)".
_OPTION = re.compile(r"([^\W\d_]{2,20}): [^\n]{0,400} \(\d+ [^()\n]{2,30}\)")
# "<This message was edited>" after the text.
_EDITED = re.compile(
    f"(?:[{MARKS}]<[^<>\\n]{{5,80}}>|<[^<>\\n]{{0,60}}(?:edited|bearbeitet|modifi|editad|editó|"
    "bewerkt|redigerat|redigert|redigeret|изменено|düzenlendi|编辑|編輯|編集|수정|diedit|disunting)[^<>\\n]{0,40}>)$"
)
_DELETED = re.compile(
    r"(?:this message was deleted(?: by admin .{1,60})?|you deleted this message(?: as admin)?"
    r"|message deleted|null"
    r"|diese nachricht wurde gelöscht|du hast diese nachricht gelöscht"
    r"|se eliminó este mensaje|este mensaje fue eliminado|eliminaste este mensaje"
    r"|ce message a été supprimé|vous avez supprimé ce message"
    r"|mensagem apagada|esta mensagem foi apagada|você apagou esta mensagem"
    r"|questo messaggio è stato eliminato|hai eliminato questo messaggio"
    r"|dit bericht is verwijderd|u hebt dit bericht verwijderd|je hebt dit bericht verwijderd"
    r"|данное сообщение удалено|вы удалили данное сообщение|это сообщение удалено"
    r"|esta mensagem foi eliminada|eliminaste esta mensagem|eliminou esta mensagem"
    r"|bu mesaj silindi|bu mesajı sildiniz"
    r"|(?:ta )?wiadomość została usunięta|usunięto tę wiadomość"
    r"|pesan ini (?:telah )?dihapus|(?:anda|kamu) (?:telah )?menghapus pesan ini"
    r"|mesej ini (?:telah )?dipadam(?:kan)?|anda (?:telah )?(?:me)?madam(?:kan)? mesej ini"
    r"|anda (?:telah )?padam(?:kan)? mesej ini"
    r"|det här meddelandet (?:har raderats|raderades)|du raderade det här meddelandet"
    r"|denne besked blev slettet|du slettede denne besked"
    r"|denne meldingen ble slettet|du slettet denne meldingen"
    r"|tämä viesti (?:on )?poistettu|tämä viesti poistettiin|poistit tämän viestin"
    r"|acest mesaj a fost șters|tato zpráva byla (?:smazána|odstraněna)"
    r"|це повідомлення видалено|ви видалили це повідомлення"
    r"|tin nhắn này đã bị xóa|bạn đã xóa tin nhắn này"
    r"|此消息已被删除|您已刪除此訊息|此訊息已刪除|このメッセージは削除されました"
    r"|삭제된 메시지입니다|यह संदेश मिटा दिया गया|تم حذف هذه الرسالة|ההודעה נמחקה)[.。]?",
    re.IGNORECASE,
)
# What Android writes as if the person had: calls that were missed, what has not arrived, places.
_CALL = re.compile(
    r"(?:missed (?:voice|video|group (?:voice|video)) call|verpasster? (?:sprach|video)anruf"
    r"|(?:llamada|videollamada) perdida|appel (?:vocal|vidéo) manqué"
    r"|chamada de (?:voz|vídeo) perdida|(?:chiamata vocale|videochiamata) persa"
    r"|пропущенный (?:аудиозвонок|видеозвонок)"
    r"|panggilan (?:suara|video) (?:terlepas|tidak dijawab|tak terjawab)|live location shared"
    r"|waiting for this message(?:\. this may take a while)?|menunggu (?:mesej|pesan) ini"
    r"|auf diese nachricht wird gewartet|warten auf diese nachricht|esperando este mensaje)[.]?",
    re.IGNORECASE,
)
_PLACE = re.compile(r"[^\n:]{2,40}: https://maps\.google\.com/\?q=[-\d.,]{3,60}")
_QUOTES = re.compile('["“”„«»]')  # in a name: a notice such as: Ann changed the subject to "a: b"
_MAX_NAME = 60
_BUDDHIST = 543  # years that Thailand is ahead


class _Order(Enum):
    """Where day, month and year stand."""

    YEAR_FIRST = (2, 1, 0)
    DAY_FIRST = (0, 1, 2)
    MONTH_FIRST = (1, 0, 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    at: float
    name: str  # "" for a notice
    apple: bool


def read(sources: Sequence[Source], tick: Tick | None = None) -> Iterator[Said | Heading]:
    """One chat a file. Each file is read twice: first for the order of its dates.

    Raises BadDataset, with the line, for a wrong date.
    """
    for source in sources:
        yield Heading(chat=source.name, title=_title(source.name))
        orders = _orders(source)
        current: Lines[_Head] | None = None
        for number, line in lines(source, tick):
            if match := LINE.match(line):
                if current is not None:
                    yield _said(current, source.name)
                at = _time(match, orders[_shape(match)], source.name, number)
                name, text = _name(match[11])
                head = _Head(at=at, name=name, apple=match[1] is not None)
                current = Lines(head, text, file=source.name, number=number)
            elif current is not None:
                current.add(line)
        if current is not None:
            yield _said(current, source.name)


def _title(name: str) -> str:
    last = name.rpartition("/")[2].removesuffix(".txt").removesuffix(".zip")
    match = _TITLE.match(last)
    return match[1] if match else last


def _shape(match: re.Match[str]) -> tuple[bool, str]:
    """What all messages of one export have in common: brackets, and the sign within the date."""
    return match[1] is not None, match[3]


def _orders(source: Source) -> dict[tuple[bool, str], _Order]:
    """The order of the dates of each shape: what somebody copied from another phone's export, and
    two files that were put together, may differ.
    """
    dates: dict[tuple[bool, str], _Dates] = {}
    for number, line in lines(source):
        if (match := LINE.match(line)) is not None:
            shape = _shape(match)
            if (found := dates.get(shape)) is None:
                found = dates[shape] = _Dates()
            found.add(match, number)
    return {shape: found.order(source.name) for shape, found in dates.items()}


class _Dates:
    """What tells the order of dates: a value above 12 (or a year) decides; else that time does not
    run backwards; else the dots of most of Europe, and the a.m. and p.m. of the United States.
    """

    def __init__(self) -> None:
        self._backwards = {_Order.DAY_FIRST: 0, _Order.MONTH_FIRST: 0}
        self._before: dict[_Order, tuple[int, int, int]] = {}
        self._decided: dict[_Order, int] = {}
        self._slashes_and_halves = False
        self._previous = ("", "", "")

    def add(self, match: re.Match[str], number: int) -> None:
        """A date, and its line."""
        now = (match[2], match[4], match[5])
        if now == self._previous:
            return
        self._previous = now
        first, second, third = (int(group) for group in now)
        if len(match[2]) == 4 or first > 31:
            self._decided.setdefault(_Order.YEAR_FIRST, number)
        elif first > 12:
            self._decided.setdefault(_Order.DAY_FIRST, number)
        elif second > 12:
            self._decided.setdefault(_Order.MONTH_FIRST, number)
        self._slashes_and_halves |= match[3] == "/" and (match[6] or match[10]) is not None
        for order, date in (
            (_Order.DAY_FIRST, (third, second, first)),
            (_Order.MONTH_FIRST, (third, first, second)),
        ):
            self._backwards[order] += order in self._before and date < self._before[order]
            self._before[order] = date

    def order(self, file: str) -> _Order:
        """Raises BadDataset where they are in two."""
        if len(self._decided) > 1:
            (_, one), (_, other) = sorted(self._decided.items(), key=lambda item: item[1])[:2]
            raise refused(
                tr(
                    "{file}: dates in two orders: line {one} has day, month and year in another "
                    "order than line {other}.",
                    file=file,
                    one=one,
                    other=other,
                )
            )
        if self._decided:
            return next(iter(self._decided))
        backwards = self._backwards
        if backwards[_Order.DAY_FIRST] != backwards[_Order.MONTH_FIRST]:
            return min(backwards, key=lambda order: backwards[order])
        return _Order.MONTH_FIRST if self._slashes_and_halves else _Order.DAY_FIRST


def _time(match: re.Match[str], order: _Order, file: str, number: int) -> float:
    date = (int(match[2]), int(match[4]), int(match[5]))
    day, month, year = (date[index] for index in order.value)
    hour, minute, second = int(match[7]), int(match[8]), int(match[9] or 0)
    if half := match[6] or match[10]:
        hour = hour % 12 + (12 if _AFTERNOON.match(half) else 0)
    try:
        year += 2000 if year < 100 else -_BUDDHIST if year >= 2500 else 0
        if not 2009 <= year < 2100:  # WhatsApp is of 2009
            raise ValueError
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError as error:
        given = match[0][: match.start(11)].strip(MARKS + " -–[]")
        raise no_date(file, number, given) from error


def _name(rest: str) -> tuple[str, str]:
    """The name before the colon and the text; "" for the name of a notice of the chat."""
    name, colon, text = rest.partition(": ")
    if not colon:
        if not rest.endswith(":"):
            return "", rest
        name, text = rest[:-1], ""
    name = name.strip(MARKS + " \u00a0\u202f~")
    if not name or len(name) > _MAX_NAME or _QUOTES.search(name):
        return "", rest
    return fit(name), text


def _said(block: Lines[_Head], chat: str) -> Said:
    head, text = block.head, block.text
    drop = Drop.SERVICE if not head.name else None
    if drop is None:
        text, drop = _cleaned(text, apple=head.apple)
    name = head.name or "WhatsApp"
    return Said(chat=chat, speaker=name, name=name, at=head.at, text=text, drop=drop)


def _cleaned(text: str, *, apple: bool) -> tuple[str, Drop | None]:
    """The person's own words, or why there are none."""
    text = text.rstrip()
    bare = fit(text.strip(MARKS + " "))
    if _DELETED.fullmatch(bare):
        return "", Drop.DELETED
    if _CALL.fullmatch(bare):
        return "", Drop.SERVICE
    if _PLACE.fullmatch(bare):
        return "", Drop.MEDIA
    if _is_poll(text):
        return "", Drop.MEDIA
    had_media = False
    if match := _ANGLES.match(text):  # nothing, or a caption after it
        text, had_media = text[match.end() :], True
    elif match := _ATTACHED.match(text.lstrip(MARKS)):
        text, had_media = text.lstrip(MARKS)[match.end() :], True
    elif apple and text.startswith("\u200e"):
        first, _, caption = text.partition("\n")
        # "image omitted" is short and without a stop; a notice is a sentence.
        service = len(first) > 40 or first.rstrip().endswith((".", "。", "।"))
        if service:
            return "", Drop.SERVICE
        text, had_media = caption, True
    else:
        if not (match := _FILE_AFTER.search(text) if apple else None):
            text = _EDITED.sub("", text).rstrip()
            match = _FILE_AFTER.search(text) if apple else None
        if match is not None:
            text, had_media = text[: match.start()], True
            if _DOCUMENT.fullmatch(text):
                text = ""
    text = fit("".join(c for c in text if c not in MARKS) if not text.isascii() else text)
    if not text:
        return "", Drop.MEDIA if had_media else Drop.EMPTY
    return text, None


def _is_poll(text: str) -> bool:
    """Whether it is "POLL:", the question, and the answers with the votes for each."""
    first, line, _ = text.partition("\n")
    first = first.strip(MARKS + " ")
    if not line or not first.endswith(":") or not first.isupper() or not first[:-1].isalpha():
        return False
    # At least two answers, and each is called the same.
    ends = ("".join(c for c in one if c not in MARKS) for one in text.rsplit("\n", 2)[1:])
    called = [match[1] if (match := _OPTION.fullmatch(end.strip())) else None for end in ends]
    return len(called) == 2 and called[0] is not None and called[0] == called[1]
