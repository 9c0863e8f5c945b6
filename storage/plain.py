"""Records as plain data that JSON can hold, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from avatar.records import Address, Attachment, Author, Example, Incoming, RepliedTo, Role, Turn


def from_incoming(incoming: Incoming) -> dict[str, Any]:
    """An incoming message as plain data. Raises ValueError when its time has no zone."""
    if incoming.sent_at.utcoffset() is None:
        raise ValueError("a time without its zone cannot be stored")
    return {**asdict(incoming), "sent_at": incoming.sent_at.astimezone(UTC).isoformat()}


def to_incoming(plain: Mapping[str, Any]) -> Incoming:
    """The incoming message that `from_incoming` was given."""
    reply_to = plain["reply_to"]
    return Incoming(
        **{
            **plain,
            "address": Address(**plain["address"]),
            "author": Author(**plain["author"]),
            "sent_at": datetime.fromisoformat(plain["sent_at"]),
            "attachments": _attachments(plain["attachments"]),
            "reply_to": None if reply_to is None else _to_replied(reply_to),
        }
    )


def _to_replied(plain: Mapping[str, Any]) -> RepliedTo:
    author = plain["author"]
    return RepliedTo(
        **{
            **plain,
            "attachments": _attachments(plain["attachments"]),
            "author": None if author is None else Author(**author),
        }
    )


def _attachments(plain: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    return tuple(Attachment(**each) for each in plain)


def example_rows(examples: Sequence[Example], *, first: int, draft_id: int) -> list[dict[str, Any]]:
    """Rows of `training_examples` for a draft, `first` being the position of the first."""
    return [
        {
            "draft_id": draft_id,
            "position": position,
            "content": json.dumps(
                {
                    "turns": [[turn.role, turn.text] for turn in example.turns],
                    "weights": example.weights,
                }
            ),
            "tokens": example.tokens,
            "source": example.source,
        }
        for position, example in enumerate(examples, start=first)
    ]


def to_examples(rows: Sequence[tuple[str, int, str]]) -> tuple[Example, ...]:
    """Examples from their rows' content, tokens and source."""
    return tuple(_to_example(json.loads(content), *rest) for content, *rest in rows)


def _to_example(content: Mapping[str, Any], tokens: int, source: str) -> Example:
    return Example(
        turns=tuple(Turn(role=Role(role), text=text) for role, text in content["turns"]),
        weights=tuple(content["weights"]),
        tokens=tokens,
        source=source,
    )
