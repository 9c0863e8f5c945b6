"""Mathematics in Markdown as text that can be read: `\\(\\frac{a}{b}\\)` as a/b."""

import re

from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

# Code is left alone. Lengths are bounded, so that marks which nothing closes cost little.
_MATHEMATICS = re.compile(
    r"""
    (?P<code> ^[ ]{0,3}(?P<fence>`{3,}|~{3,}).*?(?:^[ ]{0,3}(?P=fence)|\Z)
            | (?<!`)(?P<ticks>`+)(?!`).{1,1000}?(?<!`)(?P=ticks)(?!`) )
    | (?<!\\)\\\((?P<round>.{1,500}?)\\\)
    | (?<!\\)\\\[(?P<square>.{1,1000}?)\\\](?!\()
    | (?<![\\$])\$\$(?P<display>[^$]{1,1000})\$\$
    | (?<![\w$\\])\$(?P<inline>[^\s$](?:[^$\n]{0,300}[^\s$])?)\$(?![\w$])
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_SIGNS = re.compile(r"[\\^_=+]")  # without one it is no formula: an escaped bracket, a sum of money
# Except between dollars: letters that stand alone, as in f(x) and n > 0, are no words and no sums.
_LETTERS = re.compile(
    r"(?=[^a-z]*[a-z])(?=[\w(-])(?:[\d\s()*/<>,.!'-]|[a-z](?![a-z]))+(?<=[\w)'!])", re.IGNORECASE
)
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~#$]")
_HELPER = LatexToUnicodeHelper()


def readable(markdown: str) -> str:
    """The Markdown with its formulas as plain text."""
    if "$" not in markdown and "\\" not in markdown:
        return markdown
    return _MATHEMATICS.sub(_one, markdown)


def _one(match: re.Match[str]) -> str:
    said = match["round"] or match["square"] or match["display"] or match["inline"]
    if match["code"] is not None or said is None:
        return match[0]
    named = match["display"] or match["inline"]
    if not _SIGNS.search(said) and (named is None or not _LETTERS.fullmatch(named.strip())):
        return match[0]
    try:
        text = str(_HELPER.convert(" ".join(said.split()))).strip()  # type: ignore[no-untyped-call]
    except (ArithmeticError, LookupError, RecursionError, ValueError):
        return match[0]
    return _MARKDOWN.sub(r"\\\g<0>", text) if text else match[0]
