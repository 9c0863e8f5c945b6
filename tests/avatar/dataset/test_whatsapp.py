"""WhatsApp's text: dates, languages, and what stands in place of pictures."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar.dataset.said import Drop
from tests.avatar.dataset.exported import export_of, fault, fixture, said, zipped


def times(tmp_path: Path, *lines: str) -> list[str]:
    messages = said(tmp_path, "\n".join(lines))
    return [datetime.fromtimestamp(m.at, UTC).strftime("%Y-%m-%d %H:%M:%S") for m in messages]


def test_android() -> None:
    messages = list(fixture("whatsapp_android.txt").messages())
    assert [(m.name, m.text, m.drop) for m in messages[1:]] == [
        ("Lena", "almost midnight", None),
        ("Omar", "five\nfour\nthree", None),
        ("Omar", "", Drop.MEDIA),
        ("Lena", "happy new year", None),
        ("Omar", "the sky", None),  # the caption of a picture
        ("Lena", "", Drop.DELETED),
        ("WhatsApp", 'Lena changed the subject to "2024: go"', Drop.SERVICE),
        ("Omar", "sleep well: you too", None),
    ]
    assert messages[0].drop is Drop.SERVICE
    assert datetime.fromtimestamp(messages[4].at, UTC) == datetime(2024, 1, 1, tzinfo=UTC)


def test_iphone() -> None:
    messages = list(fixture("whatsapp_ios.txt").messages())
    assert [(m.name, m.text, m.drop) for m in messages[1:]] == [
        ("Lena", "fast Mitternacht", None),
        ("Omar", "", Drop.MEDIA),
        ("+49 151 0000000", "wer ist da", None),
        ("Omar", "", Drop.MEDIA),
        ("Jo", "prosit", None),
        ("Lena", "", Drop.DELETED),
    ]
    assert messages[0].drop is Drop.SERVICE


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("31/12/20, 23:59 - A: x", "2020-12-31 23:59:00"),
        ("12/31/20, 11:59 PM - A: x", "2020-12-31 23:59:00"),
        ("12/31/20, 11:59\u202fPM - A: x", "2020-12-31 23:59:00"),
        ("12/31/20, 12:01\u00a0AM - A: x", "2020-12-31 00:01:00"),
        ("31/12/20 11:59 p. m. - A: x", "2020-12-31 23:59:00"),
        ("31/12/20, 11:59 p.\u00a0m. - A: x", "2020-12-31 23:59:00"),
        ("31/12/2020, 12:05 a.m. - A: x", "2020-12-31 00:05:00"),
        ("31.12.20, 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31-12-2020 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31. 12. 2020 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31.12.2020 kl. 23.59 - A: x", "2020-12-31 23:59:00"),
        ("31.12.2020 klo 23.59 - A: x", "2020-12-31 23:59:00"),
        ("31/12/2020 à 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31.12.20 г., 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31. 12. 2020. u 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31/12/2020 of 23:59 - A: x", "2020-12-31 23:59:00"),
        ("31/12/2020 thereabouts 23:59 - A: x", None),
        ("31/12/20, 11:59 PTG - A: x", "2020-12-31 23:59:00"),
        ("31/12/20, 8:05 PG - A: x", "2020-12-31 08:05:00"),
        ("31/12/20, 12:05 π.μ. - A: x", "2020-12-31 00:05:00"),
        ("31/12/20, 11:59 μ.μ. - A: x", "2020-12-31 23:59:00"),
        ("31/12/20, 11:59 م - A: x", "2020-12-31 23:59:00"),
        ("31/12/20, 12:05 ص - A: x", "2020-12-31 00:05:00"),
        ("31/12/20, 11:59 CH - A: x", "2020-12-31 23:59:00"),
        ("2020/12/31 晚上11:59 - A: x", "2020-12-31 23:59:00"),
        ("2020/12/31 凌晨12:05 - A: x", "2020-12-31 00:05:00"),
        ("2020-12-31, 23:59 - A: x", "2020-12-31 23:59:00"),
        ("2020/12/31, 23:59 - A: x", "2020-12-31 23:59:00"),
        ("2020/12/31, 下午11:59 - A: x", "2020-12-31 23:59:00"),
        ("2020. 12. 31. 오후 11:59 - A: x", "2020-12-31 23:59:00"),
        ("[31/12/20, 23:59:58] A: x", "2020-12-31 23:59:58"),
        ("[31.12.20, 23:59:58] A: x", "2020-12-31 23:59:58"),
        ("[12/31/20, 11:59:58 PM] A: x", "2020-12-31 23:59:58"),
        ("[12/31/20, 11:59:58\u202fPM] A: x", "2020-12-31 23:59:58"),
        ("[2020-12-31, 23:59:58] A: x", "2020-12-31 23:59:58"),
        ("\u200e[31/12/20, 23:59:58] A: x", "2020-12-31 23:59:58"),
        ("\ufeff\u200e\u202a[31/12/20, 23:59:58] A: x", "2020-12-31 23:59:58"),
        ("\u200f\u202a[31/12/20, 23:59:58] \u202cA: x", "2020-12-31 23:59:58"),
        ("31/12/20, 23.59 - A: x", "2020-12-31 23:59:00"),
        ("٣١/١٢/٢٠٢٠, ٢٣:٥٩ - A: x", "2020-12-31 23:59:00"),
        ("٣١\u200f/١٢\u200f/٢٠٢٠\u060c ١١:٥٩ م - A: x", "2020-12-31 23:59:00"),
        ("\u200f31\u200f/12\u200f/2020, 11:59 م - A: x", "2020-12-31 23:59:00"),
        ("[\u200f31\u200f/12\u200f/2020, 11:59:58 م] A: x", "2020-12-31 23:59:58"),
        ("29/2/2563 23:59 - A: x", "2020-02-29 23:59:00"),  # Thailand's years
        ("[31/12/2563 BE 23:59:58] A: x", "2020-12-31 23:59:58"),
    ],
)
def test_a_date(tmp_path: Path, line: str, time: str | None) -> None:
    if time is None:
        assert "format is not known" in fault(tmp_path, line)
    else:
        assert times(tmp_path, line) == [time]


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (["5/6/20", "13/6/20"], "2020-06-05"),  # a value above 12
        (["5/6/20", "6/13/20"], "2020-05-06"),
        (["1/2/20", "1/3/20", "2/1/20"], "2020-01-02"),  # else time runs backwards
        (["1/2/20", "2/2/20", "1/3/20"], "2020-02-01"),
        (["5/6/20"], "2020-06-05"),
    ],
)
def test_day_or_month_first(tmp_path: Path, dates: list[str], first: str) -> None:
    assert times(tmp_path, *(f"{date}, 10:00 - A: x" for date in dates))[0][:10] == first


def test_a_lone_american_date(tmp_path: Path) -> None:
    assert times(tmp_path, "5/6/20, 10:00 AM - A: x")[0][:10] == "2020-05-06"


def test_two_orders_in_one_file_are_refused(tmp_path: Path) -> None:
    content = "13/6/20, 10:00 - A: x\n6/14/20, 10:00 - B: y"
    assert "line 1 has day, month and year in another order than line 2" in fault(tmp_path, content)


def test_what_was_copied_from_another_phones_export_does_not_refuse_the_file(
    tmp_path: Path,
) -> None:
    lines = ["[31/12/20, 10:00:00] A: they wrote:", "12/30/20, 9:00 PM - X: hi"]
    assert times(tmp_path, *lines) == ["2020-12-31 10:00:00", "2020-12-30 21:00:00"]


@pytest.mark.parametrize("date", ["31/2/20", "0/5/20", "13/13/20", "1/1/1999"])
def test_a_wrong_date_is_refused_with_its_line(tmp_path: Path, date: str) -> None:
    content = f"1/1/20, 10:00 - A: x\nmore\n{date}, 10:00 - A: x"
    assert "line 3" in fault(tmp_path, content)


def test_a_wrong_time_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 1: 1/1/20, 25:00 is no date" in fault(tmp_path, "1/1/20, 25:00 - A: x")


@pytest.mark.parametrize(
    "text",
    [
        "<Media omitted>",
        "<Medien ausgeschlossen>",
        "<Multimedia omitido>",
        "<Médias omis>",
        "<Mídia oculta>",
        "<Без медиафайлов>",
        "<メディアは含まれていません>",
        "<미디어 파일을 제외한 내용>",
        "<תוכן המדיה לא נכלל>",
        "<تم استبعاد الوسائط>",
        "<Media weggelaten>",
        "<Media omessi>",
        "<Mediet utelämnat>",
        "<Medier er utelatt>",
        "<Udeladte medier>",
        "<Media jätettiin pois>",
        "<pominięto multimedia>",
        "<Médium vynecháno>",
        "<Médiafájl kihagyva>",
        "<Conținut media omis>",
        "<Medya dahil edilmedi>",
        "<Media tidak disertakan>",
        "<Media dikeluarkan>",
        "<Bỏ qua tệp phương tiện>",
        "<省略媒體>",
        "<忽略多媒体文件>",
        "<मीडिया छोड़ दिया गया>",
        "<মিডিয়া বাদ দেওয়া হয়েছে>",
        "<Медіа пропущено>",
        "<Εξαιρούνται τα πολυμέσα>",
        "<ไม่รวมสื่อ>",
        "<رسانه حذف شد>",
        "IMG-20200101-WA0000.jpg (file attached)",
        "\u200eIMG-20200101-WA0000.jpg (Datei angehängt)",
        "PTT-20200101-WA0000.opus (archivo adjunto)",
        "My report of 2020.pdf (file attached)",
        "Laporan akhir (2).docx (fail dilampirkan)",
        "POLL:\nLunch?\nOPTION: Pizza (1 vote)\nOPTION: Rice: fried (0 votes)",
        "UMFRAGE:\nEssen?\nOPTION: Pizza (1 Stimme)\nOPTION: Reis (0 Stimmen)",
        "\u200ePOLL:\nLunch?\n\u200eOPTION: A (\u200e1 vote)\n\u200eOPTION: B (\u200e2 votes)",
    ],
)
def test_media_in_any_language(tmp_path: Path, text: str) -> None:
    (message,) = said(tmp_path, f"31/12/20, 10:00 - A: {text}")
    assert (message.text, message.drop) == ("", Drop.MEDIA)


@pytest.mark.parametrize(
    ("text", "left", "drop"),
    [
        ("\u200eimage omitted", "", Drop.MEDIA),
        ("\u200eimmagine omessa", "", Drop.MEDIA),
        ("\u200eimagen omitida", "", Drop.MEDIA),
        ("\u200eVideo weggelassen", "", Drop.MEDIA),
        ("\u200eизображение отсутствует", "", Drop.MEDIA),
        ("\u200e画像は含まれていません", "", Drop.MEDIA),
        ("\u200eתמונה הושמטה", "", Drop.MEDIA),
        ("\u200e<attached: 00000001-PHOTO.jpg>", "", Drop.MEDIA),
        ("look at this \u200e<attached: 00000001-PHOTO.jpg>", "look at this", None),
        ("\u200evideo omitted\nthe caption", "the caption", None),
        ("\u200eYou deleted this message.", "", Drop.DELETED),
        ("\u200eMissed voice call. Tap to call back, if you want to, now.", "", Drop.SERVICE),
        ("look at this \u200eimage omitted", "look at this", None),
        ("look\nat this\n\u200eimagen omitida", "look\nat this", None),
        ("report.pdf • \u200e2 pages \u200edocument omitted", "", Drop.MEDIA),
        ("my report.pdf • \u200e2 pages \u200e<attached: 2-my report.pdf>", "", Drop.MEDIA),
        ("list.xlsx \u200edocument omitted", "", Drop.MEDIA),
        ("us \u200e<attached: 1-PHOTO.jpg> \u200e<This message was edited>", "us", None),
        ("hi \u200e@\u2068Ann\u2069, are you there?", "hi @Ann, are you there?", None),
        ("hello \u200e<This message was edited>", "hello", None),
        ("hello <This message was edited>", "hello", None),
        ("Missed voice call", "", Drop.SERVICE),
        ("location: https://maps.google.com/?q=1.5,-2.5", "", Drop.MEDIA),
        ("a <b> c", "a <b> c", None),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2", None),
    ],
)
def test_an_iphones_texts(tmp_path: Path, text: str, left: str, drop: Drop | None) -> None:
    (message,) = said(tmp_path, f"[31/12/20, 10:00:00] A: {text}")
    assert (message.text, message.drop) == (left, drop)


@pytest.mark.parametrize(
    ("text", "drop"),
    [
        ("This message was deleted by admin Ben", Drop.DELETED),
        ("Mesej ini telah dipadamkan", Drop.DELETED),
        ("Anda telah memadamkan mesej ini", Drop.DELETED),
        ("Pesan ini dihapus", Drop.DELETED),
        ("Ta wiadomość została usunięta", Drop.DELETED),
        ("Du raderade det här meddelandet", Drop.DELETED),
        ("Waiting for this message. This may take a while.", Drop.SERVICE),
        ("Panggilan suara tidak dijawab", Drop.SERVICE),
        ("look at main file.py (on the left)", None),
        ("TODO:\nbuy milk\nNOTE: call Ann (2 pm)", None),
        ("Waiting for this message all day", None),
        ("He deleted this message", None),
    ],
)
def test_what_android_writes_itself(tmp_path: Path, text: str, drop: Drop | None) -> None:
    (message,) = said(tmp_path, f"31/12/20, 10:00 - A: {text}")
    assert (message.drop, message.text) == (drop, "" if drop else text)


def test_marks_around_a_name_are_no_part_of_it(tmp_path: Path) -> None:
    lines = [
        "[31/12/20, 10:00:00] \u202a+60 12-345 6789\u202c: x",
        "[31/12/20, 10:00:01] \u200f\u2068Ann\u2069: x",
        "[31/12/20, 10:00:02] ~\u202fBen: x",
    ]
    names = [message.name for message in said(tmp_path, "\n".join(lines))]
    assert names == ["+60 12-345 6789", "Ann", "Ben"]


def test_windows_line_ends_and_odd_separators_stay_in_one_message(tmp_path: Path) -> None:
    content = "31/12/20, 10:00 - A: one\r\ntwo\u2028three\x0bfour\r\n31/12/20, 10:01 - B: x\r\n"
    messages = said(tmp_path, content)
    assert [m.text for m in messages] == ["one\ntwo\u2028threefour", "x"]


def test_utf_16(tmp_path: Path) -> None:
    content = "31/12/20, 10:00 - Zoë: ça va\nбез\n31/12/20, 10:01 - B: x".encode("utf-16")
    assert [m.text for m in said(tmp_path, content)] == ["ça va\nбез", "x"]


def test_mixed_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    content = "31/12/20, 10:00 - A: é\n".encode() + "31/12/20, 10:01 - A: é\n".encode("latin-1")
    assert "line 2: byte 22 is not UTF-8" in fault(tmp_path, content, "chat.txt")


def test_a_zip_gives_the_chat_its_name(tmp_path: Path) -> None:
    content = zipped({"_chat.txt": "[31/12/20, 10:00:00] A: x", "photo.jpg": b"\xff\xd8"})
    export = export_of(tmp_path, content, "WhatsApp Chat - Ann Lee.zip")
    assert [chat.title for chat in export.overview().chats] == ["Ann Lee"]


def test_half_a_line_at_the_end_is_read_as_it_is(tmp_path: Path) -> None:
    assert [m.text for m in said(tmp_path, "31/12/20, 10:00 - A: x\n31/12/20, 10:0")] == [
        "x\n31/12/20, 10:0"
    ]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=60))
def test_any_text_after_a_name_is_one_message(text: str) -> None:
    from avatar.dataset.readers.whatsapp import LINE

    match = LINE.match(f"31/12/20, 10:00 - A: {text}")
    assert match is not None
    assert match[11] == f"A: {text}"
