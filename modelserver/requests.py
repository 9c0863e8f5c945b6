"""Checking what callers send, with OpenAI's answers to what is wrong. Pure."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelserver.engine import Said, Wish
from modelserver.errors import bad_request
from modelserver.jobs import new_id
from modelserver.shelf import Record

_ROLES = {"system", "developer", "user", "assistant"}
MAX_STOPS = 4


def conversation(body: Mapping[str, Any]) -> list[Said]:
    """The messages of a chat request."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_request("'messages' must be a list with at least one message.", "messages")
    return [_said(message, place) for place, message in enumerate(messages)]


def _said(message: Any, place: int) -> Said:
    param = f"messages.[{place}]"
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str) or role not in _ROLES:
        raise bad_request(
            f"'{param}.role' must be system, developer, user or assistant.", f"{param}.role"
        )
    content = message.get("content")
    if isinstance(content, list):  # parts: texts are joined
        _see_no_pictures(content, f"{param}.content")
        texts = [p.get("text") for p in content if isinstance(p, dict) and p.get("type") == "text"]
        content = "".join(text for text in texts if isinstance(text, str))
    if content is None and role == "assistant":
        content = ""
    if not isinstance(content, str):
        raise bad_request(f"'{param}.content' must be text.", f"{param}.content")
    return Said("system" if role == "developer" else role, content)


def _see_no_pictures(parts: Sequence[Any], param: str) -> None:
    """Pictures are what the API takes, and what no engine here sees: that is said, instead of an
    answer that only seems to have looked. Raises ApiError.
    """
    for place, part in enumerate(parts):
        if not isinstance(part, dict) or part.get("type") != "image_url":
            continue
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else None
        here = f"{param}.[{place}].image_url"
        if not isinstance(url, str) or not url.startswith(("data:image/", "https://", "http://")):
            raise bad_request(f"'{here}.url' must be the address of a picture.", here)
        raise bad_request(
            "The models of this server do not see pictures. Send text only.",
            here,
            "image_input_not_supported",
        )


def wish(body: Mapping[str, Any]) -> tuple[Wish, tuple[str, ...]]:
    """How a reply is to be made, and the texts where it stops."""
    if body.get("n") not in (None, 1):
        raise bad_request("Only n=1 is offered here.", "n")
    longest: int | None = None
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise bad_request(f"'{name}' must be a whole number from 1 on.", name)
        longest = value if longest is None else min(longest, value)
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if (
        not isinstance(stops, list)
        or len(stops) > MAX_STOPS
        or not all(isinstance(s, str) and s for s in stops)
    ):
        raise bad_request(f"'stop' must be up to {MAX_STOPS} texts.", "stop")
    made = Wish(
        longest=longest,
        temperature=_within(body, "temperature", 2),
        top_p=_within(body, "top_p", 1),
        seed=_seed(body),
    )
    return made, tuple(stops)


def _within(body: Mapping[str, Any], name: str, highest: int) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= highest:
        raise bad_request(f"'{name}' must be a number from 0 to {highest}.", name)
    return float(value)


def _seed(body: Mapping[str, Any]) -> int | None:
    seed = body.get("seed")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise bad_request("'seed' must be a whole number.", "seed")
    return seed


def new_job(body: Mapping[str, Any], methods: Sequence[str]) -> Record:
    """A job as it is created; model and file are checked by the caller."""
    model, file_id = body.get("model"), body.get("training_file")
    if not isinstance(model, str) or not model:
        raise bad_request("You must provide a model.", "model")
    if not isinstance(file_id, str) or not file_id:
        raise bad_request("You must provide a training file.", "training_file")
    validation = body.get("validation_file")
    if validation is not None and not isinstance(validation, str):
        raise bad_request("'validation_file' must be the id of a file.", "validation_file")
    seed = _seed(body)
    method, chosen = _method(body, methods)
    return {
        "id": new_id("ftjob"),
        "object": "fine_tuning.job",
        "created_at": int(time.time()),
        "model": model,
        "organization_id": "local",
        "status": "validating_files",
        "training_file": file_id,
        "validation_file": validation,
        "hyperparameters": chosen,
        "method": {"type": method, method: {"hyperparameters": chosen}},
        "metadata": _metadata(body.get("metadata")),
        "seed": 0 if seed is None else seed,
        "user_provided_suffix": _suffix(body.get("suffix")),
        "fine_tuned_model": None,
        "trained_tokens": None,
        "estimated_finish": None,
        "finished_at": None,
        "result_files": [],
        "error": None,
    }


def _suffix(suffix: Any) -> str | None:
    if suffix is None:
        return None
    if not isinstance(suffix, str) or not 1 <= len(suffix) <= 64:
        raise bad_request("'suffix' must have 1 to 64 characters.", "suffix")
    return suffix


def _metadata(metadata: Any) -> dict[str, str]:
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise bad_request("'metadata' must be an object with up to 16 keys.", "metadata")
    for key, value in metadata.items():
        if len(key) > 64 or not isinstance(value, str) or len(value) > 512:
            raise bad_request(
                "Keys of 'metadata' have up to 64 characters, values are texts of up to 512.",
                "metadata",
            )
    return metadata


def _method(body: Mapping[str, Any], methods: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The method of a job and its hyperparameters."""
    method = body.get("method")
    given = body.get("hyperparameters")
    name = "supervised"
    if method is not None:
        named = method.get("type", name) if isinstance(method, dict) else None
        if named not in methods:
            known = " or ".join(methods)
            raise bad_request(f"This server trains with the method {known} only.", "method")
        name, own = str(named), method.get(named)
        given = own.get("hyperparameters") if isinstance(own, dict) else None
    if given is not None and not isinstance(given, dict):
        raise bad_request("'hyperparameters' must be an object.", "hyperparameters")
    given = given or {}
    chosen: dict[str, Any] = {
        "n_epochs": _whole(given, "n_epochs", 50),
        "batch_size": _whole(given, "batch_size", 256),
        "learning_rate_multiplier": _positive(given, "learning_rate_multiplier"),
    }
    if name == "dpo":
        chosen["beta"] = _positive(given, "beta")
    return name, chosen


def _whole(given: Mapping[str, Any], name: str, highest: int) -> int | str:
    value = given.get(name, "auto")
    if value == "auto":
        return "auto"
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
        raise bad_request(f"'{name}' must be 'auto' or from 1 to {highest}.", name)
    return value


def _positive(given: Mapping[str, Any], name: str) -> float | str:
    value = given.get(name, "auto")
    if value == "auto":
        return "auto"
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e6:
        raise bad_request(f"'{name}' must be 'auto' or above 0.", name)
    return float(value)


def page(query: Mapping[str, str], *, usual: int, highest: int) -> tuple[str | None, int]:
    """`after` and `limit` of a list."""
    try:
        limit = int(query.get("limit", usual))
    except ValueError:
        raise bad_request("'limit' must be a whole number.", "limit") from None
    if limit < 1:
        raise bad_request("'limit' must be 1 or more.", "limit")
    return query.get("after"), min(limit, highest)


def metadata_filter(query: Mapping[str, str]) -> Callable[[Record], bool]:
    """Which jobs are wanted: those with every `metadata[key]=value`; with `metadata=null`, those
    without metadata.
    """
    if query.get("metadata") == "null":
        return lambda job: not job["metadata"]
    wanted = {
        name[len("metadata[") : -1]: value
        for name, value in query.items()
        if name.startswith("metadata[") and name.endswith("]")
    }
    return lambda job: wanted.items() <= job["metadata"].items()
