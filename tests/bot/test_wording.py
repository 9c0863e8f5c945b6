"""How things are said."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from avatar.errors import BadDataset, VersionNotFound
from avatar.language import speaking
from avatar.records import Badge
from bot import wording
from tests.avatar.make import NOW


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3600, "just now"),
        (10, "just now"),
        (60, "1 minute ago"),
        (59 * 60, "59 minutes ago"),
        (2 * 3600, "2 hours ago"),
        (3 * 86_400, "3 days ago"),
        (45 * 86_400, "1 month ago"),
        (800 * 86_400, "2 years ago"),
    ],
)
def test_ages(seconds: int, words: str) -> None:
    assert wording.ago(NOW - timedelta(seconds=seconds), NOW) == words


@given(st.integers(min_value=0, max_value=10**10))
def test_any_age_has_words(seconds: int) -> None:
    assert wording.ago(NOW - timedelta(seconds=seconds), NOW + timedelta(0)).split()[-1] in {
        "ago",
        "now",
    }


def shown(markdown: str) -> str:
    """The text that a Markdown reader shows."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    return "\n".join(
        "".join("\n" if c.type in {"softbreak", "hardbreak"} else c.content for c in token.children)
        for token in tokens
        if token.children
    )


@given(st.text(st.sampled_from("ab1.)-+*_`<>[]()#!~|\\& \n="), max_size=40))
def test_escaped_text_reads_the_same(text: str) -> None:
    assert shown(wording.escape(text)).split() == text.split()


@given(st.text(st.sampled_from("ab` \n"), min_size=1, max_size=30).filter(str.strip))
def test_code_reads_the_same(text: str) -> None:
    assert shown(wording.code(text)).strip() == " ".join(text.split())


@given(st.text(st.sampled_from("ab`~ \n"), max_size=40))
def test_blocks_read_the_same(text: str) -> None:
    token, *rest = MarkdownIt("commonmark").parse(wording.block(text))
    assert (token.type, token.content, rest) == ("fence", f"{text}\n", [])


def test_badges_have_colours() -> None:
    words = {wording.badge_words(badge) for badge in Badge}
    assert len({w.split()[0] for w in words}) == len(Badge)


def test_sentences() -> None:
    assert wording.sentence(VersionNotFound(number=7)).startswith("There is no version 7.")
    text = wording.sentence(BadDataset(faults=("line 3: role “x”",), more=12))
    assert "line 3" in text
    assert "12 more faults" in text


def test_plurals_dates_and_ages_are_of_the_language() -> None:
    may = datetime(2027, 5, 1, 8, 5, tzinfo=UTC)
    assert (wording.moment(may), wording.examples(1)) == ("01 May 2027 08:05 UTC", "1 example")
    with speaking("ms"):
        assert wording.moment(may) == "01 Mei 2027 08:05 UTC"
        assert (wording.examples(1), wording.examples(1_200)) == ("1 contoh", "1,200 contoh")
        assert wording.ago(NOW - timedelta(hours=2), NOW) == "2 jam yang lalu"
        assert wording.duration(700) == "kira-kira 12 minit"
        assert wording.badge_words(Badge.ACTIVE_NOW) == "🟢 Active Now"


def test_what_others_wrote_is_no_template() -> None:
    """Braces in names, prompts and reasons stay as they are, in every language."""
    screening = {"refusal": "no {budget}", "left_out": 0, "categories": {}}
    assert wording.screening_words(screening, "{me}") == "Not screened by {me}: no {budget}"
    with speaking("ms"):
        assert wording.screening_words(screening, "{me}") == "Tidak ditapis oleh {me}: no {budget}"
        assert "line 3: {x}" in wording.sentence(BadDataset(faults=("line 3: {x}",), more=0))
