"""Sealed secrets: opened by their keys alone, and only as what they were sealed for."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sealing import FILE, KeyRefused, Sealer, Unsealable

OLD, NEW = "o" * 32, "n" * 32


@given(st.text(), st.text(max_size=20))
def test_what_is_sealed_opens_again(secret: str, belongs_to: str) -> None:
    secret = secret.encode("utf-8", "ignore").decode()
    belongs_to = belongs_to.encode("utf-8", "ignore").decode()
    sealer = Sealer([NEW])
    sealed = sealer.seal(secret, belongs_to=belongs_to)
    assert sealer.open(sealed, belongs_to=belongs_to) == secret
    assert len(secret) < 8 or secret not in sealed
    with pytest.raises(Unsealable):
        sealer.open(sealed, belongs_to=belongs_to + "x")


def test_every_seal_is_another() -> None:
    sealer = Sealer([NEW])
    assert sealer.seal("token", belongs_to="1") != sealer.seal("token", belongs_to="1")


def test_a_key_is_changed_by_giving_both_for_a_while() -> None:
    sealed = Sealer([OLD]).seal("token", belongs_to="1")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, belongs_to="1") == "token"
    assert not both.is_newest(sealed)
    anew = both.seal("token", belongs_to="1")
    assert both.is_newest(anew)
    assert Sealer([NEW]).open(anew, belongs_to="1") == "token"
    with pytest.raises(Unsealable):
        Sealer([NEW]).open(sealed, belongs_to="1")


@pytest.mark.parametrize("broken", ["", "no base64!", "AAAA", "AQ=="])
def test_what_was_never_sealed_is_refused(broken: str) -> None:
    with pytest.raises(Unsealable):
        Sealer([NEW]).open(broken, belongs_to="1")


def test_a_changed_byte_is_noticed() -> None:
    sealed = Sealer([NEW]).seal("token", belongs_to="1")
    changed = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(Unsealable):
        Sealer([NEW]).open(changed, belongs_to="1")


def test_without_a_key_one_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert not folder.exists()
    sealed = Sealer(folder=folder).seal("token", belongs_to="1")
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert Sealer(folder=folder).open(sealed, belongs_to="1") == "token"
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_key_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("short")
    with pytest.raises(KeyRefused, match="too short"):
        Sealer(folder=tmp_path).made("x")
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyRefused, match="cannot be read or made"):
        Sealer(folder=tmp_path / "file").made("x")


def test_made_secrets_are_the_same_each_time_and_differ_by_purpose() -> None:
    first, second = Sealer([NEW]), Sealer([NEW, OLD])
    assert first.made("webhook 1") == second.made("webhook 1")
    assert first.made("webhook 1") != first.made("webhook 2")
    assert set(first.made("webhook 1")) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    )
