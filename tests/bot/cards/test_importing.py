"""How far a file is, said in sentences."""

import pytest

from avatar.dataset.watch import Stage, Watch
from avatar.language import speaking
from avatar.records import Attachment
from bot.cards.importing import reading, was_read

FILE = Attachment(ref="1", name="result.json", size=41_000_000, kind="document")


@pytest.mark.parametrize(
    ("watch", "english", "malay"),
    [
        (
            Watch(),
            "Fetching `result.json` (41 MB)…",
            "Mengambil `result.json` (41 MB)…",
        ),
        (
            Watch(stage=Stage.READING),
            "Reading `result.json`…",
            "Membaca `result.json`…",
        ),
        (
            Watch(stage=Stage.READING, messages=1),
            "Reading `result.json`, 1 message so far…",
            "Membaca `result.json`, 1 mesej setakat ini…",
        ),
        (
            Watch(stage=Stage.READING, done=20_000_000, total=41_000_000, messages=1200),
            "Reading `result.json`: 20 of 41 MB, 1,200 messages so far…",
            "Membaca `result.json`: 20 daripada 41 MB, 1,200 mesej setakat ini…",
        ),
        (
            Watch(stage=Stage.BUILDING, done=20_000_000, total=41_000_000),
            "Building examples from `result.json`: 20 of 41 MB…",
            "Membina contoh daripada `result.json`: 20 daripada 41 MB…",
        ),
        (
            Watch(stage=Stage.MASKING, done=1000, total=2000),
            "Building examples from `result.json`: 1,000 of 2,000…",
            "Membina contoh daripada `result.json`: 1,000 daripada 2,000…",
        ),
        (
            Watch(stage=Stage.COUNTING),
            "Counting tokens, and keeping the examples from `result.json`…",
            "Mengira token, dan menyimpan contoh daripada `result.json`…",
        ),
    ],
)
def test_how_far_a_file_is(watch: Watch, english: str, malay: str) -> None:
    assert reading(FILE, watch).text == english
    with speaking("ms"):
        shown = reading(FILE, watch)
        assert shown.text == malay
        assert shown.buttons[0][0].label == "Hentikan"


def test_what_was_read() -> None:
    assert was_read(FILE, Watch()).text == "`result.json` was looked at."
    assert was_read(FILE, Watch(messages=1)).text == "`result.json` was looked at: 1 message."
    with speaking("ms"):
        assert was_read(FILE, Watch(messages=2)).text == "`result.json` telah diperiksa: 2 mesej."
