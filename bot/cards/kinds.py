"""What kinds of examples are called. They are written down in English, and said in any language."""

from avatar.language import noted, tr

FIXED = (
    noted("one by one"),
    noted("with masked data"),
    noted("with a reply of 10 characters or less"),
    noted("with a reply of more than 1,000 characters"),
    noted("with a link in the reply"),
)
LANGUAGES = (
    noted("Arabic"),
    noted("Armenian"),
    noted("Bengali"),
    noted("Chinese"),
    noted("Dutch"),
    noted("English"),
    noted("French"),
    noted("Georgian"),
    noted("German"),
    noted("Greek"),
    noted("Hebrew"),
    noted("Hindi"),
    noted("Italian"),
    noted("Japanese"),
    noted("Korean"),
    noted("Malay or Indonesian"),
    noted("Persian"),
    noted("Polish"),
    noted("Portuguese"),
    noted("Russian"),
    noted("Spanish"),
    noted("Swedish"),
    noted("Tamil"),
    noted("Thai"),
    noted("Turkish"),
    noted("Ukrainian"),
)
_IN, _FROM = "in ", "from the chat "


def kind_words(kind: str) -> str:
    """A kind of `avatar.dataset.kinds`, behind "examples"."""
    if kind in FIXED:
        return tr(kind)
    language = kind.removeprefix(_IN)
    if language in LANGUAGES:
        return tr("in {language}", language=tr(language))
    if kind.startswith(_FROM):
        return tr("from the chat {chat}", chat=kind.removeprefix(_FROM))
    return kind
