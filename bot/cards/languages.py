"""Languages."""

from avatar.language import ENGLISH, NAMES, known, tr
from bot.screen import Content
from bot.wording import escape


def usage() -> str:
    """How /language is typed."""
    names = ", ".join(f"/language {code} ({name})" for code, name in NAMES.items())
    return tr("Say which: {languages}.", languages=names)


def spoken(tag: str) -> Content:
    """What is spoken here."""
    said = tr(
        "I say everything in {language} here. The avatar answers in the language that it is "
        "spoken to.",
        language=NAMES[known(tag) or ENGLISH],
    )
    return Content(text=f"{escape(said)} {escape(usage())}")
