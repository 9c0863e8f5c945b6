"""Calls are held against aiogram's models."""

from typing import Any

import pytest

from tests.standins.telegram_models import FILE, Mistyped, checked, described

ENTITY = '{"type": "bold", "offset": 0, "length": 1}'


@pytest.mark.parametrize(
    ("method", "given", "decoded"),
    [
        (
            "sendMessage",
            {"chat_id": "5", "text": "5", "entities": f"[{ENTITY}]", "protect_content": "true"},
            {
                "chat_id": 5,
                "text": "5",
                "entities": [{"type": "bold", "offset": 0, "length": 1}],
                "protect_content": True,
            },
        ),
        ("sendMessage", {"chat_id": "@channel", "text": "x"}, {"chat_id": "@channel", "text": "x"}),
        ("getMe", {}, {}),
        ("sendDocument", {"chat_id": 5, "document": "attach://0"}, None),
        ("setMyCommands", {"commands": "[]", "scope": '{"type": "chat", "chat_id": 5}'}, None),
    ],
)
def test_what_fits(method: str, given: dict[str, Any], decoded: dict[str, Any] | None) -> None:
    assert decoded is None or checked(method, given) == decoded
    checked(method, given)


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("sendMessage", {"chat_id": "5"}, "text is missing"),
        ("sendMessage", {"chat_id": "5", "text": "x", "chat": "5"}, "has no"),
        ("sendMessage", {"chat_id": "5.5", "text": 5}, "text is no str"),
        ("sendMessage", {"chat_id": "5", "text": "x", "protect_content": "yes"}, "is no bool"),
        ("sendMessage", {"chat_id": "5", "text": "x", "message_thread_id": "true"}, "is no int"),
        ("sendMessage", {"chat_id": "5", "text": "x", "entities": ENTITY}, "is no list"),
        (
            "sendMessage",
            {"chat_id": "5", "text": "x", "entities": '[{"type": "bold", "offset": 0}]'},
            "length is missing",
        ),
        (
            "sendMessage",
            {"chat_id": "5", "text": "x", "reply_markup": '{"inline_keyboard": [[{"txt": "Go"}]]}'},
            "fits none of InlineKeyboardMarkup",
        ),
        ("sendMessageDraft", {"chat_id": "@channel", "draft_id": "1"}, "chat_id is no int"),
        ("setMyCommands", {"commands": "[]", "scope": '{"type": "chats"}'}, "fits none"),
    ],
)
def test_what_does_not(method: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistyped, match=said):
        checked(method, given)


@pytest.mark.long
def test_the_file_says_what_aiogram_says() -> None:
    assert FILE.read_text(encoding="utf-8") == described()
