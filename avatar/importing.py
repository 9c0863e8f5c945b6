"""From a file that somebody sent to a training that waits for a yes.

A file of examples is one at once. A chat export needs choices first: whose words are learnt, and
from which chats. The choices are kept, and what the file was seen to hold: who speaks in which
chats, and how often. The file is read once to learn that, and once more with each choice that
gives examples, so that nothing that is said in a chat is kept that is not in the examples. To keep
the messages in between was thought of: a file of them beside the export would be read faster than
the export, and would be one more place where a stranger's chats lie.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from avatar import batches, tokens
from avatar.dataset.building import Rules, build
from avatar.dataset.formats import Recognised, recognise
from avatar.dataset.overview import Chat, Overview, Speaker, overview_json, overview_of
from avatar.dataset.reading import Reading, refused
from avatar.dataset.ready import Pair
from avatar.dataset.report import report_json
from avatar.dataset.watch import Stage, Watch
from avatar.errors import BadText, Expired, NotYours
from avatar.language import noted, tr
from avatar.records import (
    Address,
    Attachment,
    Avatar,
    Draft,
    Example,
    Import,
    OfferedChat,
    Person,
    Role,
    Turn,
)
from avatar.stores import Store
from avatar.training import DRAFT_LASTS, Preflight, Trainings

SPEAKERS = 200  # to choose from; those with the most messages
# Likewise. An account has hundreds, and those behind these have but a few messages. Ten a page, it
# is as much as anybody pages through, and some 30 kB of the database.
CHATS = 400
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A rule that can be set, with the values that are offered."""

    field: str  # of Rules
    label: str  # given to `tr`, as are the names of the values
    values: tuple[tuple[object, str], ...]  # value and how it is called; the first is the usual


OPTIONS: tuple[Option, ...] = (
    Option(
        field="mask",
        label=noted("Mask numbers, addresses, cards"),
        values=((True, noted("on")), (False, noted("off"))),
    ),
    Option(
        field="mask_names",
        label=noted("Mask the others' names"),
        values=((False, noted("off")), (True, noted("on"))),
    ),
    Option(
        field="silence",
        label=noted("A conversation ends after"),
        values=(
            (None, noted("fitted")),
            (3600.0, noted("1 hour")),
            (21600.0, noted("6 hours")),
            (86400.0, noted("1 day")),
        ),
    ),
    Option(
        field="join_within",
        label=noted("Join messages within"),
        values=(
            (120.0, noted("2 minutes")),
            (600.0, noted("10 minutes")),
            (30.0, noted("30 seconds")),
        ),
    ),
    Option(
        field="max_turns",
        label=noted("Turns an example"),
        values=((20, "20"), (40, "40"), (8, "8")),
    ),
    Option(
        field="same_reply",
        label=noted("Examples with the same reply"),
        values=((3, "3"), (1, "1"), (1000, noted("all"))),
    ),
    Option(
        field="held_out",
        label=noted("Held out"),
        values=((0.1, noted("a tenth")), (0.0, noted("none")), (0.2, noted("a fifth"))),
    ),
    Option(
        field="threads",
        label=noted("Put replies behind what they answer"),
        values=((True, noted("on")), (False, noted("off"))),
    ),
    Option(
        field="forwards",
        label=noted("Keep forwarded messages"),
        values=((False, noted("off")), (True, noted("on"))),
    ),
    Option(
        field="links",
        label=noted("Keep links alone"),
        values=((False, noted("off")), (True, noted("on"))),
    ),
    Option(
        field="bots",
        label=noted("Keep what bots say"),
        values=((False, noted("off")), (True, noted("on"))),
    ),
)


