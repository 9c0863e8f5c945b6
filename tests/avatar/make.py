"""Records for tests, with defaults."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from avatar.records import Avatar, Status, TrainingType, Version

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

_AVATAR = Avatar(
    id=1,
    slug="ani",
    name="Ani",
    provider="openai",
    base_model="gpt-4o-mini",
    active_prompt_id=None,
    active_model_id=None,
    visibility="public",
    created_at=NOW,
)
_PROMPT = Version(
    id=10,
    avatar_id=1,
    number=1,
    training_type=TrainingType.PROMPT_UPDATE,
    status=Status.COMPLETED,
    note="",
    created_by=1,
    created_at=NOW,
    prompt="You are Ani.",
)
_MODEL = Version(
    id=20,
    avatar_id=1,
    number=2,
    training_type=TrainingType.FINE_TUNE,
    status=Status.COMPLETED,
    note="",
    created_by=1,
    created_at=NOW,
    provider="openai",
    base_model="gpt-4o-mini",
    fine_tuned_model_id="ft:gpt-4o-mini-2024-07-18:org:ani:CVZq68Yu",
    example_count=44,
)


def an_avatar(**changes: Any) -> Avatar:
    return replace(_AVATAR, **changes)


def a_prompt(**changes: Any) -> Version:
    return replace(_PROMPT, **changes)


def a_model(**changes: Any) -> Version:
    return replace(_MODEL, **changes)
