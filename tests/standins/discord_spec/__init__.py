"""Discord's own description of its API (OpenAPI), as a check of every body that the bot sends.

The description is data that `make discord-spec` fetches and turns into JSON Schemas, where there
is Node.js; without it, the stand-in's own rules (`discord_rules`) are the only ones.
"""

import functools
import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SCHEMAS = Path(__file__).parents[3] / ".discord-spec" / "schemas.json"

# By method and path: the type that the description has for the body. For a callback it depends on
# the body's own type.
_BODIES = [
    ("PUT", r"/applications/\d+/commands", "ApplicationCommandUpdateRequest"),
    ("POST", r"/users/@me/channels", "CreatePrivateChannelRequest"),
    ("POST", r"/channels/\d+/messages", "MessageCreateRequest"),
    ("PATCH", r"/channels/\d+/messages/\d+", "MessageEditRequestPartial"),
    ("POST", r"/channels/\d+/threads", "CreateTextThreadWithoutMessageRequest"),
    ("POST", r"/webhooks/\d+/[^/]+", "IncomingWebhookRequestPartial"),
    ("PATCH", r"/webhooks/\d+/[^/]+/messages/.*", "IncomingWebhookUpdateRequestPartial"),
]
_CALLBACK = ("POST", r"/interactions/\d+/[^/]+/callback")
_CALLBACKS = {
    4: "CreateMessageInteractionCallbackRequest",
    5: "CreateMessageInteractionCallbackRequest",
    6: "UpdateMessageInteractionCallbackRequest",
    7: "UpdateMessageInteractionCallbackRequest",
    8: "ApplicationCommandAutocompleteCallbackRequest",
    9: "ModalInteractionCallbackRequest",
}


def available() -> bool:
    """Whether the description was fetched."""
    return SCHEMAS.exists()


def unknown() -> set[str]:
    """Types of this module that the description does not have."""
    return {*(name for *_, name in _BODIES), *_CALLBACKS.values()} - set(_schemas())


def fault(method: str, path: str, body: Any) -> str | None:
    """What the description has against a body; None: nothing, or there is no description here."""
    name = _type_of(method, path, body)
    if name is None or not available():
        return None
    bodies = body if isinstance(body, list) else [body]
    for each in bodies:
        error = best_match(_validator(name).iter_errors(each))
        if error is not None:
            return f"{name}: {error.json_path}: {error.message[:300]}"
    return None


def _type_of(method: str, path: str, body: Any) -> str | None:
    if method == _CALLBACK[0] and re.fullmatch(_CALLBACK[1], path):
        return _CALLBACKS[body["type"]]
    for wanted, pattern, name in _BODIES:
        if method == wanted and re.fullmatch(pattern, path):
            return name
    return None


@functools.cache
def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMAS.read_text())
    return found


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_schemas()[name])