def rules_of(kept: Mapping[str, object]) -> Rules:
    """Rules from what was set; what is not known any more is left out."""
    known = {each.name for each in fields(Rules)}
    return Rules(**{name: value for name, value in kept.items() if name in known})  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A choice that has to be made first."""

    about: Import

    @property
    def is_who(self) -> bool:
        return self.about.speaker is None

    @property
    def of_two(self) -> tuple[str, ...]:
        """The chats of two among those offered; none, where all of them are."""
        found = tuple(chat.id for chat in self.about.chats if chat.of_two)
        return found if len(found) < len(self.about.chats) else ()


class Imports:
    """The use-cases of files that are trained on. Reading happens in threads."""

    def __init__(self, store: Store, *, trainings: Trainings, region: str | None = None) -> None:
        """`region`: where the numbers of phones are from that bear no country code ("DE")."""
        self._store = store
        self._trainings = trainings
        self._region = region

    async def begin(
        self,
        avatar: Avatar,
        file: Path,
        attachment: Attachment,
        *,
        address: Address,
        person: Person,
        now: datetime,
        watch: Watch | None = None,
    ) -> Preflight | Asked:
        """What a file is: examples or preference pairs (then the training waits), or a chat export
        (then a choice may be needed first). Raises BadDataset, NoTrainer and WrongKind.
        """
        self._trainings.target(avatar)
        watch = watch or Watch()
        watch.begin(Stage.READING)
        found = await _in_thread(watch, recognise, file, attachment.name)
        found = found.watched(watch)
        if found.format.examples is not None:
            reading = await _in_thread(watch, found.examples)
            watch.begin(Stage.COUNTING)
            return await self._trainings.prepare(avatar, reading, person=person, now=now)
        if found.format.pairs is not None:
            read = await _in_thread(watch, found.pairs)
            watch.begin(Stage.COUNTING)
            return await self._trainings.prefer(
                avatar,
                [_example_of(pair) for pair in read.pairs],
                source=found.source,
                person=person,
                now=now,
            )
        overview = await _in_thread(watch, found.export().overview, watch)
        _check(overview)
        about = await self._add(
            avatar, overview, attachment, address=address, person=person, now=now
        )
        return await self._next(about, avatar, found, overview, person=person, now=now, watch=watch)

    async def _add(
        self,
        avatar: Avatar,
        overview: Overview,
        attachment: Attachment,
        *,
        address: Address,
        person: Person,
        now: datetime,
    ) -> Import:
        owner = overview.speaker(overview.owner) if overview.owner is not None else None
        speaker = owner.id if owner is not None and owner.usable else None
        # Where nothing is said by whose words are learnt, nothing is learnt: newsletters, most of
        # the large groups.
        chats = [chat for chat in overview.chats if speaker is None or _says(speaker, chat)]
        return await self._store.add_import(
            avatar_id=avatar.id,
            person_id=person.id,
            address=address,
            attachment=attachment,
            form=overview.format,
            messages=overview.messages,
            speakers=[(s.id, s.name[:60], s.messages) for s in _heard(overview)[:SPEAKERS]],
            chats=[
                OfferedChat(
                    id=chat.id,
                    title=chat.title[:60],
                    messages=chat.messages,
                    of_two=not chat.is_group,
                )
                for chat in chats[:CHATS]
            ],
            chat_count=len(overview.chats),
            speaker=speaker,
            expires_at=now + DRAFT_LASTS,
            overview=overview_json(overview),
        )

    async def open(self, import_id: int, *, person: Person, now: datetime) -> Import:
        """One that waits for a choice. Raises Expired and NotYours."""
        about = await self._store.import_(import_id)
        if about is None or about.expires_at <= now:
            raise Expired(command="/train")
        if about.person_id != person.id:
            raise NotYours
        return about

    async def mark(self, about: Import, place: int, *, on: bool) -> Import:
        """Mark one of the chats that are offered, or take its mark away: as often as anybody likes.
        Raises Expired.
        """
        if not 0 <= place < len(about.chats):
            raise Expired(command="/train")
        chat = (about.chats[place].id,)
        return await self._marked(about, on=chat if on else (), off=() if on else chat)

    async def mark_only(self, about: Import, chats: Collection[str]) -> Import:
        """Mark these and no others. Raises Expired."""
        off = {chat.id for chat in about.chats} - set(chats)
        return await self._marked(about, on=chats, off=off)

    async def _marked(self, about: Import, *, on: Collection[str], off: Collection[str]) -> Import:
        marked = await self._store.mark_chats(about.id, on=on, off=off)
        if marked is None:
            raise Expired(command="/train")
        return replace(about, marked=marked)

    async def ask_on(self, about: Import) -> Asked | None:
        """The choice that is to be made next; those that `about` has now are kept. None: there is
        none, and the file is needed.
        """
        if about.speaker is not None and not _lacks_chats(about):
            return None
        await self._keep(about)
        return Asked(about=about)

    async def choose(
        self,
        about: Import,
        avatar: Avatar,
        file: Path,
        *,
        person: Person,
        now: datetime,
        every_chat: bool = False,
        watch: Watch | None = None,
    ) -> Preflight | Asked:
        """Go on with the choices that `about` has now. Raises BadDataset."""
        watch = watch or Watch()
        watch.begin(Stage.READING)
        watch.messages = about.messages
        found = await _in_thread(watch, recognise, file, about.attachment.name)
        if (kept := await self._store.import_overview(about.id)) is not None:
            overview = await asyncio.to_thread(overview_of, kept)
        else:
            overview = await _in_thread(watch, found.export().overview, watch)
        if every_chat:
            about = replace(about, chosen=tuple(chat.id for chat in overview.chats))
        step = await self._next(about, avatar, found, overview, person=person, now=now, watch=watch)
        await self._keep(about)
        return step

    async def _keep(self, about: Import) -> None:
        await self._store.set_import(
            about.id, speaker=about.speaker, chosen=about.chosen, rules=about.rules
        )

    async def _next(
        self,
        about: Import,
        avatar: Avatar,
        found: Recognised,
        overview: Overview,
        *,
        person: Person,
        now: datetime,
        watch: Watch,
    ) -> Preflight | Asked:
        if about.speaker is None or _lacks_chats(about):
            return Asked(about=about)
        built = await _in_thread(
            watch,
            partial(
                build,
                found.export(),
                person=about.speaker,
                chats=about.chosen,
                rules=replace(rules_of(about.rules), region=self._region),
                overview=overview,
                watch=watch,
            ),
        )
        watch.begin(Stage.COUNTING)
        return await self._trainings.keep(
            avatar,
            built.examples,
            source=found.source,
            warnings=built.warnings,
            person=person,
            now=now,
            held_out=built.held_out,
            import_id=about.id,
            report=report_json(built.report),
        )

    def option(self, about: Import, place: int) -> Mapping[str, object]:
        """The rules with the next value of an option. Raises BadText for one that is not there."""
        if not 0 <= place < len(OPTIONS):
            raise BadText(reason=tr("There is no such option."))
        option = OPTIONS[place]
        values = [value for value, _ in option.values]
        now = about.rules.get(option.field, values[0])
        following = values[(values.index(now) + 1) % len(values)] if now in values else values[0]
        rest = {name: value for name, value in about.rules.items() if name != option.field}
        return rest if following == values[0] else {**rest, option.field: following}

    async def merged(
        self, avatar: Avatar, reading: Reading, draft: Draft, *, person: Person, now: datetime
    ) -> Preflight:
        """A draft with more examples behind its own: those that are in. It stands for the old."""
        kept: list[Example] = []
        held_out: list[Example] = []
        async for batch in batches.of_draft(self._store, draft.id):
            for each in batch:
                if each.left_out is None:
                    (held_out if each.held_out else kept).append(each.example)
        merged = await self._trainings.keep(
            avatar,
            (*kept, *reading.examples),
            source=f"{draft.source} and {reading.source}",
            warnings=draft.warnings,
            person=person,
            now=now,
            epochs=draft.epochs,
            held_out=held_out,
            report=draft.report,
            origin_id=draft.origin_id,
        )
        await self._store.drop_draft(draft.id)
        return merged


def _lacks_chats(about: Import) -> bool:
    return about.chosen is None and len(about.chats) > 1


def _says(speaker: str, chat: Chat) -> bool:
    """Whether something that can be learnt is said by a speaker in a chat."""
    return any(each.id == speaker and each.usable for each in chat.speakers)


def _heard(overview: Overview) -> list[Speaker]:
    """Those from whom something can be learnt, most messages first."""
    return [speaker for speaker in overview.speakers if speaker.usable]


def _check(overview: Overview) -> None:
    """Raises BadDataset for an export in which nobody says anything."""
    if not overview.messages:
        raise refused(tr("it is a {format} export without a message.", format=tr(overview.format)))
    if not _heard(overview):
        raise refused(
            tr(
                "of its {count:,} messages none has words of its own: they are notices, pictures, "
                "forwarded, or said by bots.",
                count=overview.messages,
            )
        )


async def _in_thread(watch: Watch, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it in a thread, which ends soon after nobody waits for it any more."""
    try:
        return await asyncio.to_thread(do, *args, **kwargs)
    except asyncio.CancelledError:
        watch.stopped = True
        raise


def _example_of(pair: Pair) -> Example:
    turns = (*pair.turns, Turn(role=Role.ASSISTANT, text=pair.chosen))
    return Example(
        turns=turns,
        weights=tuple(None for _ in turns),
        tokens=tokens.of_conversation([*(turn.text for turn in turns), pair.rejected]),
        source=pair.source,
        rejected=pair.rejected,
    )
