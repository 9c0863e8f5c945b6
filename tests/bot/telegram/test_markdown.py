"""Markdown as text and entities: within Telegram's limits, and no word lost."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.telegram.markdown import ENTITY_LIMIT, LIMIT, NOTHING, Part, render, render_long
from bot.telegram.markdown import _formatted as formatted
from bot.telegram.markdown import _prose as prose


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def marked(part: Part) -> list[tuple[str, str]]:
    """What is marked how: (kind, text)."""
    encoded = part.text.encode("utf-16-le")
    return [
        (
            str(e.type.value if hasattr(e.type, "value") else e.type),
            encoded[e.offset * 2 : (e.offset + e.length) * 2].decode("utf-16-le"),
        )
        for e in part.entities
    ]


def one(markdown: str) -> Part:
    (part,) = render(markdown)
    return part


def check(parts: tuple[Part, ...]) -> None:
    assert parts
    for part in parts:
        assert part.text.strip()
        assert units(part.text) <= LIMIT
        assert len(part.entities) <= ENTITY_LIMIT
        for entity in part.entities:
            assert 0 <= entity.offset < entity.offset + entity.length <= units(part.text)
        marked(part)  # decodes: none begins or ends inside of a character


@pytest.mark.parametrize(
    ("markdown", "text", "marks"),
    [
        ("**b** _i_ `c`", "b i c", [("bold", "b"), ("italic", "i"), ("code", "c")]),
        ("# Head\n\ntext", "Head\n\ntext", [("underline", "Head"), ("bold", "Head")]),
        ("😀 **b😀**", "😀 b😀", [("bold", "b😀")]),
        ("- [x] done\n- [ ] open", "☑ done\n☐ open", []),
        ("[a](https://x.example/?a=$b)", "a", [("text_link", "a")]),
        (
            "||hidden|| and (||**b** c||)",
            "hidden and (b c)",
            [("spoiler", "hidden"), ("spoiler", "b c"), ("bold", "b")],
        ),
        ("> a\n> > b\n\nc", "a\nb\n\nc", [("blockquote", "a\nb")]),
        (
            "> a\n" * 8 + "\nb",
            "\n".join("a" * 8) + "\n\nb",
            [("expandable_blockquote", "\n".join("a" * 8))],
        ),
        (
            "**مرحبا** `קוד` 👨‍👩‍👧 _👍🏽_",
            "مرحبا קוד 👨‍👩‍👧 👍🏽",
            [("bold", "مرحبا"), ("code", "קוד"), ("italic", "👍🏽")],
        ),
        ("1. a\n   - b\n     - **c**\n2. d", "1. a\n  • b\n    • c\n2. d", [("bold", "c")]),
    ],
)
def test_marks_become_entities(markdown: str, text: str, marks: list[tuple[str, str]]) -> None:
    part = one(markdown)
    assert (part.text, marked(part)) == (text, marks)


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("<div>\nfoo\n</div>", "<div>\nfoo\n</div>"),
        ("a <b>c</b> <https://x.example>", "a <b>c</b> <https://x.example>"),
        (r"\<b\> and \\<i>", r"<b> and \<i>"),
        ("`<a>` and\n\n```\n<b> $1 || 2\n```", "<a> and\n\n<b> $1 || 2"),
        ("if a || b || c", "if a || b || c"),
        ("$5 for A$, 6$ for you", "$5 for A$, 6$ for you"),
        (r"\$5 and \|\|", "$5 and ||"),
        ("[1]: https://x.example\n\nsee [1]", "[1]: https://x.example\n\nsee [1]"),
        ("a[^1]\n\n[^1]: note", "a[^1]\n\n[^1]: note"),
        ("| a | b |\n|---|---|\n| `x|y` | 2 |", "a   | b\n----+--\nx|y | 2"),
        (
            "| a | b |\n|---|---|\n| [x](https://y.example/_z_) | 1<br/>2 `<br>` |",
            "a                         | b         \n"
            "--------------------------+-----------\n"
            "x (https://y.example/_z_) | 1 / 2 <br>",
        ),
        ("- ```\n  | 1 || [x](https://y) |\n  ```", "• \n| 1 || [x](https://y) |"),
        ("| a | b | c |\n|---|---|---|\n| 1 || 3 |", "a | b | c\n--+---+--\n1 |   | 3"),
        ("a\x00b\ud800c", "a\ufffdb\ufffdc"),
        ("[]()", "[]()"),
        ("", NOTHING),
        ("\u200b\n", NOTHING),
    ],
)
def test_nothing_is_taken_for_something_else(markdown: str, text: str) -> None:
    assert one(markdown).text == text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"so \(E = mc^2\), $a_1^2$", "so E = mc², a₁²"),
        (r"\[ \frac{a}{b} \le \alpha \]", "a/b ≤ α"),
        ("$$\nx^2\n+ y^2\n$$\n\nand", "x² + y²\n\nand"),
        (r"`\(x^2\)` and `$x^2$`", r"\(x^2\) and $x^2$"),
        ("```\n$x^2$\n\\(y^2\\)\n```", "$x^2$\n\\(y^2\\)"),
        (r"an escaped \(b\) and \[c\]", "an escaped (b) and [c]"),
        ("if $n$ and $f(x)$, $2x - 1$ or $a < b$: $$y$$", "if n and f(x), 2x - 1 or a < b: y"),
        ("so $n!$, $-x$, $f'$", "so n!, -x, f'"),
        (
            "$5$, $a or b$, a$x, $5M/$6M, $it$ and $a, $b",
            "$5$, $a or b$, a$x, $5M/$6M, $it$ and $a, $b",
        ),
        ("echo $A=1 $B=2", "echo $A=1 $B=2"),
        (r"$\frac{$ and \(\unknown{\)", r"$\frac{$ and \unknown"),
        ("3*4*5 = 60", "3*4*5 = 60"),
        ("a||b||c and x || y || z", "a||b||c and x || y || z"),
        ("`a ||b|| c`", "a ||b|| c"),
    ],
)
def test_mathematics_and_programs(markdown: str, text: str) -> None:
    assert one(markdown).text == text


@settings(max_examples=200)
@given(st.text("ab1^_{}\\()[]$=+ frac\n`", max_size=60), st.integers(1, 100))
def test_any_formula_gives_parts_that_telegram_takes(text: str, times: int) -> None:
    check(render(text * times))


def test_code_in_a_list_stands_on_lines_of_its_own() -> None:
    part = one("- item\n  ```py\n  x < y\n  ```\n  after\n- next")
    assert part.text == "• item\nx < y\nafter\n• next"
    assert marked(part) == [("pre", "x < y")]
    assert part.entities[0].language == "py"


def test_a_long_text_is_cut_between_words_and_nothing_is_lost() -> None:
    text = " ".join(f"word{i}" for i in range(3000))
    parts = render(text)
    check(parts)
    assert "".join(part.text for part in parts) == text
    assert all(part.text.endswith(" ") for part in parts[:-1])


def test_code_is_carried_over_a_cut() -> None:
    code = "\n".join(f"line {i}" for i in range(1500))
    parts = render(f"```py\n{code}\n```")
    check(parts)
    assert "".join(part.text for part in parts) == code
    assert {(e.type, e.language) for part in parts for e in part.entities} == {("pre", "py")}


def test_a_part_has_at_most_a_hundred_entities_and_none_is_dropped() -> None:
    parts = render(" ".join(f"**b{i}**" for i in range(250)))
    check(parts)
    assert len(parts) == 3
    assert sum(len(part.entities) for part in parts) == 250


def test_characters_of_two_units_are_not_cut() -> None:
    parts = render("😀" * 5000)
    check(parts)
    assert "".join(part.text for part in parts) == "😀" * 5000


async def test_long_texts_are_rendered_the_same() -> None:
    text = "**word** " * 2000
    assert await render_long(text) == render(text)


WORD = st.text("abcxyzäß😀", min_size=1, max_size=9)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Markdown and the words in it."""
    blocks, words = [], []
    for form in draw(st.lists(st.sampled_from(FORMS), max_size=12)):
        some = draw(st.lists(WORD, min_size=2, max_size=2))
        words += some
        blocks.append(form.format(*some))
    return draw(st.sampled_from(["\n", "\n\n"])).join(blocks), words


