"""Word by word."""

from hypothesis import given, settings
from hypothesis import strategies as st

from avatar.diff import Change, word_diff

WORDS = st.lists(st.sampled_from(["you", "are", "Ani", "kind.", "short", "a\nb"]), max_size=60)


def test_a_change() -> None:
    runs, removed, added = word_diff("You are Ani. Be kind.", "You are Ali. Be very kind.")
    assert (removed, added) == (1, 2)
    assert [(run.change, run.text) for run in runs] == [
        (Change.SAME, "You are "),
        (Change.REMOVED, "Ani. "),
        (Change.ADDED, "Ali. "),
        (Change.SAME, "Be "),
        (Change.ADDED, "very "),
        (Change.SAME, "kind."),
    ]


def test_long_stretches_are_shortened() -> None:
    same = " ".join(f"w{i}" for i in range(500))
    runs, removed, added = word_diff(f"{same} old {same}", f"{same} new {same}")
    assert (removed, added) == (1, 1)
    shown = "".join(run.text for run in runs if run.change is not Change.LEFT_OUT)
    assert len(shown.split()) == 22
    assert runs[0].change is Change.LEFT_OUT


@settings(max_examples=60)
@given(WORDS, WORDS)
def test_the_runs_rebuild_the_new_text(old: list[str], new: list[str]) -> None:
    runs, _, _ = word_diff(" ".join(old), " ".join(new))
    rebuilt = "".join(run.text for run in runs if run.change is not Change.REMOVED)
    assert rebuilt.split() == " ".join(new).split()
