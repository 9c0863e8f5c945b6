"""Who screens texts: a host's moderation."""

from collections.abc import Sequence

from avatar.errors import ProviderUnavailable
from backends import remote
from backends.client import Client

MODEL = "omni-moderation-latest"
OTHER = "other"  # flagged, and the host does not say for what


class OpenAIModerator:
    """Fulfils `avatar.ports.Moderator`. The call is free at OpenAI, and may be repeated."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def flags(self, texts: Sequence[str]) -> tuple[frozenset[str], ...]:
        """What each text is flagged for, in their order."""
        async with self._client.using() as client:
            raw = await client.moderations.with_raw_response.create(model=MODEL, input=list(texts))
        results = remote.object_in(raw.text).get("results")
        if not isinstance(results, list) or len(results) != len(texts):
            raise ProviderUnavailable(detail="moderation did not answer for each text")
        return tuple(map(_flags, results))


def _flags(result: object) -> frozenset[str]:
    if not isinstance(result, dict) or result.get("flagged") is not True:
        return frozenset()
    categories = result.get("categories")
    named = (
        {name[:60] for name, holds in categories.items() if holds is True}
        if isinstance(categories, dict)
        else set()
    )
    return frozenset(named or {OTHER})
