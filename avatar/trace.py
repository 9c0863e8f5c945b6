"""One word for everything that is done about one thing: it stands in every line of the log.

A message that came in is `m-12` (12: its number in the inbox) from when it is taken until its reply
is shown, also in another process and after a restart; a job is `v-7` (its version), a notice `n-3`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("trace", default="")


def current() -> str:
    """What is being worked on; empty outside of everything."""
    return _current.get()


@contextmanager
def about(kind: str, number: int) -> Iterator[None]:
    """While inside, and in tasks that are begun inside, that is what is worked on. `kind`: one
    letter, m, v or n.
    """
    token = _current.set(f"{kind}-{number}")
    try:
        yield
    finally:
        _current.reset(token)
