"""Personal data in texts, replaced by typed placeholders: a safety net, not a guarantee.

What has a form is found by it and, where there is one, by its check digit (python-stdnum,
phonenumbers). Streets, places of work, what people say of their health: none of that is found.
Where in doubt a number is masked, since a placeholder costs a chat little.
"""

import hashlib
import importlib
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import phonenumbers
from stdnum import iban, luhn

from avatar.dataset.links import LINK


class Kind(StrEnum):
    """What was masked; `[PHONE]` stands in its place."""

    URL = "URL"
    EMAIL = "EMAIL"
    IBAN = "IBAN"
    WALLET = "WALLET"
    CARD = "CARD"
    IP = "IP"
    PHONE = "PHONE"
    ID = "ID"
    NAME = "NAME"

    @property
    def placeholder(self) -> str:
        return f"[{self.value}]"


Span = tuple[int, int]
Find = Callable[[str], Iterator[Span]]


class Finder(NamedTuple):
    """What finds one kind of data; and what a text must have for it, which is faster to see."""

    kind: Kind
    find: Find
    digits: int = 0  # so many
    number: bool = False  # a long number, maybe with separators in it (_LONG_NUMBER)
    word: int = 0  # a word of so many characters
    form: bool = False  # a digit with a letter or a separator behind it (_IN_FORM)


