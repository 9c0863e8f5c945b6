"""Looking at the examples of a draft, and leaving some out: one by one, or a whole kind at once.

What is left out stays with the draft, so that it can be taken in again; a training that is started
takes only what is in.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from avatar import batches
from avatar.dataset.kinds import ONE_BY_ONE, Kind, Seen, changes, kinds_of, seen
from avatar.dataset.openai_jsonl import MIN_EXAMPLES
from avatar.dataset.report import Look, report_anew
from avatar.errors import BadText, Expired
from avatar.language import tr
from avatar.records import Draft
from avatar.stores import Store


class Looking:
    """The use-cases. All raise Expired for a draft that was started or dropped meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def kinds(self, draft: Draft) -> tuple[Kind, ...]:
        """The kinds of a draft's examples, those that are left out too."""
        return kinds_of(await self._seen(draft), draft.left_out)

    async def switch(self, draft: Draft, number: int) -> tuple[Draft, tuple[Kind, ...]]:
        """Leave out a kind, by its number; one that is left out comes in again. The draft and its
        kinds, as they are then. Raises BadText when fewer than 10 examples would be left.
        """
        all_seen = await self._seen(draft)
        found = [kind for kind in kinds_of(all_seen, draft.left_out) if kind.number == number]
        if not found:
            raise Expired(command="/train")
        words = found[0].words
        if words in draft.left_out:
            wanted = [each for each in draft.left_out if each != words]
        else:
            wanted = [*draft.left_out, words]
        changed = changes(all_seen, wanted)
        changed_draft, after = await self._leave_out(draft, all_seen, changed, wanted)
        return changed_draft, kinds_of(after, changed_draft.left_out)

    async def leave_one(self, draft: Draft, place: int) -> Draft:
        """Leave out the example at a place among those that are in, 0 being the first. Raises
        BadText when it is one of the last ten.
        """
        all_seen = await self._seen(draft)
        there = [each for each in all_seen if each.left_out is None and not each.held_out]
        if place >= len(there):
            raise Expired(command="/train")
        wanted = list(dict.fromkeys([*draft.left_out, ONE_BY_ONE]))
        changed: dict[int, str | None] = {there[place].position: ONE_BY_ONE}
        changed_draft, _ = await self._leave_out(draft, all_seen, changed, wanted)
        return changed_draft

    async def _seen(self, draft: Draft) -> list[Seen]:
        all_seen: list[Seen] = []
        async for batch in batches.of_draft(self._store, draft.id):
            all_seen += await asyncio.to_thread(
                seen, batch, of=draft.source, exported=draft.import_id is not None
            )
        return all_seen

    async def _leave_out(
        self,
        draft: Draft,
        before: Sequence[Seen],
        changed: dict[int, str | None],
        wanted: Sequence[str],
    ) -> tuple[Draft, list[Seen]]:
        """The draft and what is known of its candidates, as they are then."""
        after = [
            replace(each, left_out=changed.get(each.position, each.left_out)) for each in before
        ]
        training: list[Look] = []
        held_out: list[Look] = []
        out: dict[str, list[Look]] = {}
        counts = Counter[str]()  # as they were offered; the report has those held out too
        for each in after:
            if each.left_out is not None:
                out.setdefault(each.left_out, []).append(each.look)
                counts[each.left_out] += not each.held_out
            else:
                (held_out if each.held_out else training).append(each.look)
        if len(training) < MIN_EXAMPLES:
            raise BadText(
                reason=tr(
                    "{least} examples are the least; without these only {left} would be left. "
                    "Nothing was changed.",
                    least=MIN_EXAMPLES,
                    left=len(training),
                )
            )
        changed_draft = await self._store.leave_out(
            draft.id,
            changed,
            left_out={words: counts[words] for words in wanted},
            report=None
            if draft.report is None
            else report_anew(draft.report, training=training, held_out=held_out, left_out=out),
        )
        if changed_draft is None:
            raise Expired(command="/train")
        return changed_draft, after
