"""The pure rules of versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar import versions
from avatar.errors import (
    AlreadyActive,
    BadNumber,
    NotActivatable,
    NothingToUndo,
    VersionDeleted,
    WrongKind,
)
from avatar.records import Activation, Avatar, Axis, Badge, Status, Version, Why
from tests.avatar.make import NOW, a_model, a_prompt, an_avatar


def an_activation(axis: Axis, from_id: int | None, to_id: int | None) -> Activation:
    return Activation(
        id=1,
        avatar_id=1,
        axis=axis,
        from_id=from_id,
        to_id=to_id,
        why=Why.ACTIVATED,
        person_id=1,
        at=NOW,
    )


@pytest.mark.parametrize(
    ("version", "avatar", "badge"),
    [
        (a_model(), an_avatar(active_model_id=20), Badge.ACTIVE_NOW),
        (a_model(), an_avatar(), Badge.COMPLETED),
        (a_model(), an_avatar(active_prompt_id=20), Badge.COMPLETED),
        (a_model(status=Status.TRAINING), an_avatar(), Badge.TRAINING),
        (a_model(status=Status.FAILED), an_avatar(), Badge.FAILED),
        (a_model(status=Status.CANCELLED), an_avatar(), Badge.CANCELLED),
        (a_prompt(), an_avatar(active_prompt_id=10), Badge.ACTIVE_NOW),
        (a_prompt(), an_avatar(active_model_id=10), Badge.QUICK_TRAINING),
    ],
)
def test_badges(version: Version, avatar: Avatar, badge: Badge) -> None:
    assert versions.badge(version, avatar) is badge


def test_a_switch_of_the_model_never_names_the_prompt() -> None:
    avatar = an_avatar(active_prompt_id=10, active_model_id=21)
    switch = versions.switch_to(avatar, a_model())
    assert (switch.axis, switch.expected, switch.to) == (Axis.MODEL, 21, 20)
    switch = versions.switch_to(avatar, a_prompt(id=11))
    assert (switch.axis, switch.expected, switch.to) == (Axis.PROMPT, 10, 11)
    switch = versions.to_base(avatar)
    assert (switch.axis, switch.expected, switch.to) == (Axis.MODEL, 21, None)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (a_model(status=Status.TRAINING), "has not ended"),
        (a_model(status=Status.FAILED, error="Too few examples"), "failed (Too few examples)"),
        (a_model(status=Status.FAILED), "gave no reason"),
        (a_model(status=Status.CANCELLED), "was cancelled"),
    ],
)
def test_only_completed_versions_can_be_activated(version: Version, reason: str) -> None:
    with pytest.raises(NotActivatable) as caught:
        versions.switch_to(an_avatar(), version)
    assert reason in caught.value.sentence


def test_refusals() -> None:
    with pytest.raises(AlreadyActive, match="Version 2 is already active"):
        versions.switch_to(an_avatar(active_model_id=20), a_model())
    with pytest.raises(AlreadyActive, match="base model"):
        versions.to_base(an_avatar())
    with pytest.raises(WrongKind, match="/activate 2"):
        versions.restore(an_avatar(), a_model())
    with pytest.raises(VersionDeleted, match="27 Nov 2026"):
        versions.switch_to(an_avatar(), a_model(deleted_at=NOW))


def test_undo() -> None:
    last = an_activation(Axis.MODEL, 20, 21)
    switch = versions.undo(an_avatar(active_model_id=21), last, a_model())
    assert (switch.expected, switch.to, switch.why) == (21, 20, Why.UNDONE)
    for avatar, activation, target in (
        (an_avatar(), None, None),
        (an_avatar(active_model_id=22), last, a_model()),
        (an_avatar(active_model_id=21), last, a_model(deleted_at=NOW)),
        (an_avatar(active_model_id=21), last, a_model(status=Status.FAILED)),
    ):
        with pytest.raises(NothingToUndo):
            versions.undo(avatar, activation, target)


@pytest.mark.parametrize(
    ("typed", "number"), [("1", 1), (" 12 ", 12), ("#3", 3), ("１", 1), ("007", 7)]
)
def test_numbers(typed: str, number: int) -> None:
    assert versions.parse_number(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "-1", "0", "1.5", "1e3", "999999999999999999999", "x", "١٢", "1 2", "½", "\x00"]
)
def test_what_is_no_number(typed: str) -> None:
    with pytest.raises(BadNumber):
        versions.parse_number(typed)


@given(st.text())
def test_any_text_is_a_positive_number_or_refused(text: str) -> None:
    try:
        assert 0 < versions.parse_number(text) < 10**versions.MAX_NUMBER_DIGITS
    except BadNumber as error:
        assert len(error.sentence) < 200


@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("ft:gpt-4o-2024-08-06:acme::CVZq68Yu", "ft:gpt-4o:…:CVZq68Yu"),
        ("ft:gpt-4o-mini-2024-07-18:org:ani-v3:AbC", "ft:gpt-4o-mini:…:AbC"),
        ("ft:imitator-1:local:demo-v1:a1b2c3d4", "ft:imitator-1:…:a1b2c3d4"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("meta-llama/Meta-Llama-3.1-70B-Instruct-LoRa:ani-x7Gh", None),
    ],
)
def test_short_model(model: str, short: str | None) -> None:
    shown = versions.short_model(model)
    assert len(shown) <= 40
    if short is not None:
        assert shown == short
