"""Which language a text is in, roughly: by its script, and by small words for Latin letters.

Made to tell an owner what a set of examples is made of, not to decide anything.
"""

import re

from avatar.language import noted

UNKNOWN = noted("unclear")
_WORD = re.compile(r"[^\W\d_]+")
_LOOKED_AT = 400  # characters
_SCRIPTS = (
    (noted("Japanese"), re.compile("[\u3040-\u30ff]")),  # before Chinese: Japanese has kanji too
    (noted("Korean"), re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
    (noted("Chinese"), re.compile("[\u4e00-\u9fff]")),
    (noted("Ukrainian"), re.compile("[іїєґІЇЄҐ]")),
    (noted("Russian"), re.compile("[\u0400-\u04ff]")),
    (noted("Greek"), re.compile("[\u0370-\u03ff]")),
    (noted("Hebrew"), re.compile("[\u0590-\u05ff]")),
    (noted("Persian"), re.compile("[پچژگ]")),
    (noted("Arabic"), re.compile("[\u0600-\u06ff]")),
    (noted("Hindi"), re.compile("[\u0900-\u097f]")),
    (noted("Bengali"), re.compile("[\u0980-\u09ff]")),
    (noted("Tamil"), re.compile("[\u0b80-\u0bff]")),
    (noted("Thai"), re.compile("[\u0e00-\u0e7f]")),
    (noted("Georgian"), re.compile("[\u10a0-\u10ff]")),
    (noted("Armenian"), re.compile("[\u0530-\u058f]")),
)
_SMALL_WORDS = {
    noted(
        "English"
    ): "the and you i to is it that of in my me for not what was are this have be do on "
    "so but just we your can with no if how yes im its dont ok he she they know",
    noted(
        "German"
    ): "ich und du das ist nicht die der es ja wir so auch mal ein eine zu in was mit "
    "noch hab aber bin auf nein wie dann war den wenn schon mir dir",
    noted(
        "Spanish"
    ): "que de no la el y en lo es un por me te si una los con para mi pero qué ya está "
    "más como muy bien yo eso",
    noted(
        "French"
    ): "je de la le et que tu pas est les un à c ça en pour il on des mais une moi j ai "
    "oui non dans avec mon suis",
    noted(
        "Portuguese"
    ): "que de não o a e eu um você é pra uma com para mas isso tá do da me se sim já foi bem aqui",
    noted(
        "Italian"
    ): "che di non la il e un è per mi ti si una ma sono in ho lo con anche se hai sì "
    "come ci cosa io",
    noted(
        "Dutch"
    ): "ik je het de een is niet en dat van wat maar in er op nog ook heb wel zo voor met "
    "ben ja nee die",
    noted(
        "Turkish"
    ): "bir ve bu ben sen da de ne için var yok çok ama mi mı değil evet tamam o şey daha",
    noted("Polish"): "nie to w się i na że co jak jest z tak ja mi do już ale ty po mam",
    noted(
        "Malay or Indonesian"
    ): "yang aku saya tak tidak ini itu ada ke di nak dan kau kita la lah dah "
    "apa dia je juga ya bisa gue lu pun boleh sudah",
    noted("Swedish"): "jag och det är inte du att en på har som vi men så ja nej med för kan mig",
}
_BY_WORD: dict[str, list[str]] = {}
for _language, _words in _SMALL_WORDS.items():
    for _word in _words.split():
        _BY_WORD.setdefault(_word, []).append(_language)


def language(text: str) -> str:
    """The likely language, in English, to be given to `tr`; "unclear" for texts without words that
    tell.
    """
    text = text[:_LOOKED_AT]
    if not text.isascii():
        letters = _WORD.findall(text)
        latin = sum(len(word) for word in letters if word[0] < "\u0250")
        if latin * 2 < sum(len(word) for word in letters):
            return next((name for name, script in _SCRIPTS if script.search(text)), UNKNOWN)
    votes: dict[str, float] = {}
    for word in _WORD.findall(text.lower()):
        spoken = _BY_WORD.get(word, ())
        for name in spoken:
            votes[name] = votes.get(name, 0.0) + 1 / len(spoken)
    return max(votes, key=lambda name: votes[name]) if votes else UNKNOWN