# A link that lets in whoever has it: by its host or path, or by what its query is called.
_INVITATION = re.compile(
    r"(?:https?://)?(?:www\.)?(?:t\.me/(?:\+|joinchat/)|chat\.whatsapp\.com/|discord\.gg/"
    r"|discord(?:app)?\.com/invite/|meet\.google\.com/|[\w-]{0,40}\.?zoom\.us/j/)[^\s<>\"]{1,500}",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"token|secret|passw|pwd|api_?key|^key$|auth|sig(?:nature)?$|session|^sid$|^code$|credential"
    r"|otp|jwt|^hash$|invite",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}@[^\W_](?:[\w-]{0,62})(?:\.[^\W_][\w-]{0,62}){1,8}"
)
# Numbers in groups may be said in several messages, which are lines of one turn.
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \n-]?[A-Za-z0-9]{4}){2,7}(?:[ \n-]?[A-Za-z0-9]{1,3})?"
    r"(?![A-Za-z0-9])"
)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_CARD_IN_GROUPS = re.compile(
    r"(?<![\w.])(?:\d{4}(?:[ .\n-]{0,2}\d{4}){3}|\d{4}[ .\n-]{0,2}\d{6}[ .\n-]{0,2}\d{5})(?!\w)"
)
_ISSUED = re.compile(r"2[2-7]|3[04-8]|[456]")  # how numbers of cards begin
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?![\w:])")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_WORD = re.compile(r"(?<![A-Za-z0-9])[1-9A-HJ-NP-Za-km-z]{26,95}(?![A-Za-z0-9])")
_WALLET = re.compile(
    r"(?<![A-Za-z0-9])(?:0x[0-9a-fA-F]{40}|(?:bc1|tb1|ltc1|addr1)[02-9ac-hj-np-z]{11,103})"
    r"(?![A-Za-z0-9])"
)
_DATE = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?!\d|[./-]\d)"
)
# Numbers of telephones in no country's form in particular: with a zero, a plus or a bracket before
# them; as Americans write them, or bare.
# Not within a decimal, a time or a path, but behind "tel:", and behind another number.
_BEFORE = r"(?:(?<![\w/@#-])(?<!\d[.,:])|(?<=\d{7}[,/]))"
_PREFIXED_PHONE = re.compile(_BEFORE + r"(?:\+\d|00?\d|\(0?\d)[\d ()./-]{5,20}\d(?!\w|:\d)")
_BARE_PHONE = re.compile(
    _BEFORE + r"(?:\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)|\d{10,12}(?!\w|:\d)"
    r"|\d{2,4}-\d{7,9}(?![\w-]|:\d))"  # "6012-3456789"
)
# How WhatsApp names somebody who is not among the contacts, and its links to a number.
_LINKED_PHONE = re.compile(
    r"(?:(?<=(?<![\w.])@)|(?<=\bwa\.me/)|(?<=[?&]phone=))\+?\d{8,15}(?![\w@])", re.IGNORECASE
)
# "09.00-17.30", "01.02.-05.02.2024": from when to when.
_FROM_TO = re.compile(
    r"\d{1,2}\.\d{2} ?- ?\d{1,2}\.\d{2}|\d{1,2}\.\d{1,2}\. ?- ?\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})?"
)
# "1.500.000.000": a price in rupiah; no id is written so, and its zeros are no phone.
_AMOUNT = re.compile(r"\d{1,2}(?:[. ]\d{3}){2,5}")
_NUMBER = re.compile(r"(?<![\w.,])\d(?:[ ./-]?\d){8,17}(?![\w])")
_DIGITS = re.compile(r"\d")
# What is in all that the expressions for cards, telephones and bare ids find.
_LONG_NUMBER = re.compile(r"\d[\d ()./-]{5,20}\d")
_IN_FORM = re.compile(r"\d(?:[-+A-Za-z]| [A-D])")  # what is in every form of _FORMS
_SEPARATORS = re.compile(r"[ ./-]")
# National ids by their number of digits; each has a check digit or a date in it.
_BY_LENGTH = {
    9: ("nl.bsn", "ca.sin", "pt.nif", "cz.rc"),
    10: ("se.personnummer", "dk.cpr", "bg.egn", "cz.rc", "gb.nhs", "ua.rntrc", "at.vnr"),
    11: (
        "br.cpf",
        "de.idnr",
        "pl.pesel",
        "no.fodselsnummer",
        "be.nn",
        "hr.oib",
        "ee.ik",
        "lt.asmens",
        "tr.tckimlik",
        "gr.amka",
    ),
    12: ("in_.aadhaar", "my.nric", "se.personnummer", "ru.inn"),
    13: ("ro.cnp", "za.idnr", "th.pin", "kr.rrn", "pk.cnic", "ch.ssn", "si.emso"),
    15: ("fr.nir",),
    16: ("id.nik",),
    18: ("cn.ric",),
}
# Those with letters, or with a form of their own.
_FORMS: tuple[tuple[str, str], ...] = (
    ("us.ssn", r"\d{3}-\d{2}-\d{4}"),
    ("es.dni", r"\d{8}-?[A-Za-z]"),
    ("es.nie", r"[XYZxyz]-?\d{7}-?[A-Za-z]"),
    ("it.codicefiscale", r"[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z]"),
    ("fi.hetu", r"\d{6}[-+A-FU-Ya-fu-y]\d{3}[0-9A-Za-z]"),
    ("ie.pps", r"\d{7}[A-Wa-w][A-IWa-iw]?"),
    ("in_.pan", r"[A-Za-z]{5}\d{4}[A-Za-z]"),
    ("mx.curp", r"[A-Za-z]{4}\d{6}[HMhm][A-Za-z]{5}[A-Za-z0-9]\d"),
    ("cl.rut", r"\d{1,2}\.?\d{3}\.?\d{3}-[\dkK]"),
    ("cn.ric", r"\d{17}[Xx]"),
    ("", r"[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]"),  # British; it has no check
    ("", r"[STFGM]\d{7}[A-Z]"),  # Singapore's
)
_FORM_RES = tuple((module, re.compile(form)) for module, form in _FORMS)
_ANY_FORM = re.compile(
    r"(?<![\w-])(?:" + "|".join(form for _, form in _FORMS) + r")(?![\w-])"
)  # one search for all of them
# Signs that stand for others, one for one: the hyphens and spaces that phones and writing programs
# put into numbers, and the full-width signs of East Asia.
_PLAIN = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"),
    **dict.fromkeys("\u00a0\u2007\u2009\u200a\u202f\u3000", " "),
    **{chr(0xFEE0 + ord(sign)): sign for sign in "+()./:@0123456789"},
}
_ODD = re.compile(f"[{''.join(_PLAIN)}]")
_MIN_NAME = 3  # letters; shorter parts of names are words too often
_MAX_NAMES = 500


