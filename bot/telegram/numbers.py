"""Which numbers Telegram gave to messages, as far as a bot sees it.

A message whose sending was not answered may stand in the chat or not, and Telegram knows no key
that would make sending it twice harmless. But it numbers messages in order: one sequence for all
private chats and small groups of a bot, and one for each supergroup. So a lost message has one of
the few numbers that nobody else is known to have, and can be looked for.
"""

from collections import OrderedDict, deque

from bot.telegram.places import has_numbers_of_its_own

_KEPT = 2_000  # of the shared sequence
_KEPT_OF_ONE = 300  # of a supergroup's: all that anybody says there is counted in it
_SUPERGROUPS = 500  # whose numbers are known, those in which something was said last
_BEYOND = 4  # numbers behind the newest one that are tried
_MOST = 20


class _Sequence:
    def __init__(self, kept: int) -> None:
        self.newest = 0
        self.seen: set[int] = set()
        self._kept = kept
        self._order: deque[int] = deque()

    def saw(self, number: int) -> None:
        if number in self.seen:
            return
        self.newest = max(self.newest, number)
        self.seen.add(number)
        self._order.append(number)
        if len(self._order) > self._kept:
            self.seen.discard(self._order.popleft())


class Numbers:
    """What a bot saw of its sequences."""

    def __init__(self) -> None:
        self._shared = _Sequence(_KEPT)
        self._of_one: OrderedDict[int, _Sequence] = OrderedDict()

    def saw(self, chat: int, number: int) -> None:
        """A message has this number."""
        sequence = self._of(chat)
        if sequence is None:
            sequence = self._of_one[chat] = _Sequence(_KEPT_OF_ONE)
            if len(self._of_one) > _SUPERGROUPS:
                self._of_one.popitem(last=False)
        elif sequence is not self._shared:
            self._of_one.move_to_end(chat)
        sequence.saw(number)

    def newest(self, chat: int) -> int | None:
        """The newest number seen in the chat's sequence; None: none was."""
        sequence = self._of(chat)
        return None if sequence is None else sequence.newest or None

    def unknown(self, chat: int, *, after: int) -> list[int]:
        """The numbers that a message sent after `after` can have, the likeliest first."""
        sequence = self._of(chat) or _Sequence(0)  # forgotten meanwhile
        numbers = range(after + 1, max(sequence.newest, after) + 1 + _BEYOND)
        return [number for number in numbers if number not in sequence.seen][:_MOST]

    def _of(self, chat: int) -> _Sequence | None:
        """The sequence that the messages of a chat are numbered in."""
        return self._of_one.get(chat) if has_numbers_of_its_own(chat) else self._shared
