"""What is asked again where a host refuses or cannot be reached, and when."""

import email.utils
import json
import random
import time
from collections.abc import Mapping

from avatar.errors import QuotaExceeded
from backends import errors

MAX_RETRIES = 2  # of calls that may be repeated; paid ones are never repeated
LONGEST_WAIT = 20.0  # seconds; a host that wants a longer pause is overloaded
_FIRST_WAIT, _LONGEST_OWN_WAIT = 0.5, 8.0  # seconds, where a host does not say: as in `openai`
_PASSING = frozenset({408, 409, 429})  # statuses below 500 that may be another one soon


def is_final(status: int, headers: Mapping[str, str], content: bytes) -> bool:
    """Whether a refusal must not be repeated, whatever its status: the host asks for a longer
    pause than anybody waits, or the account has no credit.
    """
    if asked_to_wait(headers) > LONGEST_WAIT:
        return True
    if status != 429:
        return False
    reported = errors.reported_in(json_or_text(content), status=status)
    return isinstance(errors.decided(reported), QuotaExceeded)


def wait_after(
    status: int, headers: Mapping[str, str], content: bytes, *, tries: int
) -> float | None:
    """How many seconds to wait until a call is made again that was refused so; None: it is not.
    `tries` were made before.
    """
    said = headers.get("x-should-retry")
    passing = said == "true" or (said != "false" and (status in _PASSING or status >= 500))
    if not passing or is_final(status, headers, content):
        return None
    asked = asked_to_wait(headers)
    return asked if asked > 0 else own_wait(tries)


def own_wait(tries: int) -> float:
    """Seconds before the next try, where nobody says how many."""
    return min(_FIRST_WAIT * 2.0**tries, _LONGEST_OWN_WAIT) * random.uniform(0.75, 1)  # noqa: S311


def asked_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds that a host asks to wait; 0 where it does not say."""
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        value = headers.get(name, "")
        try:
            return float(value) / divisor
        except ValueError:
            continue
    try:
        return email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except (KeyError, ValueError, OverflowError):
        return 0.0


def json_or_text(content: bytes) -> object:
    """The body of a refusal."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")
