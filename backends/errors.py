"""What hosts report as errors, as ours. One table decides; the log gets the detail.

Sources: OpenAI's error codes; the wordings of vLLM, llama.cpp, Ollama and others for the same.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from avatar.certificates import refused_certificate, said_of
from avatar.errors import (
    CertificateRefused,
    ContextTooLong,
    ModelGone,
    NotOffered,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RemoteNotFound,
    RequestRefused,
    TrainingClosed,
    WrongKey,
)
from avatar.language import tr

MAX_REASON = 300  # characters of a host's message that people see
MAX_DETAIL = 2_000  # characters of it that the log gets
_SECRETS = re.compile(
    r"\bsk-[\w*.\-]+|\bBearer\s+\S+|(?<=://)[^/\s@]+@|\bapi[-_]?key\s*[=:]\s*\S+", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """What a host says went wrong."""

    status: int | None  # of HTTP; None: inside of a stream that names none
    codes: frozenset[str]  # OpenAI's `code` and `type`, in small letters
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rule:
    """Holds where everything that it names holds."""

    error: type[ProviderError]
    statuses: Iterable[int | None] | None = None
    codes: frozenset[str] | None = None
    words: re.Pattern[str] | None = None  # of the message

    def holds(self, reported: Reported) -> bool:
        return (
            (self.statuses is None or reported.status in self.statuses)
            and (self.codes is None or not self.codes.isdisjoint(reported.codes))
            and (self.words is None or self.words.search(reported.message) is not None)
        )


_QUOTA = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "exceeded_current_quota_error",
}
_LONG = {"context_length_exceeded", "exceed_context_size_error"}
_BUSY = {"rate_limit_exceeded", "overloaded_error", "server_overloaded"}
_REFUSED = {"invalid_request_error", "badrequesterror", "content_filter"}
_TOO_LONG = re.compile(
    r"maximum context length|context (length|size|window)|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_NO_ADDRESS = re.compile(r"^invalid url", re.IGNORECASE)
_A_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)

# The first that holds decides; where none does, the host is unavailable.
_RULES = (
    _Rule(error=TrainingClosed, codes=frozenset({"training_not_available"})),
    _Rule(error=ModelGone, codes=frozenset({"model_not_found"})),
    _Rule(error=QuotaExceeded, codes=frozenset(_QUOTA)),
    _Rule(error=QuotaExceeded, statuses={402}),
    _Rule(error=WrongKey, codes=frozenset({"invalid_api_key"})),
    _Rule(error=WrongKey, statuses={401}),
    _Rule(error=ContextTooLong, codes=frozenset(_LONG)),
    _Rule(error=ContextTooLong, statuses={None, 400, 413, 422}, words=_TOO_LONG),
    _Rule(error=Overloaded, codes=frozenset(_BUSY)),
    _Rule(error=Overloaded, statuses={429, 503, 529}),
    _Rule(error=NotOffered, statuses={405, 501}),
    _Rule(error=RemoteNotFound, statuses={404}, words=_NO_ADDRESS),
    _Rule(error=ModelGone, statuses={404}, words=_A_MODEL),
    _Rule(error=RemoteNotFound, statuses={404}),
    _Rule(error=ProviderUnavailable, statuses={408}),
    _Rule(error=RequestRefused, statuses=range(400, 500)),
    _Rule(error=RequestRefused, statuses={None}, codes=frozenset(_REFUSED)),
)


def decided(reported: Reported, *, model: str = "", secret: str = "") -> ProviderError:
    """Our error. `model` is the one that was asked for; with none, no model can be gone."""
    codes = ",".join(sorted(reported.codes))
    detail = clean(f"{reported.status} {codes}: {reported.message[:MAX_DETAIL]}", secret=secret)
    for rule in _RULES:
        if rule.holds(reported) and (model or rule.error is not ModelGone):
            reason = shown(reported.message, secret=secret)
            return rule.error(detail=detail, model=model, reason=reason, what=tr("this call."))
    return ProviderUnavailable(detail=detail)


def reported_in(body: object, *, status: int | None) -> Reported:
    """The error in a body that was parsed as JSON (text where it was none).

    Knows OpenAI's `{"error": {message, type, code}}`, the same without `error` (vLLM), with a text
    in it (Ollama), and `{"detail": …}` (FastAPI). A number as `code` inside of a stream is the
    status that could no longer be sent.
    """
    inner = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(inner, dict):
        return Reported(status=status, codes=frozenset(), message=_as_text(inner))
    code, kind = inner.get("code"), inner.get("type")
    if status is None and isinstance(code, int) and 400 <= code < 600:
        status = code
    message = inner.get("message") or inner.get("detail")
    return Reported(
        status=status,
        codes=frozenset(name.lower() for name in (code, kind) if isinstance(name, str) and name),
        message=_as_text(message or inner),
    )


def translated(
    error: Exception, *, model: str = "", secret: str = "", host: str = ""
) -> ProviderError | None:
    """Our error for one of the `openai` package's or of its HTTP libraries'; None: it is neither.
    `host` is the one that was asked.
    """
    import aiohttp
    import httpx2
    import openai

    if isinstance(error, ProviderError):
        return error
    if isinstance(error, openai.APIStatusError):
        reported = reported_in(error.body, status=error.status_code)
        return decided(reported, model=model, secret=secret)
    http = httpx2.HTTPError | httpx2.InvalidURL | aiohttp.ClientError | TimeoutError
    if isinstance(error, openai.OpenAIError | http):
        if (reason := refused_certificate(error)) is not None:  # it comes as a timeout
            return CertificateRefused(reason=reason, detail=said_of(host, reason))
        cause = "" if error.__cause__ is None else f" ({type(error.__cause__).__name__})"
        said = f"{type(error).__name__}: {str(error)[:MAX_DETAIL]}{cause}"
        return ProviderUnavailable(detail=clean(said, secret=secret))
    return None


def clean(text: str, *, secret: str = "") -> str:
    """Without `secret`, without anything that looks like a key, and fit to be stored and sent."""
    text = text.encode(errors="replace").decode()
    if secret:
        text = text.replace(secret, "…")
    return _SECRETS.sub("…", text)


def shown(message: str, *, secret: str = "") -> str:
    """A host's sentence as people may read it."""
    line = " ".join(clean(message, secret=secret).split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