FORMS = [
    "{} {}",
    "**{}** _{}_",
    "# {} `{}`",
    "- {}\n- **{}**",
    "1. {}\n   ```\n   {}\n   ```",
    "- {}\n  - {}",
    "> {}\n> {}",
    "```\n{}\n{}\n```",
    "| {} | b |\n|---|---|\n| `{}` | |",
    "[{}](https://x.example) <{}>",
    "<div>{}\n{}</div>",
    "||{}|| ~~{}~~",
    "${}$ and {}$",
    "[{}]: {}",
    "{}\n---\n{}",
    "![{}](https://x.example) {}",
    "\\*{}\\* {}",
]


@settings(max_examples=150)
@given(documents())
def test_every_word_is_shown(document: tuple[str, list[str]]) -> None:
    markdown, words = document
    parts = render(markdown)
    check(parts)
    shown = "".join(part.text for part in parts)
    at = 0
    for word in words:
        at = shown.find(word, at)
        assert at != -1, (word, shown)
        at += len(word)


@settings(max_examples=200)
@given(st.text("ab *_`~|<>[]()#-+.!$\\&;:\n\t😀\u200b\x00", max_size=60), st.integers(1, 400))
def test_any_text_gives_parts_that_telegram_takes(text: str, times: int) -> None:
    check(render(text * times))