class Masker:
    """Masks texts and counts what it masked."""

    def __init__(
        self, *, region: str | None = None, names: Collection[str] = (), enabled: bool = True
    ) -> None:
        """`region`: where phone numbers without a country code are from ("DE"). `names`: of
        people, each part of which becomes [NAME]. Not enabled: only names are masked.
        """
        self.counts: Counter[Kind] = Counter()
        self._names = _of_names(names)
        self.finders: list[Finder] = []
        if enabled:
            self.finders += [
                Finder(Kind.URL, _urls),
                Finder(Kind.EMAIL, _emails),
                Finder(Kind.IBAN, _ibans, digits=7),
                Finder(Kind.WALLET, _wallets, digits=1, word=14),
                Finder(Kind.CARD, _cards, digits=13, number=True),
                Finder(Kind.CARD, _cards_in_groups, digits=15),
                Finder(Kind.IP, _addresses, digits=1),
                Finder(Kind.PHONE, _linked_phones, digits=8),
                Finder(Kind.ID, _formed_ids, digits=4, form=True),
                Finder(Kind.PHONE, _phones_in(region.upper() if region else None), digits=7),
                Finder(Kind.PHONE, _matching(_PREFIXED_PHONE), digits=7, number=True),
                Finder(Kind.ID, _ids, digits=9, number=True),
                Finder(Kind.PHONE, _matching(_BARE_PHONE), digits=7, number=True),
            ]
        if (pattern := self._names) is not None:
            self.finders.append(
                Finder(Kind.NAME, lambda text: (match.span() for match in pattern.finditer(text)))
            )

    def masked(self, text: str) -> str:
        """The text with placeholders. What was found first keeps its place."""
        whole = text
        if not text.isascii():
            text = _ODD.sub(lambda odd: _PLAIN[odd[0]], text)
        digits = len(_DIGITS.findall(text))
        number = digits >= 7 and _LONG_NUMBER.search(text) is not None
        form = digits >= 4 and _IN_FORM.search(text) is not None
        word = max(map(len, text.split()), default=0) if digits else 0
        found: list[tuple[int, int, Kind]] = []
        taken = bytearray(len(text))  # one for each character that is masked already
        for finder in self.finders:
            if (
                digits < finder.digits
                or (finder.number and not number)
                or word < finder.word
                or (finder.form and not form)
            ):
                continue
            kind = finder.kind
            for start, end in finder.find(text):
                if 1 not in taken[start:end]:
                    taken[start:end] = b"\1" * (end - start)
                    found.append((start, end, kind))
        if not found:
            return whole
        pieces: list[str] = []
        at = 0
        for start, end, kind in sorted(found):
            pieces += (whole[at:start], kind.placeholder)
            self.counts[kind] += 1
            at = end
        return "".join((*pieces, whole[at:]))


def _of_names(names: Collection[str]) -> re.Pattern[str] | None:
    parts: set[str] = set()
    for name in names:
        whole = " ".join(name.split())
        if len(whole) >= _MIN_NAME and any(c.isalpha() for c in whole):
            parts.add(whole)
        # "von" and "the" in a name are words; "Ann" and "安娜" are not.
        parts.update(
            part
            for part in re.findall(r"[^\W\d_]+", whole)
            if len(part) >= _MIN_NAME and not part.islower()
        )
    if not parts:
        return None
    longest = sorted(parts, key=lambda part: (-len(part), part))[:_MAX_NAMES]
    return re.compile(
        r"(?<!\w)(?:" + "|".join(re.escape(part) for part in longest) + r")(?!\w)", re.IGNORECASE
    )


def _urls(text: str) -> Iterator[Span]:
    if "/" not in text and "www." not in text.lower():
        return
    for match in LINK.finditer(text):
        if _is_secret(match[0]):
            yield match.span()
    yield from (match.span() for match in _INVITATION.finditer(text))  # also without https


