"""Markdown as plain text: marks go, words stay."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terminal.plain import plain

WORD = st.text(alphabet="abcdefghijklmnop", min_size=2, max_size=6)
LINE = st.lists(WORD, min_size=1, max_size=4).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Blocks of every kind, nested now and then."""
    blocks = []
    for _ in range(draw(st.integers(1, 5))):
        line = draw(LINE)
        blocks.append(
            draw(
                st.sampled_from(
                    [
                        line,
                        f"# {line}",
                        f"**{line}** and *it*",
                        f"- {line}\n  - {draw(LINE)}\n- {draw(LINE)}",
                        f"3. {line}\n4. {draw(LINE)}",
                        f"> {line}\n> > {draw(LINE)}",
                        f"```python\n{line}\n\n  {draw(LINE)}\n```",
                        f"| {line} | {draw(LINE)} |\n|---|---|\n| {draw(LINE)} | {draw(LINE)} |",
                        f"[{line}](https://example.org/{draw(WORD)})",
                        f"`{line}` ~~{draw(LINE)}~~",
                        f"<b>{line}</b>",
                    ]
                )
            )
        )
    return "\n\n".join(blocks)


@given(documents())
def test_no_word_is_lost(markdown: str) -> None:
    words = re.findall(r"[a-p]{2,}", re.sub(r"```\w+", "", markdown))
    shown = plain(markdown)
    position: dict[str, int] = {}
    for word in words:
        start = position.get(word, 0)
        found = shown.find(word, start)
        assert found >= 0, (word, shown)
        position[word] = found + 1


@given(st.text(max_size=300))
def test_any_text_can_be_shown(text: str) -> None:
    shown = plain(text)
    letters = sorted(c for c in shown if c.isalpha())
    assert len(letters) <= len([c for c in text if c.isalpha()]) + 4 * text.count("&")


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**Bold** and `code`", "Bold and code"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("> said", "> said"),
        ("[here](https://a.b)", "here (https://a.b)"),
        ("https://a.b", "https://a.b"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("", ""),
    ],
)
def test_how_it_looks(markdown: str, shown: str) -> None:
    assert plain(markdown) == shown
