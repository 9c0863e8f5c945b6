"""The `openai` package's errors as ours. One table decides; the log gets the detail."""

import re
from typing import Any

from avatar.errors import (
    ContextTooLong,
    ModelGone,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RemoteNotFound,
    RequestRefused,
    TrainingClosed,
    WrongKey,
)

MAX_REASON = 300  # characters of a provider's message that people see
_SECRETS = re.compile(r"\b(sk|key|Bearer)[-_ ][\w*.\-]{6,}", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"maximum context length|context (length|size|window)|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_STILL_PROCESSING = re.compile(r"still being processed|not ready", re.IGNORECASE)


def translated(error: Exception, *, model: str = "") -> ProviderError:
    """Our error for one of the package's (or of its HTTP library's)."""
    import openai

    detail = f"{type(error).__name__}: {clean(str(error))}"
    if isinstance(error, openai.APIStatusError):
        return from_status(
            error.status_code,
            code=_text(error.code),
            type_=_text(error.type),
            message=_message(error),
            model=model,
            detail=detail,
        )
    if isinstance(error, openai.APIConnectionError):  # timeouts are of this kind too
        return ProviderUnavailable(detail=detail)
    if isinstance(error, openai.APIError):
        return from_code(code=_text(error.code), message=error.message, model=model, detail=detail)
    return ProviderUnavailable(detail=detail)


def from_status(
    status: int, *, code: str, type_: str, message: str, model: str, detail: str
) -> ProviderError:
    """Our error for an HTTP status and OpenAI's error object."""
    known = _by_code(code or type_, message, model, detail)
    if known is not None:
        return known
    match status:
        case 401:
            return WrongKey(detail=detail)
        case 404 if "model" in message.lower():
            return ModelGone(model=model, detail=detail)
        case 404:
            return RemoteNotFound(detail=detail)
        case 408 | 409 | 500 | 502 | 504:
            return ProviderUnavailable(detail=detail)
        case 429 | 503 | 529:
            return Overloaded(detail=detail)
        case _ if status >= 500:
            return ProviderUnavailable(detail=detail)
        case _:
            return RequestRefused(reason=shown(message), detail=detail)


def from_code(*, code: str, message: str, model: str, detail: str) -> ProviderError:
    """Our error for OpenAI's error object where there is no status: inside of a stream."""
    known = _by_code(code, message, model, detail)
    return known or ProviderUnavailable(detail=detail)


def _by_code(code: str, message: str, model: str, detail: str) -> ProviderError | None:
    if code == "training_not_available":
        return TrainingClosed(detail=detail)
    if code == "model_not_found":
        return ModelGone(model=model, detail=detail)
    if code in _QUOTA:
        return QuotaExceeded(detail=detail)
    if code == "invalid_api_key":
        return WrongKey(detail=detail)
    if code == "context_length_exceeded" or _TOO_LONG.search(message):
        return ContextTooLong(detail=detail)
    if code in {"rate_limit_exceeded", "overloaded_error", "server_overloaded"}:
        return Overloaded(detail=detail)
    return None


def still_processing(error: Exception) -> bool:
    """Whether a file that was just uploaded is not ready: a refusal that is worth repeating."""
    import openai

    return isinstance(error, openai.BadRequestError) and bool(_STILL_PROCESSING.search(str(error)))


def clean(text: str) -> str:
    """Without anything that looks like a key."""
    return _SECRETS.sub("…", text)


def shown(message: str) -> str:
    """A provider's sentence as people may read it."""
    line = " ".join(clean(message).split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _message(error: Any) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return str(error.message)
