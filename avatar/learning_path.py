"""What owners do with versions: find, switch, restore, undo, write prompts, delete.

The rules are in `avatar.versions`; here they meet the store. A switch is decided on what was
read and written only if that still holds (compare and swap), so two owners at once can never
leave a pointer where the rules do not allow it: the second decides anew on what the first left.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from avatar import versions
from avatar.errors import (
    AlreadyActive,
    BadText,
    Busy,
    Expired,
    NotActivatable,
    NothingToUndo,
    VersionNotFound,
)
from avatar.language import tr
from avatar.records import Avatar, Axis, Confirmation, Person, Status, TrainingType, Version
from avatar.stores import Store
from avatar.text import visible
from avatar.versions import MAX_NOTE, MAX_PROMPT, Switch

CONFIRMATION_LASTS = timedelta(minutes=10)
_TRIES = 8  # how often a switch is decided anew when somebody else was faster


@dataclass(frozen=True, kw_only=True, slots=True)
class Switched:
    """What a switch did."""

    avatar: Avatar  # as it was before
    axis: Axis
    before: Version | None
    after: Version | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """What a deletion took away."""

    version: Version  # as it was before
    was_active: bool
    was_training: bool


class LearningPath:
    """The use-cases of versions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, avatar_id: int, number: int) -> Version:
        """A version by its number. Raises VersionNotFound or VersionDeleted."""
        version = await self._store.version_by_number(avatar_id, number)
        if version is None:
            raise VersionNotFound(number=number)
        return versions.alive(version)

    async def get(self, version_id: int) -> Version:
        """A version by its id. Raises VersionNotFound or VersionDeleted."""
        version = await self._store.version(version_id)
        if version is None:
            raise VersionNotFound(number=tr("like that"))
        return versions.alive(version)

    async def activate(
        self, version_id: int, *, person: Person, now: datetime, cause: int | None = None
    ) -> Switched:
        """Make a version active: a fine-tuned one as the model, a prompt version as the prompt.

        Raises VersionNotFound, VersionDeleted, NotActivatable, AlreadyActive, Busy.
        """
        version = await self.get(version_id)

        async def decide(avatar: Avatar) -> Switch:
            return versions.switch_to(avatar, await self.get(version_id))

        return await self._switch(version.avatar_id, decide, person=person, now=now, cause=cause)

    async def restore(
        self, version_id: int, *, person: Person, now: datetime, cause: int | None = None
    ) -> Switched:
        """Make an earlier prompt active. Raises WrongKind and what `activate` raises."""
        version = await self.get(version_id)

        async def decide(avatar: Avatar) -> Switch:
            return versions.restore(avatar, await self.get(version_id))

        return await self._switch(version.avatar_id, decide, person=person, now=now, cause=cause)

    async def deactivate(
        self, avatar_id: int, *, person: Person, now: datetime, cause: int | None = None
    ) -> Switched:
        """Back to the base model. Raises AlreadyActive, Busy."""

        async def decide(avatar: Avatar) -> Switch:
            return versions.to_base(avatar)

        return await self._switch(avatar_id, decide, person=person, now=now, cause=cause)

    async def deactivate_version(
        self, version_id: int, *, person: Person, now: datetime, cause: int | None = None
    ) -> Switched:
        """Back to the base model, if this version is the active one (an old button may ask).

        Raises VersionNotFound, VersionDeleted, NotActivatable, AlreadyActive, Busy.
        """
        version = await self.get(version_id)

        async def decide(avatar: Avatar) -> Switch:
            if avatar.active_model_id not in {version_id, None}:
                raise NotActivatable(
                    number=version.number,
                    reason=tr("it is not active, so it was left as it is."),
                )
            return versions.to_base(avatar)

        return await self._switch(version.avatar_id, decide, person=person, now=now, cause=cause)

    async def undo(
        self,
        avatar_id: int,
        *,
        person: Person,
        now: datetime,
        cause: int | None = None,
        only: tuple[int | None, int | None] | None = None,
    ) -> Switched:
        """Take back the last switch; undoing that brings it back. `only`: if it was the one from
        the first version to the second (a button is about one switch, and may be pressed twice, or
        when others have switched again). Raises NothingToUndo, Busy.
        """

        async def decide(avatar: Avatar) -> Switch:
            last = await self._store.last_activation(avatar_id)
            if only is not None and (last is None or (last.from_id, last.to_id) != only):
                raise NothingToUndo(reason=tr("it was changed again meanwhile. Look with /status."))
            target = await self._store.version(last.from_id if last else None)
            return versions.undo(avatar, last, target)

        return await self._switch(avatar_id, decide, person=person, now=now, cause=cause)

    async def write_prompt(
        self,
        avatar_id: int,
        text: str,
        *,
        person: Person,
        now: datetime,
        cause: int | None = None,
    ) -> tuple[Version, Version | None]:
        """Quick Training: a new prompt version, active at once; and the prompt before it.

        Raises BadText, and AlreadyActive when the text is the active prompt's.
        """
        prompt = check_prompt(text)
        done = None if cause is None else await self._store.activation_of(cause)
        if done is not None and (made := await self._store.version(done.to_id)) is not None:
            return made, await self._store.version(done.from_id)
        avatar = await self._store.avatar(avatar_id)
        before = await self._store.version(avatar.active_prompt_id)
        if before is not None and before.prompt == prompt:
            raise AlreadyActive(
                what=tr("Exactly this prompt (version {number})", number=before.number)
            )
        version = await self._store.add_prompt(
            avatar_id=avatar_id, prompt=prompt, note="", person_id=person.id, now=now, cause=cause
        )
        return version, before

    async def write_note(self, version: Version, text: str) -> str:
        """Raises BadText, VersionNotFound."""
        note = " ".join(text.split())
        if len(note) > MAX_NOTE:
            raise BadText(
                reason=tr(
                    "A note has up to {most} characters; this one has {length}.",
                    most=MAX_NOTE,
                    length=len(note),
                )
            )
        if not await self._store.set_note(version.id, note):
            raise VersionNotFound(number=version.number)
        return note

    async def ask(
        self, action: str, *, person: Person, now: datetime, about: str = ""
    ) -> Confirmation:
        """Begin to wait for a yes: good for this person, once, and ten minutes. `about`: words
        that belong to the action.
        """
        return await self._store.add_confirmation(
            action=action,
            person_id=person.id,
            now=now,
            expires_at=now + CONFIRMATION_LASTS,
            about=about,
        )

    async def take_yes(
        self, confirmation_id: int, *, person: Person, now: datetime, command: str, cause: int
    ) -> Confirmation:
        """What was confirmed. Raises Expired: too late, not theirs, or taken before (by another
        message than `cause`).
        """
        confirmation = await self._store.confirmation(confirmation_id)
        if confirmation is None or not await self._store.use_confirmation(
            confirmation_id, person_id=person.id, now=now, cause=cause
        ):
            raise Expired(command=command)
        return confirmation

    async def delete(self, version_id: int, *, person: Person, now: datetime) -> Deleted:
        """Delete a version. If it is active, its pointer falls back to none; if it is training,
        its job is cancelled (the follower sees to that). Raises VersionNotFound, VersionDeleted.
        """
        version = await self.get(version_id)
        avatar = await self._store.avatar(version.avatar_id)
        if not await self._store.delete_version(version_id, person_id=person.id, now=now):
            await self.get(version_id)  # says who was faster: it is a tombstone now
        return Deleted(
            version=version,
            was_active=versions.is_active(version, avatar),
            was_training=version.status is Status.TRAINING,
        )

    async def prompts(self, avatar_id: int, first: int, second: int) -> tuple[Version, Version]:
        """Two prompt versions by number. Raises BadText when one is not a prompt version."""
        pair = (await self.find(avatar_id, first), await self.find(avatar_id, second))
        for version in pair:
            if version.training_type is not TrainingType.PROMPT_UPDATE:
                raise BadText(
                    reason=tr(
                        "Version {number} is a fine-tuned version and has no prompt. Compare two "
                        "prompt versions; /history lists them.",
                        number=version.number,
                    )
                )
        return pair

    async def _switch(
        self,
        avatar_id: int,
        decide: Callable[[Avatar], Awaitable[Switch]],
        *,
        person: Person,
        now: datetime,
        cause: int | None,
    ) -> Switched:
        done = None if cause is None else await self._store.activation_of(cause)
        if done is not None:  # and the process died before it could say so
            return Switched(
                avatar=await self._store.avatar(avatar_id),
                axis=done.axis,
                before=await self._store.version(done.from_id),
                after=await self._store.version(done.to_id),
            )
        for _ in range(_TRIES):
            avatar = await self._store.avatar(avatar_id)
            switch = await decide(avatar)
            if await self._store.switch(
                avatar_id=avatar_id,
                axis=switch.axis,
                expected=switch.expected,
                to=switch.to,
                why=switch.why,
                person_id=person.id,
                now=now,
                cause=cause,
            ):
                return Switched(
                    avatar=avatar,
                    axis=switch.axis,
                    before=await self._store.version(switch.expected),
                    after=await self._store.version(switch.to),
                )
        raise Busy


def check_prompt(text: str) -> str:
    """A prompt as it will be kept: line breaks stay, characters that nobody can see go.

    Raises BadText when nothing is left or it is over 32,000 characters.
    """
    prompt = visible(text).strip()
    if not prompt:
        raise BadText(
            reason=tr("A prompt needs some text: /prompt You are a friendly guide to Ipoh.")
        )
    if len(prompt) > MAX_PROMPT:
        raise BadText(
            reason=tr(
                "A prompt has up to {most:,} characters; this one has {length:,}.",
                most=MAX_PROMPT,
                length=len(prompt),
            )
        )
    return prompt