def _is_secret(link: str) -> bool:
    try:
        parts = urlsplit(link)
        if parts.username or parts.password:
            return True
        query = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    except ValueError:
        return True  # an address that cannot be taken apart may hide anything
    return any(_SECRET.search(key) for key, _ in query)


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        given = match[0]
        while len(given) >= 15:
            # Without the country's own check, which knows the banks of some time ago.
            if iban.is_valid(given.replace("\n", ""), check_country=False):
                yield match.start(), match.start() + len(given)
                break
            # A word after it may have been taken for its end.
            given = given[: max(given.rfind(" "), given.rfind("\n"), 0)]


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = _SEPARATORS.sub("", match[0])
        if digits[0] in "23456" and luhn.is_valid(digits):
            yield match.span()


def _cards_in_groups(text: str) -> Iterator[Span]:
    for match in _CARD_IN_GROUPS.finditer(text):
        digits = "".join(_DIGITS.findall(match[0]))
        if _ISSUED.match(digits) and luhn.is_valid(digits):
            yield match.span()


def _linked_phones(text: str) -> Iterator[Span]:
    if "@" in text or "/" in text:
        yield from (match.span() for match in _LINKED_PHONE.finditer(text))


def _wallets(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _WALLET.finditer(text))
    for match in _BASE58_WORD.finditer(text):
        if _is_base58_address(match[0]):
            yield match.span()


def _is_base58_address(word: str) -> bool:
    """Bitcoin, Litecoin, Dogecoin, Dash, Tron, Zcash (by their check sum); Monero and Solana."""
    if len(word) == 95:
        return word[0] in "48"
    if len(word) > 44:
        return False
    number = 0
    for c in word:
        number = number * 58 + _BASE58.index(c)
    size = (number.bit_length() + 7) // 8 + len(word) - len(word.lstrip("1"))
    if size in {25, 26}:
        raw = number.to_bytes(size, "big")
        return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]
    mixed = any(c.isdigit() for c in word) and not word.islower() and not word.isupper()
    return size == 32 and len(word) >= 43 and mixed


def _addresses(text: str) -> Iterator[Span]:
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            if all(int(part) < 256 for part in match[0].split(".")):
                yield match.span()
    if "::" not in text and text.count(":") < 7:
        return
    for match in _IPV6.finditer(text):
        try:
            ipaddress.IPv6Address(match[0])
        except ValueError:
            continue
        # "4::2" is a score, "fe80::1" an address, and so is "::1".
        if match[0].startswith("::1") or any(len(part) > 2 for part in match[0].split(":")):
            yield match.span()


def is_region(code: str) -> bool:
    """Whether it is known how phone numbers are written in a country ("SG")."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _phones_in(region: str | None) -> Find:
    def found(text: str) -> Iterator[Span]:
        if region is None and "+" not in text and "＋" not in text:
            return
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            yield match.start, match.end

    return found


def _matching(phone: re.Pattern[str]) -> Find:
    def found(text: str) -> Iterator[Span]:
        for match in phone.finditer(text):
            digits = _DIGITS.findall(match[0])
            if (
                7 <= len(digits) <= 15
                and set(digits) != {"0"}
                and not _DATE.match(match[0].strip("("))
                and not _FROM_TO.match(match[0])
            ):
                yield match.span()

    return found


def _formed_ids(text: str) -> Iterator[Span]:
    for match in _ANY_FORM.finditer(text):
        number = match[0]
        for module, form in _FORM_RES:
            if form.fullmatch(number) and (not module or _valid(module, number)):
                yield match.span()
                break


def _ids(text: str) -> Iterator[Span]:
    for match in _NUMBER.finditer(text):
        digits = _SEPARATORS.sub("", match[0])
        if _DATE.match(match[0]) or _AMOUNT.fullmatch(match[0]):
            continue
        if any(_valid(module, digits) for module in _BY_LENGTH.get(len(digits), ())):
            yield match.span()


def _valid(module: str, number: str) -> bool:
    try:
        return bool(_module(module)(number))
    except (LookupError, ValueError, TypeError, ArithmeticError):
        return True  # the check itself breaks at some numbers (China's, of a place without county)


@cache
def _module(name: str) -> Callable[[str], object]:
    is_valid: Callable[[str], object] = importlib.import_module(f"stdnum.{name}").is_valid
    return is_valid
