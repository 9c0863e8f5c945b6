"""What is sent to a model, within its tokens."""

import pytest

from avatar.conversation import compose
from avatar.errors import BadText
from avatar.records import Role, Turn
from avatar.tokens import PICTURE_TOKENS

PICTURE = "data:image/png;base64,AA=="


TURNS = [
    Turn(role=Role.USER, text="[picture]\nold"),
    Turn(role=Role.ASSISTANT, text="seen"),
]


def test_pictures_stand_with_the_message_they_belong_to() -> None:
    sent = compose("P", TURNS, "new", context_tokens=8_000, reply_tokens=500, images=(PICTURE,))
    assert [(each.text, each.images) for each in sent] == [
        ("P", ()),
        ("[picture]\nold", ()),
        ("seen", ()),
        ("new", (PICTURE,)),
    ]


def test_pictures_take_room() -> None:
    room = PICTURE_TOKENS + 20
    sent = compose(None, TURNS, "new", context_tokens=room, reply_tokens=5, images=(PICTURE,))
    assert [each.text for each in sent] == ["new"]
    assert len(compose(None, TURNS, "new", context_tokens=room, reply_tokens=5)) == 3
    with pytest.raises(BadText, match="too long"):
        compose(None, TURNS, "n", context_tokens=room, reply_tokens=5, images=(PICTURE,) * 2)
