"""How long is waited for what."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds. The defaults keep within Telegram's limits: about 20 drafts per 5 s and 40 per 30 s
    for one person, 20 messages and edits a minute in a group.
    """

    draft: float = 0.8  # between two drafts
    refresh: float = 20.0  # a draft lives 30 s: it is drawn again when the text stands still
    edit: float = 3.0  # between two edits of a message that grows in a group
    edit_alone: float = 1.0  # the same with one person
    # Before "typing" is shown, a second after they wrote: a reply that begins sooner needs none.
    thinking: float = 0.7
    typing: float = 5.0  # "typing" is shown for about this long
    patience: float = 10.0  # how long a message that must arrive waits for a flood limit
    pause: float = 1.0  # before a refused connection is tried again; doubled each time
    poll: float = 50.0  # how long Telegram holds a request for updates
    longest: float = 60.0  # between two tries to reach Telegram for updates
    taking: float = 0.5  # before an update that could not be taken is tried again; doubled
