"""Web addresses in messages."""

import re

LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"]{1,2000}", re.IGNORECASE)


def only_links(text: str) -> bool:
    """Whether a text is one address or several, and nothing else."""
    if not text[:8].lower().startswith(("http://", "https://", "www.")):
        return False
    return not LINK.sub("", text).strip(" \n\t,;")
