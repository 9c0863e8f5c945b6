"""How long is waited for what."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds. Discord lets a bot edit and send about 5 times in 5 s in one channel; with the
    default for `edit` no 5 s hold more than 4 previews, which leaves room for the reply itself.
    """

    edit: float = 1.3  # between two edits of a message that grows
    typing: float = 8.0  # "typing" is shown for 10 s
    patience: float = 60.0  # how long one call may take, with all waiting for rate limits
    pause: float = 1.0  # before a broken connection is tried again; doubled each time
    longest: float = 60.0  # between two tries to reach Discord at the start
    identify: float = 5.0  # before a new session is asked for: Discord starts one per 5 s
    servers: float = 2.0  # after one server that a new session tells of, for the next one
    taking: float = 0.5  # before what could not be taken is tried again; doubled
    first: float = 4.0  # how long the first answer may take to arrive, while others wait
    form: float = 2.0  # for what an autocompletion or a form shows: Discord waits 3 s
