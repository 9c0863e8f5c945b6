"""Codes that open something for whoever has them: made here, kept only as hashes."""

import hashlib
import secrets

# Without letters and digits that are taken for one another when they are read aloud.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHORT = 8  # of 30 letters: 6.5e11 codes, tried a few times an hour
INVITATION = "i_"  # slugs have no underscore, so a code is never one


def invitation_code() -> str:
    """For a deep link: 24 characters of those that Telegram lets stand in one, 131 bits."""
    return INVITATION + secrets.token_urlsafe(18)[:22]


def link_code() -> str:
    """To be typed by hand: `K7QM-2XWP`."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_SHORT))
    return f"{letters[:4]}-{letters[4:]}"


def hashed(code: str) -> str:
    """What is kept of a code: 64 characters. A link code counts as typed in any case, with or
    without its hyphen.
    """
    if not code.startswith(INVITATION):
        code = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(code.encode()).hexdigest()
