"""Where a text that broke off may end."""

import pytest

from avatar.sentences import breaking_off, whole_sentences


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("", ""),
        ("I think we cou", ""),
        ("I am Ann's assistant. She is at the ma", "I am Ann's assistant."),
        ("Yes! Do you mean the one at 3.", "Yes!"),
        ("It costs 3.50 or so. I can", "It costs 3.50 or so."),
        ("Ask Mr. Tan. He", "Ask Mr. Tan."),
        ("I asked Dr. Li about th", ""),
        ("**Sure.** She is", "**Sure.**"),
        ('She said "no." Then', 'She said "no."'),
        ("Here is the list:\n1. Kopi\n2. Te", "Here is the list:\n1. Kopi"),
        ("Here is the list:\n1. Ko", ""),
        ("她不在。请稍", "她不在。"),
        ("All of it.", "All of it."),
    ],
)
def test_whole_sentences_stay(said: str, whole: str) -> None:
    assert whole_sentences(said) == whole


@pytest.mark.parametrize(
    ("said", "shown"),
    [("I think we cou", "I think we …"), ("I think, ", "I think …"), ("Hel", "Hel …")],
)
def test_it_is_seen_that_it_ends_there(said: str, shown: str) -> None:
    assert breaking_off(said) == shown
