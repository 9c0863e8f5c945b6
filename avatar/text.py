"""Text from outside, made fit to be kept and shown."""

from unicodedata import category


def well_formed(text: str) -> str:
    """Text that can be written as UTF-8: halves of a surrogate pair that stand together (JSON may
    cut them apart) become their character, lone ones U+FFFD.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def storable(text: str) -> str:
    """Text that every database takes: well-formed, and U+FFFD for NUL, which PostgreSQL refuses."""
    return well_formed(text).replace("\0", "\ufffd")


def visible(text: str) -> str:
    """Text without control characters (tabs and line breaks stay) and without lone surrogates."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        c for c in unified if c in "\n\t" or (c >= " " and c != "\x7f" and not _hidden(c))
    )


def blank(text: str) -> bool:
    """Whether nothing of it can be seen: messengers take that for an empty message."""
    return all(category(c)[0] in "CZ" or c in "\u2800\u3164" for c in text)


def _hidden(c: str) -> bool:
    return "\x80" <= c <= "\x9f" or "\ud800" <= c <= "\udfff"
