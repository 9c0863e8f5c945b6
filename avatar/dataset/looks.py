"""What a file seems to be when it is not what was asked for: by its content, never by its name."""

import re
from collections.abc import Mapping

from avatar.language import noted, tr

HEAD = 4096  # bytes of a file that are looked at

_SIGNATURES = (
    (b"PK\x03\x04", noted("a zip archive")),
    (b"\x1f\x8b", noted("a gzip archive")),
    (b"Rar!", noted("a RAR archive")),
    (b"7z\xbc\xaf", noted("a 7z archive")),
    (b"\x89PNG", noted("a PNG image")),
    (b"\xff\xd8\xff", noted("a JPEG image")),
    (b"GIF8", noted("a GIF image")),
    (b"RIFF", noted("a picture, a sound or a video")),
    (b"OggS", noted("a sound")),
    (b"%PDF", noted("a PDF document")),
    (b"PAR1", noted("a Parquet file")),
    (b"\xff\xfe", noted("text in UTF-16")),
    (b"\xfe\xff", noted("text in UTF-16")),
    (b"SQLite format 3", noted("a database")),
)
# Keys that only stand in an export. In a conversation's text their quotes would be escaped.
_EXPORTS = (
    (re.compile(r'"(?:date_unixtime|text_entities|personal_information)"\s*:'), "Telegram"),
    (re.compile(r'"type"\s*:\s*"\w*(?:_chat|_group|_supergroup|_channel)"'), "Telegram"),
    (re.compile(r'"(?:sender_name|timestamp_ms)"\s*:'), "Messenger or Instagram"),
    (re.compile(r'"guild"\s*:'), "Discord"),
)
# "12/31/25, 10:00 - Ann: …" and "[31.12.2025, 10:00:00] Ann: …", after marks of direction.
_WHATSAPP = re.compile(
    r"[\u200e\u200f\u202a\u202c]*\[?\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4},?\s{1,2}\d{1,2}[:.]\d{2}"
)
_OTHER_FORMS = (
    ({"preferred_output"}, noted("preference pairs (DPO)")),
    ({"chosen", "rejected"}, noted("preference pairs (DPO)")),
    ({"conversations"}, noted("the ShareGPT form")),
    ({"prompt", "completion"}, noted("OpenAI's old form of prompt and completion")),
    ({"instruction", "output"}, noted("the Alpaca form")),
)


def seems(head: bytes) -> str | None:
    """What a file seems to be by its first bytes: "a zip archive", "a Telegram export".

    None: it may be lines of JSON in UTF-8.
    """
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return tr(what)
    if b"\x00" in head:
        return tr("binary data, or text that is not in UTF-8")
    text = head.decode("utf-8", "ignore").removeprefix("\ufeff").lstrip()
    if _WHATSAPP.match(text):
        return tr("a {format} export", format="WhatsApp")
    if text[:1] == "<":
        return tr("a web page or XML")
    if text[:1] not in {"{", "["}:
        return None
    if '"role"' not in text:
        for pattern, of in _EXPORTS:
            if pattern.search(text):
                return tr("a {format} export", format=tr(of))
        if re.search(r'"conversations"\s*:', text):
            return tr("the ShareGPT form")
    if text[:1] == "[" or text.split("\n", 1)[0].strip() == "{":
        return tr("one JSON document over several lines")
    return None


def other_form(line: Mapping[str, object]) -> str | None:
    """Which other known form of training data an object is in; None: none of them."""
    if "messages" in line:
        return None
    return next((tr(name) for keys, name in _OTHER_FORMS if keys <= line.keys()), None)
