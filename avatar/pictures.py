"""Pictures as data: URLs, which models, platforms and exports take."""

import base64
import hashlib

from avatar.errors import BadText
from avatar.language import tr

LARGEST_FACE = 2_000_000  # bytes of the picture of an avatar
_MARK = 16  # characters by which one picture is told from another
# How files begin that are shown everywhere.
_KINDS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def data_url(content: bytes) -> str:
    """A picture as a data: URL. Raises BadText for what is none."""
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "image/webp"
    if kind is None:
        raise BadText(
            reason=tr(
                "That is no picture that I can look at. Please send a JPEG, PNG, GIF or WebP."
            )
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def content_of_url(url: str) -> bytes:
    """What `data_url` made a URL of. Raises BadText for any other."""
    try:
        content = base64.b64decode(url.partition(",")[2], validate=True)
    except ValueError as error:
        raise BadText(reason=tr("That is no picture.")) from error
    if data_url(content) != url:
        raise BadText(reason=tr("That is no picture."))
    return content


def mark_of(content: bytes) -> str:
    """What tells one picture from another."""
    return hashlib.sha256(content).hexdigest()[:_MARK]
