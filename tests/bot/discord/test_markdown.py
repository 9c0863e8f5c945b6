"""Markdown becomes what Discord shows, in parts that fit, and no word is lost."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.discord.markdown import LIMIT, NOTHING, render, size
from bot.wording import block, escape

BARS = "\\|\\|"


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("# One\n### Three", "# One\n### Three"),
        ("#### Four", "**Four**"),
        ("##### **Five** #####", "**Five**"),
        ("a\n\n---\n\nb", "a\n\n────────────\n\nb"),
        ("__bold__ and snake__case__name", "**bold** and snake__case__name"),
        ("a || b, ||hidden||", f"a {BARS} b, {BARS}hidden{BARS}"),
        ("`a || __b__`", "`a || __b__`"),
        (">>> deep", "> deep"),
        ("> > deep", "> deep"),
        ("> plain", "> plain"),
        ("- [x] done\n- [ ] open", "- ☑ done\n- ☐ open"),
        ("+ plus", "- plus"),
        ("-# small", "\\-# small"),
        ("![cat](http://a/cat.png)", "[cat](http://a/cat.png)"),
        ("![](http://a/cat.png)", "http://a/cat.png"),
        ("one  \ntwo", "one\ntwo"),
        ("~~~py\nx = 1\n~~~", "```py\nx = 1\n```"),
        ("````\n```\n````", "```\n`\u200b`\u200b`\n```"),
        ("``` `", "\\`\\`\\` `"),
        ("see ```x``` here", "see `x` here"),
        ("see `` ```x ``", "see `` `\u200b`\u200b`x ``"),
        ("```` a``b ````", "`` a`\u200b`b ``"),
        ("```` a```b ````", "`` a`\u200b`\u200b`b ``"),
        ("```py\nstill open", "```py\nstill open\n```"),
        ("- a\n  ```\n  code\n  ```", "- a\n```\ncode\n```"),
        ("```\n#### no heading\n|a|b|\n```", "```\n#### no heading\n|a|b|\n```"),
        ("| a | bb |\n|---|:-:|\n| `1` | **2** |", "```\na | bb\n--+---\n1 | 2\n```"),
        ("|a|b|\nno table", "|a|b|\nno table"),
        ("one\r\ntwo\x00", "one\ntwo\ufffd"),
        ("\ud800", "\ufffd"),
        ("\u200b \n", NOTHING),
        ("", NOTHING),
    ],
)
def test_what_discord_shows_otherwise(markdown: str, shown: str) -> None:
    assert render(markdown) == (shown,)


def seen(text: str) -> str:
    """Discord's own rule: a backslash before what is no letter, digit or space is not shown."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


@settings(max_examples=60)
@given(st.text(" ab1_*`~|<>#-+.=![]()\\\n", max_size=30))
def test_escaped_words_read_as_they_were_written(text: str) -> None:
    (part,) = render("x" + escape(text))
    assert [line.rstrip() for line in seen(part).split("\n")] == [
        line.rstrip() for line in ("x" + text).rstrip().split("\n")
    ]


def test_a_code_block_that_is_cut_is_closed_and_opened_again() -> None:
    lines = [f"line {i}" for i in range(600)]
    parts = render("Look:\n\n```python\n" + "\n".join(lines) + "\n```\nThat was it.")
    assert len(parts) > 2
    assert all(part.startswith("```python\n") for part in parts[1:])
    assert all(part.count("```") == 2 for part in parts)
    assert re.findall(r"line \d+", "\n".join(parts)) == lines
    assert parts[-1].endswith("That was it.")


def test_a_cut_stands_at_the_end_of_a_paragraph() -> None:
    paragraph = "word " * 60
    parts = render(f"{paragraph}\n\n" * 20)
    assert all(len(part) > LIMIT / 2 for part in parts[:-1])
    assert all(part.startswith("word") and part.endswith("word") for part in parts)
    assert sum(part.count("word") for part in parts) == 20 * 60


PIECES = st.lists(
    st.sampled_from(["```\n", "```py\n", "\n", "a" * 700, "b c " * 200, "😀" * 300, "| x | y |\n"])
    | st.text("ab `\n|😀", max_size=10),
    max_size=14,
).map("".join)


@settings(max_examples=150)
@given(PIECES)
@example("```" + "x" * 3000)
@example("```\n```\n``` `")
@example("``` ` ```\n")
@example("x" * 1999 + "\n```\ncode\n```")
@example("```\n" + "y" * 1989 + "\n```\nend")
def test_parts_fit_are_balanced_and_lose_no_word(markdown: str) -> None:
    parts = render(markdown)
    assert parts
    assert all(0 < size(part) <= LIMIT for part in parts)
    for part in parts:
        fences = [line for line in part.split("\n") if line.startswith("```")]
        assert len(fences) % 2 == 0
    letters = re.compile(r"[ac😀]")
    outside = re.sub(r"(?m)^([^\S\n]*)(`{3,})([^`\n]*)$", "", markdown)
    assert len(letters.findall("".join(parts))) >= len(letters.findall(outside))


@given(st.text("`\n x", max_size=60))
@settings(max_examples=60)
def test_a_block_keeps_its_text(text: str) -> None:
    (part,) = render(block("x" + text + "x"))
    assert part.replace("\u200b", "") == "```\nx" + text + "x\n```"


@pytest.mark.parametrize(
    "markdown",
    [
        "__a " * 8000,
        "![" * 16_000,
        "![a](" * 6000,
        "![a](b " * 5000,
        " ".join("`" * (i + 1) for i in range(250)),
        " ".join("`" * (i % 50 + 1) for i in range(3000)),
        "word " * 100_000,
    ],
    ids=["pairs", "brackets", "addresses", "titles", "code", "fences", "long"],
)
def test_no_text_takes_long(markdown: str) -> None:
    """Each of these took seconds, in which the bot did nothing else."""
    began = time.process_time()
    render(markdown)
    assert time.process_time() - began < 1.5
