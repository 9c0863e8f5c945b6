"""Secrets that have to be remembered, such as the tokens of avatars' own bots: encrypted at rest.

AES-256-GCM, each with a nonce of its own and bound to what it belongs to, so that a row of the
database cannot be given the secret of another. The keys come from SECRET_KEY, or from a file that
is made beside the database when a key is first needed. Several keys: the first one seals, all open.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from avatar.errors import AvatarError

FILE = "secret.key"
_VERSION = b"\x01"
_NONCE = 12  # bytes
_MARK = 4  # bytes that tell by which key something was sealed


class KeyRefused(AvatarError):
    """{file} cannot be used as the key for secrets: {reason}"""


class Unsealable(AvatarError):
    """A stored secret cannot be read with the key of this installation. Check SECRET_KEY: the key
    that sealed it has to be among those given.
    """


class Sealer:
    """Seals and opens. Without keys the file in `folder` is read, or made, at first use; then
    KeyRefused is raised where that is not possible.
    """

    def __init__(self, keys: Sequence[str] = (), *, folder: Path | None = None) -> None:
        self._given = tuple(keys)
        self._folder = folder
        self._keys: list[bytes] = []

    def seal(self, secret: str, *, belongs_to: str) -> str:
        """The secret as it may be stored."""
        key, nonce = self._all()[0], secrets.token_bytes(_NONCE)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), belongs_to.encode())
        return base64.b64encode(_VERSION + _mark(key) + nonce + sealed).decode()

    def open(self, sealed: str, *, belongs_to: str) -> str:
        """Raises Unsealable for what none of the keys sealed, or was sealed for something else."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except ValueError as error:
            raise Unsealable(detail="it is no base64") from error
        head = len(_VERSION) + _MARK
        mark, nonce, rest = raw[1:head], raw[head : head + _NONCE], raw[head + _NONCE :]
        for key in self._all():
            if raw[:1] == _VERSION and hmac.compare_digest(mark, _mark(key)):
                try:
                    return AESGCM(key).decrypt(nonce, rest, belongs_to.encode()).decode()
                except (InvalidTag, ValueError) as error:
                    raise Unsealable(detail=f"the secret of {belongs_to}") from error
        raise Unsealable(detail=f"the secret of {belongs_to}: no such key")

    def is_newest(self, sealed: str) -> bool:
        """Whether the first key sealed it; if not, it is to be sealed anew."""
        mark = base64.b64decode(sealed)[1 : 1 + _MARK]
        return hmac.compare_digest(mark, _mark(self._all()[0]))

    def made(self, purpose: str) -> str:
        """A secret that follows from the first key: the same each time, and another for another
        purpose. 43 of A-Z a-z 0-9 _ and -.
        """
        raw = hmac.digest(self._all()[0], f"made: {purpose}".encode(), "sha256")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def _all(self) -> Sequence[bytes]:
        if not self._keys:
            given = self._given or (_from_file(self._folder),)
            self._keys = [_derived(each) for each in given]
        return self._keys


def _derived(key: str) -> bytes:
    """32 bytes of any length of key: long random ones are asked for, so no stretching is needed."""
    return hashlib.sha256(b"avatar-bot secrets 1\0" + key.encode()).digest()


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"mark\0" + key).digest()[:_MARK]


def _from_file(folder: Path | None) -> str:
    """The key in the folder's file; made when there is none, for its owner's eyes only."""
    path = (folder or Path("data")) / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written whole under another name and then linked: of two processes that start at once,
        # one makes the file and the other finds it complete.
        if not path.exists():
            draft = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise KeyRefused(
            file=path, reason="it cannot be read or made.", detail=str(error)
        ) from error
    if len(key) < 16:
        raise KeyRefused(file=path, reason="it is too short. Restore it from a backup.")
    return key
