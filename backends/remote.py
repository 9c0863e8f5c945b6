"""What hosts tell about jobs and events, read from their JSON.

Fields that OpenAI always gives may be missing or of another type at other hosts; only an id is
needed. Everything here raises ProviderUnavailable, and only where an answer cannot be understood.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from avatar.errors import ProviderUnavailable
from avatar.records import JobEvent, RemoteJob, RemoteModel
from backends.errors import shown

MAX_TOKENS = 2**53  # a number above that is nonsense
YEAR_3000 = 32_503_680_000  # seconds since 1970

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list."""

    entries: tuple[Json, ...]  # those with an id
    last_id: str | None  # where the next page begins; None: this was the last

    @staticmethod
    def read(text: str) -> "Page":
        """A page from an answer. A host that does not say whether there is more may have more."""
        answer = object_in(text)
        data = answer.get("data")
        if not isinstance(data, list):
            raise _not_understood("a list", text)
        entries = tuple(entry for entry in data if isinstance(entry, dict) and _id(entry))
        more = bool(entries) and answer.get("has_more") is not False
        return Page(entries=entries, last_id=_id(entries[-1]) if more else None)


def object_in(text: str) -> Json:
    """The JSON object that an answer is."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise _not_understood("an object", text)
    return answer


def id_in(answer: Json) -> str:
    """The id of what an answer is about."""
    if not (found := _id(answer)):
        raise _not_understood("an id", str(answer))
    return found


def job_in(answer: Json) -> RemoteJob:
    """A fine-tuning job."""
    error = _object(answer.get("error"))
    return RemoteJob(
        id=id_in(answer),
        status=text_in(answer.get("status")),
        model=text_in(answer.get("model")),
        fine_tuned_model=text_in(answer.get("fine_tuned_model")) or None,
        trained_tokens=count_in(answer.get("trained_tokens")),
        estimated_finish=_time(answer.get("estimated_finish")),
        finished_at=_time(answer.get("finished_at")),
        error_code=text_in(error.get("code")) or None,
        error_message=shown(text_in(error.get("message"))) or None,
        epochs=next(_epochs(answer), None),
        metadata={
            name: value
            for name, value in _object(answer.get("metadata")).items()
            if isinstance(value, str)
        },
    )


def model_in(answer: Json) -> RemoteModel:
    """A model of the list."""
    ends = None
    with contextlib.suppress(ValueError):
        ends = date.fromisoformat(text_in(answer.get("shutdown_date")))
    return RemoteModel(id=id_in(answer), ends_on=ends, created_at=_time(answer.get("created")))


def event_in(answer: Json) -> JobEvent:
    """Something that was said about a job."""
    return JobEvent(
        remote_id=id_in(answer),
        created_at=_time(answer.get("created_at")) or datetime.fromtimestamp(0, UTC),
        level=text_in(answer.get("level")) or "info",
        message=shown(text_in(answer.get("message"))),
        data=_object(answer.get("data")),
    )


def _epochs(answer: Json) -> Iterator[int]:
    """What "auto" became, from the newer place and from the older one."""
    method = _object(answer.get("method"))
    own = _object(method.get(text_in(method.get("type")) or "supervised"))
    for place in (own, answer):
        epochs = count_in(_object(place.get("hyperparameters")).get("n_epochs"))
        if epochs:
            yield epochs


def _not_understood(wanted: str, text: str) -> ProviderUnavailable:
    return ProviderUnavailable(detail=f"an answer without {wanted}: {shown(text)}")


def _id(answer: Json) -> str:
    return text_in(answer.get("id"))


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def text_in(value: object) -> str:
    """A text that can be stored: half of a character (a lone surrogate) is replaced."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def count_in(value: object) -> int | None:
    """A number of tokens, steps or epochs; None: it is no such number."""
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else None


def _time(seconds: object) -> datetime | None:
    if isinstance(seconds, int | float) and 0 < seconds < YEAR_3000:
        return datetime.fromtimestamp(seconds, UTC)
    return None