PIECES = st.sampled_from(
    ["\n", "\n\n", " ", "- ", "1. ", "...", "---", "==", ":smile:", "http://a.b"]
)


@given(
    st.text("abcé한", min_size=1), st.lists(st.characters() | PIECES | st.text("aZ 9.,:;!?'-+="))
)
@example("a", ["\r"])
def test_what_is_taken_for_prose_is_shown_as_the_parser_would(begin: str, rest: list[str]) -> None:
    markdown = begin + "".join(rest)
    text = prose(markdown)
    assert text is None or formatted(markdown) == (Part(text=text),)


def test_most_of_what_is_said_in_a_chat_is_prose() -> None:
    """And a text that is none is told from it in no time, however it ends."""
    said = (
        "Yes! The café (a small one, it's new) opens at 9:30 \N{EN DASH} see you there? \U0001f600"
    )
    assert prose(f"{said}\n\n{said} \n") == f"{said}\n\n{said}"
    for markdown in ("**b**", "- a", "1. a", "a\n# b", "a_b_", "<b>", "a  b", " a", "", "$1$"):
        assert prose(markdown) is None
    for long in ("a" * 2000, "a b" * 600, "a\n" * 900):
        assert prose(long + "*") is None


@pytest.mark.parametrize("mark", ["* ", "- ", "1. ", "1) ", "* > ", "+ * "])
def test_lists_in_lists_in_one_line_end_somewhere(mark: str) -> None:
    """A thousand of them were shown as a million spaces, in hundreds of messages."""
    parts = render(mark * 1000 + "x")
    assert len(parts) <= 2
    assert parts[-1].text.endswith("x")


def test_marks_in_code_stay_as_they_are() -> None:
    (part,) = render("```\n" + "- " * 20 + "x\n```")
    assert part.text.strip() == "- " * 20 + "x"
    (rule,) = render("a\n\n" + "- " * 20 + "\n\nb")
    assert "- -" not in rule.text
