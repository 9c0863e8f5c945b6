"""Personal data becomes placeholders; the rest of a message stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.dataset.masking import Finder, Kind, Masker


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +49 151 23456789 now", "call [PHONE] now"),
        ("call 0151 23456789 now", "call [PHONE] now"),
        ("030 1234567", "[PHONE]"),
        ("(555) 123-4567", "[PHONE]"),
        ("555-123-4567!", "[PHONE]!"),
        ("+60 12-345 6789", "[PHONE]"),
        ("it is 9876543201", "it is [PHONE]"),
        ("write to ann.lee+x@mail.example.co.uk.", "write to [EMAIL]."),
        ("anné@exämple.org", "[EMAIL]"),
        ("card 4111 1111 1111 1111 ok", "card [CARD] ok"),
        ("5500-0000-0000-0004", "[CARD]"),
        ("IBAN DE89 3704 0044 0532 0130 00 thanks", "IBAN [IBAN] thanks"),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("my ssn 536-90-4399", "my ssn [ID]"),
        ("nn 85.07.30-033.28", "nn [ID]"),
        ("cpf 529.982.247-25", "cpf [ID]"),
        ("dni 54362315K", "dni [ID]"),
        ("RSSMRA85T10A562S", "[ID]"),
        ("rut 30.686.957-4, 12345670-K", "rut [ID], [ID]"),
        ("131052-308T", "[ID]"),
        ("AB 12 34 56 C", "[ID]"),
        ("11010519491231002X", "[ID]"),
        ("S1234567D", "[ID]"),
        ("send to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "send to [WALLET]"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "[WALLET]"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "[WALLET]"),
        ("https://x.example/a?user=1&token=abc!", "[URL]"),
        ("see https://ann:pw@x.example/ ok", "see [URL] ok"),
        ("https://x.example/cb#access_token=1", "[URL]"),
        ("join t.me/+AbCdEf now", "join [URL] now"),
        ("https://chat.whatsapp.com/AbC", "[URL]"),
        ("server 192.168.0.17:8080 is down", "server [IP]:8080 is down"),
        ("ping 10.0.0.1.", "ping [IP]."),
        ("fe80::1ff:fe23:4567:890a", "[IP]"),
        ("2001:0db8:0000:0000:0000:ff00:0042:8329", "[IP]"),
        ("a@b.example or 0151 23456789", "[EMAIL] or [PHONE]"),
        # as phones and writing programs put it
        ("it is 012\u2011345\u00a06789 – ok", "it is [PHONE] – ok"),
        ("012\u2013345\u202f6789", "[PHONE]"),
        ("０１２－３４５６７８９", "[PHONE]"),
        ("ann＠example.com", "[EMAIL]"),
        ("4111\u20111111\u20111111\u20111111", "[CARD]"),
        ("DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "[IBAN]"),
        # as people do
        ("6012-3456789", "[PHONE]"),
        ("no.0123456789,0198765432", "no.[PHONE],[PHONE]"),
        ("019-8765431/019-8765432", "[PHONE]/[PHONE]"),
        ("tel:0123456789", "tel:[PHONE]"),
        ("4111.1111.1111.1111", "[CARD]"),
        ("4111  1111  1111  1111", "[CARD]"),
        ("be68 5390 0754 7034 call me", "[IBAN] call me"),  # of no bank that the vendor knows
        # in several messages
        ("4111 1111\n1111 1111", "[CARD]"),
        ("4111\n1111\n1111\n1111\nok?", "[CARD]\nok?"),
        ("DE89 3704\n0044 0532 0130 00\nthanks a lot", "[IBAN]\nthanks a lot"),
        # as WhatsApp names whom it does not know, and links to them
        ("@60123456789 come", "@[PHONE] come"),
        ("wa.me/60123456789", "wa.me/[PHONE]"),
        (
            "https://api.whatsapp.com/send?phone=60123456789",
            "https://api.whatsapp.com/send?phone=[PHONE]",
        ),
    ],
)
def test_masked(text: str, masked: str) -> None:
    assert Masker().masked(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org/a?page=2",
        "on 05.12.2021 at 10:30",
        "2021-12-05 10:30:45",
        "1.000.000 people and 12,50 euros",
        "100000 steps in 24 h 5 min",
        "version 1.2.3",
        "half past 10:30:45",
        "room 12345, floor 3",
        "score 3:2, then 4::2!",
        "@ann look at this",
        "4111 1111 1111 1112",  # its check digit is wrong
        "999.1.1.1",
        "open 09.00-17.00, 09.00 - 17.30",
        "from 01.02.-05.02.2024",
        "2020\n2021\n2022\n2023\n2024",
        "1,0123456789",
        "Rp 1.500.000.000 or 1 500 000 000",  # would pass for the id of some country
        "1 000 000 000 euros",
    ],
)
def test_left_alone(text: str) -> None:
    assert Masker().masked(text) == text


def test_a_number_without_its_country_is_found_with_the_region() -> None:
    text = "call 6521 8000"
    assert Masker().masked(text) == text
    assert Masker(region="sg").masked(text) == "call [PHONE]"


def test_names() -> None:
    masker = Masker(names=["Ann van Lee", "安娜", "Jo"])
    assert masker.masked("Hi ANN, did Lee and 安娜 see Annette, the van and Jo?") == (
        "Hi [NAME], did [NAME] and 安娜 see Annette, the van and Jo?"
    )
    assert masker.masked("Ann van Lee") == "[NAME]"
    assert masker.counts == {Kind.NAME: 3}


def test_only_names() -> None:
    masker = Masker(names=["Ann"], enabled=False)
    assert masker.masked("Ann: ann@x.example +49 151 23456789") == (
        "[NAME]: [NAME]@x.example +49 151 23456789"
    )


def test_counts() -> None:
    masker = Masker()
    masker.masked("a@x.example b@x.example")
    masker.masked("c@x.example 10.0.0.1")
    assert masker.counts == {Kind.EMAIL: 3, Kind.IP: 1}


PERSONAL = [
    "+49 151 23456789", "0151 23456789", "(555) 123-4567", "9876543201", "4111 1111 1111 1111",
     "DE89 3704 0044 0532 0130 00", "536-90-4399", "54362315K", "X-1234567-L", "131052-308T",
     "RSSMRA85T10A562S", "AB 12 34 56 C", "AB123456C", "12345670-K", "30.686.957-4", "ABCPE1234F",
     "S1234567D", "11010519491231002X", "85.07.30-033.28", "529.982.247-25", "6521 8000",
     "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qar0srrr7xf", "192.168.0.17", "fe80::1ff",
     "1234567T", "131052+308T", "٠١٥١ ٢٣٤٥٦٧٨٩", "4111\n1111\n1111\n1111", "@60123456789",
     "6012-3456789", "４１１１－1111 1111 1111",
]  # fmt: skip


@given(
    st.lists(
        st.one_of(
            st.sampled_from(PERSONAL),
            st.sampled_from(list(" -./+()1A\n\u00a0\u3000")),
            st.text(max_size=4),
        ),
        max_size=8,
    ).map("".join)
)
def test_what_is_not_looked_for_is_not_there(text: str) -> None:
    """A finder that is spared, since the text lacks something, would find nothing."""
    thoroughly(text)


@pytest.mark.parametrize("text", PERSONAL)
def test_each_is_looked_for(text: str) -> None:
    thoroughly(text)
    thoroughly(f"it is {text}, I think")


def thoroughly(text: str) -> None:
    for region in (None, "SG"):
        masker, thorough = Masker(region=region), Masker(region=region)
        thorough.finders = [Finder(each.kind, each.find) for each in thorough.finders]
        assert masker.masked(text) == thorough.masked(text)
        assert masker.counts == thorough.counts


PIECES = st.sampled_from(
    ["a", " ", "1", "23", ".", "-", ":", "@", "/", "+", "(", ")", "x.co", "https://", "?key=", "é",
     "DE89", "0x", "::", "\n", "Ann", "[", "]"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join))
def test_outside_of_placeholders_a_text_is_as_it_was(text: str) -> None:
    """And what was masked once is not masked again."""
    masker = Masker(region="US", names=["Ann"])
    masked = masker.masked(text)
    rest = masked
    for kind in Kind:
        rest = rest.replace(kind.placeholder, "\0")
    at = 0
    for piece in rest.split("\0"):
        found = text.find(piece, at)
        assert found >= 0
        at = found + len(piece)
    assert sum(masker.counts.values()) >= (masked != text)


@pytest.mark.parametrize(
    "repeated",
    ["1 ", "a", "a.", "@", "1", "a@", "+1", "1:", "(0", "AB12 CD34 ", "https://", "::", "+1 ",
     "t.me/+", "0-", "A1", "x@a.", "https://a@", "4111\n", "@12345678", "\u2011", "1234567/",
     "wa.me/1"],
)  # fmt: skip
def test_no_square_of_the_length(repeated: str) -> None:
    """Ten times the text takes far less than a hundred times as long."""

    def taken(size: int) -> float:
        text = repeated * (size // len(repeated))
        times = []
        for _ in range(2):
            began = time.process_time()
            Masker(region="US", names=["Ann"]).masked(text)
            times.append(time.process_time() - began)
        return min(times)

    taken(100)  # what is loaded once
    assert taken(20_000) < 0.02 + 40 * taken(2_000)


def test_a_number_at_which_a_check_breaks_is_masked() -> None:
    """python-stdnum raises KeyError for a Chinese number of a place without a county; found by
    fuzzing.
    """
    assert Masker().masked("my number is 411111111111111111") == "my number is [ID]"
