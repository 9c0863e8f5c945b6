"""What is remembered has an end."""

from collections import OrderedDict

from bot.kept import keep


def test_the_newest_are_kept() -> None:
    kept: OrderedDict[str, int] = OrderedDict()
    for i, key in enumerate("abac"):
        keep(kept, key, i, most=2)
    assert list(kept.items()) == [("a", 2), ("c", 3)]
