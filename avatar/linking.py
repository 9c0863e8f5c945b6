"""One person on several platforms: a one-time code, made here and typed there, joins accounts."""

from datetime import datetime, timedelta

from avatar.door_stores import LinkGuess
from avatar.errors import AlreadyDone, BadText, SamePlatform, TooMany
from avatar.language import tr
from avatar.records import Person
from avatar.secrets import hashed, link_code
from avatar.stores import Store

LASTS = timedelta(minutes=10)
GUESS_MINUTES = 60
MOST_GUESSES = 5  # of one person in that time
MOST_GUESSES_OF_ALL = 100
MAX_TYPED = 64


class Linking:
    """The use-cases of /link and /unlink."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, person: Person, *, now: datetime) -> str:
        """A code that is good once, for ten minutes, and makes earlier ones void."""
        code = link_code()
        await self._store.add_link(person.id, code_hash=hashed(code), expires_at=now + LASTS)
        return code

    async def whose(self, typed: str, person: Person, *, now: datetime) -> Person:
        """Use a code up: who made it, still to be joined with. Raises BadText, TooMany,
        AlreadyDone, SamePlatform.
        """
        guess, maker_id = await self._store.guess_link(
            hashed(typed[:MAX_TYPED]),
            person.id,
            now=now,
            since=now - timedelta(minutes=GUESS_MINUTES),
            most_own=MOST_GUESSES,
            most_all=MOST_GUESSES_OF_ALL,
        )
        if guess is LinkGuess.TOO_MANY:
            raise TooMany(minutes=GUESS_MINUTES)
        if guess is LinkGuess.OWN:
            raise AlreadyDone(what=tr("That code is yours: type it on the other platform."))
        if maker_id is None:
            raise BadText(
                reason=tr(
                    "That code is not right, or no longer good: it is for one use within ten "
                    "minutes. /link on the other platform gives a new one."
                )
            )
        theirs = await self._store.known_as(maker_id)
        mine = await self._store.known_as(person.id)
        if {each.platform for each in theirs} & {each.platform for each in mine}:
            raise SamePlatform
        return theirs[0]

    async def join(self, maker_id: int, person: Person) -> tuple[Person, ...]:
        """Make both one person; all of their accounts."""
        return await self._store.known_as(await self._store.unite(maker_id, person.id))

    async def part(self, person: Person) -> bool:
        """Make this account a person of its own again. False: it was one."""
        return bool(await self._store.part(person.platform, person.external_id))
