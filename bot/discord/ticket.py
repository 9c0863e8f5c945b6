"""How an interaction is answered: plain data in place of a message's id, good for 15 minutes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MARK = "interaction"
LIFE = timedelta(minutes=15)
_SLACK = timedelta(seconds=20)  # what is answered now must still arrive
_EPOCH = 1_420_070_400_000  # ms: the first second of 2015, from which snowflakes count


def moment_of(snowflake: int) -> datetime:
    """When something of Discord's was made."""
    return datetime.fromtimestamp(((snowflake >> 22) + _EPOCH) / 1000, UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """An interaction that was acknowledged and waits for its answer.

    Its text stands where ids of messages stand (`Incoming.message_id`, `reply_to`), so that any
    process can answer.
    """

    application: int
    id: int  # of the interaction
    token: str
    user: int  # who pressed or asked
    pressed: int = 0  # the message under which the button stands; 0: a command
    hidden: bool = False  # answers are shown to that person only
    card: bool = False  # the message under which the button stands is a card, and has to stay one

    def __str__(self) -> str:
        marks = int(self.hidden) | int(self.card) << 1
        numbers = (self.application, self.id, self.user, self.pressed, marks)
        return ":".join([_MARK, *map(str, numbers), self.token])

    def is_good(self, now: datetime) -> bool:
        """Whether Discord still takes answers."""
        return now < moment_of(self.id) + LIFE - _SLACK


def ticket_of(text: str | None) -> Ticket | None:
    """The ticket that stands in place of a message's id; None: it is an ordinary id, or none."""
    if text is None or not text.startswith(_MARK + ":"):
        return None
    _, application, id_, user, pressed, marks, token = text.split(":", 6)
    return Ticket(
        application=int(application),
        id=int(id_),
        token=token,
        user=int(user),
        pressed=int(pressed),
        hidden=bool(int(marks) & 1),
        card=bool(int(marks) & 2),
    )
