"""Files of exports for tests, and the shortest way through the readers."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from avatar.dataset.export import Export
from avatar.dataset.formats import open_export
from avatar.dataset.said import Said
from avatar.errors import BadDataset

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "exports"


def fixture(name: str) -> Export:
    return open_export(FIXTURES / name, name)


def export_of(tmp_path: Path, content: bytes | str, name: str = "export") -> Export:
    path = tmp_path / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_export(path, name)


def said(tmp_path: Path, content: bytes | str, name: str = "export") -> list[Said]:
    return list(export_of(tmp_path, content, name).messages())


def fault(tmp_path: Path, content: bytes | str, name: str = "export") -> str:
    """The sentence with which a file is refused, by recognising it or by reading it."""
    with pytest.raises(BadDataset) as caught:
        export_of(tmp_path, content, name).overview()
    return caught.value.sentence


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def telegram(*messages: Mapping[str, Any], **chat: Any) -> str:
    """A chat of Telegram Desktop; messages get what they need."""
    whole = [
        {
            "id": number,
            "type": "message",
            "date_unixtime": str(1_700_000_000 + 60 * number),
            "from": "Ann",
            "from_id": "user1",
            "text": "hi",
            **message,
        }
        for number, message in enumerate(messages)
    ]
    return json.dumps({"name": "Ann", "type": "personal_chat", "id": 1, "messages": whole} | chat)
