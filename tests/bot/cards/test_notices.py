"""What the bot owes, as it is read."""

import pytest

from avatar.language import speaking
from avatar.records import Address, Notice, NoticeKind
from bot.cards.notices import notice
from tests.avatar.make import NOW, an_avatar


@pytest.mark.parametrize(
    ("language", "period", "said"),
    [
        ("en", "2026-11-28", "may spend on 28 Nov 2026 (UTC) is spent to 85 %"),
        ("en", "2026-11", "may spend in 2026-11 (UTC) is spent to 85 %"),
        ("ms", "2026-11-28", "pada 28 Nov 2026 (UTC)"),
    ],
)
def test_a_limit_that_is_near_names_its_period(language: str, period: str, said: str) -> None:
    """It may be brought after midnight: the day is not "today" then."""
    owed = Notice(
        id=1,
        kind=NoticeKind.LIMIT_NEAR,
        address=Address(platform="telegram", chat="1"),
        avatar_id=1,
        version_id=None,
        data={"scope": "avatar", "period": period, "cost": 850_000, "limit": 1_000_000},
        created_at=NOW,
        attempts=1,
    )
    with speaking(language):
        assert said in notice(owed, an_avatar(), None).text
