"""Archives from strangers, and files in no format."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.avatar.dataset.exported import FIXTURES, export_of, fault, telegram, zipped

CHAT = "31/12/20, 10:00 - A: x\n"


@pytest.mark.parametrize(
    "name",
    ["c:chat.txt", "../chat.txt", "/etc/chat.txt", "a/../../b.txt", "C:\\chat.txt", "..\\x.txt"],
)
def test_a_path_outside(tmp_path: Path, name: str) -> None:
    assert "a path that leads outside of it" in fault(tmp_path, zipped({name: CHAT}))


def test_a_chat_with_a_colon_in_its_name(tmp_path: Path) -> None:
    content = zipped({"WhatsApp Chat with Bali: the plan.txt": CHAT})
    (chat,) = export_of(tmp_path, content).overview().chats
    assert chat.title == "Bali: the plan"


def test_a_bomb(tmp_path: Path) -> None:
    content = zipped({"chat.txt": CHAT + " " * 10_000_000})
    assert "more than 100 times its size" in fault(tmp_path, content)


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    """What unpacks to more than its table of contents says is broken, not read on."""
    content = zipped({"chat.txt": CHAT + " " * 10_000_000})
    real = struct.pack("<L", len(CHAT) + 10_000_000)
    lie = struct.pack("<L", 50)
    assert content.count(real) == 2
    assert "is broken inside its archive" in fault(tmp_path, content.replace(real, lie))


@pytest.mark.parametrize("inner", ["more.zip", "old.tar.gz", "x.7z"])
def test_an_archive_inside(tmp_path: Path, inner: str) -> None:
    content = zipped({"chat.txt": CHAT, inner: zipped({"chat.txt": CHAT})})
    assert f"holds another archive: {inner}" in fault(tmp_path, content)


def test_a_document_that_is_a_zip_is_only_an_attachment(tmp_path: Path) -> None:
    content = zipped({"_chat.txt": CHAT, "plan.docx": zipped({"word/document.xml": "<x/>"})})
    assert export_of(tmp_path, content).overview().messages == 1


def test_two_formats(tmp_path: Path) -> None:
    content = zipped({"chat.txt": CHAT, "result.json": telegram({})})
    sentence = fault(tmp_path, content)
    assert "more than one format: WhatsApp (chat.txt); Telegram (result.json)" in sentence


def test_the_same_name_twice(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("chat.txt", CHAT)
        archive.writestr("chat.txt", CHAT)
    assert "has chat.txt twice" in fault(tmp_path, file.getvalue())


def test_a_cut_archive(tmp_path: Path) -> None:
    content = zipped({"chat.txt": CHAT * 100})
    assert "the archive is broken" in fault(tmp_path, content[:-30])


def test_a_damaged_member(tmp_path: Path) -> None:
    content = bytearray(
        zipped({"chat.txt": "".join(f"31/12/20, 10:00 - A: {n}\n" for n in range(99))})
    )
    content[60] ^= 0xFF
    assert "chat.txt is broken inside its archive" in fault(tmp_path, bytes(content))


def test_a_password(tmp_path: Path) -> None:
    content = bytearray(zipped({"chat.txt": CHAT}))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    assert "protected by a password" in fault(tmp_path, bytes(content))


def test_no_text(tmp_path: Path) -> None:
    assert "holds no text" in fault(tmp_path, zipped({"photo.jpg": b"\xff\xd8"}))


def test_no_known_text(tmp_path: Path) -> None:
    assert "nothing in the archive" in fault(tmp_path, zipped({"readme.txt": "Hello."}))


def test_what_a_mac_adds_is_not_looked_at(tmp_path: Path) -> None:
    content = zipped({"chat.txt": CHAT, "__MACOSX/._chat.txt": b"\x00\x05", "._x.json": b"\x00"})
    assert export_of(tmp_path, content).overview().ignored == ()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"Dear all,\n\nhello.", "its format is not known"),
        (b"%PDF-1.7", "it looks like a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "it looks like a PNG image"),
        (b"{}", "it is JSON in none of the forms that I know"),
        (b"[1, 2]", "it is JSON in none of the forms that I know"),
        ((FIXTURES / "openai.jsonl").read_bytes(), "it holds OpenAI JSONL, not chats"),
    ],
)
def test_no_chat(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in fault(tmp_path, content)


def test_the_table_of_contents_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipped({f"{n}.txt": CHAT for n in range(30)})
    opened = []
    real = zipfile.ZipFile.__init__

    def counted(self: zipfile.ZipFile, *arguments: Any, **more: Any) -> None:
        opened.append(self)
        real(self, *arguments, **more)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", counted)
    export = export_of(tmp_path, content)
    assert export.overview().messages == sum(1 for _ in export.messages()) == 30
    assert len(opened) == 1


def test_a_file_without_a_name(tmp_path: Path) -> None:
    """Found by fuzzing: Python's own zipfile raises IndexError for it."""
    content = zipped({"x": "1/1/24, 10:00 - A: hi"})
    name_at = content.rindex(b"PK\x01\x02") + 46
    central = bytearray(content)
    central[name_at : name_at + 1] = b"\0"  # a name ends at a zero
    assert "without a name" in fault(tmp_path, bytes(central))
