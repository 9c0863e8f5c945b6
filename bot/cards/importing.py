"""Chat exports on their way to examples: whose words, which chats, by which rules; and looking."""

from collections.abc import Sequence
from typing import assert_never

from avatar.dataset.kinds import Kind
from avatar.dataset.reading import shown_name
from avatar.dataset.watch import Stage, Watch
from avatar.importing import OPTIONS, SPEAKERS, Asked
from avatar.records import Attachment, Draft, Example, Import, Role
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import counted, escape, left_out_words, shortened

KINDS = 20  # kinds of examples that are offered
PAGE = 10  # speakers or chats that are offered at once
_WHO = {Role.USER: "Somebody", Role.ASSISTANT: "The avatar", Role.SYSTEM: "Instructions"}


def question(asked: Asked, *, page: int = 0, marked: int = 0) -> Content:
    """Whose words are learnt, or from which chats. `page`: 0 is the first; `marked`: the chats
    that are marked, by the bits of a number.
    """
    about = asked.about
    offered = about.speakers if asked.is_who else about.chats
    page = max(0, min(page, (len(offered) - 1) // PAGE))
    places = range(page * PAGE, min((page + 1) * PAGE, len(offered)))
    head = f"**{escape(about.format)} export**: {counted(about.messages, 'message')}"
    head += f" in {counted(about.chat_count, 'chat')}."
    rows: list[tuple[Button, ...]] = []
    if asked.is_who:
        text = f"{head}\n\nWho is the avatar to learn from?"
        if len(offered) == SPEAKERS:
            text += f" The {SPEAKERS} who say most are listed."
    else:
        text = f"{head}\n\nFrom which chats? A press marks one, or takes the mark away."
        if about.chat_count > len(offered):
            text += f" The {len(offered)} with the most messages are listed."
        label = f"All {about.chat_count} chats"
        rows.append((Button(label=label, action=code(Verb.CHATS, about.id, 0)),))
    for place in places:
        _, name, messages = offered[place]
        label = f"{shortened(name, 40)} ({messages:,})"
        if asked.is_who:
            action = code(Verb.SPEAKER, about.id, place)
        else:
            label = f"{'☑' if marked >> place & 1 else '☐'} {label}"
            action = code(Verb.CHOICES, about.id, page, marked ^ 1 << place)
        rows.append((Button(label=label, action=action),))
    leaf = []
    if page > 0:
        leaf.append(Button(label="« More", action=code(Verb.CHOICES, about.id, page - 1, marked)))
    if places.stop < len(offered):
        leaf.append(Button(label="More »", action=code(Verb.CHOICES, about.id, page + 1, marked)))
    if leaf:
        rows.append(tuple(leaf))
    if marked:
        label = f"Go on with {counted(marked.bit_count(), 'chat')}"
        action = code(Verb.CHATS, about.id, marked)
        rows.append((Button(label=label, action=action, style=Style.SUCCESS),))
    return Content(text=text, buttons=tuple(rows))


def reading(attachment: Attachment, watch: Watch) -> Content:
    """How far a file is."""
    name = inline(shown_name(attachment.name))
    match watch.stage:
        case Stage.FETCHING:
            size = (attachment.size or 0) / 1_000_000
            words = f"Fetching {name} ({size:,.0f} MB)…" if size >= 1 else f"Fetching {name}…"
        case Stage.READING:
            words = f"Reading {name}{_of(watch)}"
            if watch.messages:
                words += f", {counted(watch.messages, 'message')} so far"
            words += "…"
        case Stage.BUILDING:
            words = f"Building examples from {name}{_of(watch)}…"
        case Stage.MASKING:
            words = f"Building examples from {name}: {watch.done:,} of {watch.total:,}…"
        case Stage.COUNTING:
            words = f"Counting tokens, and keeping the examples from {name}…"
        case never:
            assert_never(never)
    stop = Button(label="Stop", action=code(Verb.STOP))
    return Content(text=words, buttons=((stop,),))


def _of(watch: Watch) -> str:
    if not watch.total:
        return ""
    return f": {watch.done / 1_000_000:,.0f} of {watch.total / 1_000_000:,.0f} MB"


def was_read(attachment: Attachment, watch: Watch) -> Content:
    """In place of how far it is, at the end."""
    words = f"{inline(shown_name(attachment.name))} was looked at"
    if watch.messages:
        words += f": {counted(watch.messages, 'message')}"
    return Content(text=f"{words}.")


def not_read(attachment: Attachment) -> Content:
    """In place of how far it is, when it was stopped."""
    return Content(text=f"{inline(shown_name(attachment.name))} was not read to its end.")


def options(draft: Draft, about: Import) -> Content:
    """The rules that examples are built by; a press takes the next value."""
    rows = []
    for place, option in enumerate(OPTIONS):
        value = about.rules.get(option.field, option.values[0][0])
        words = next((words for known, words in option.values if known == value), str(value))
        label = f"{option.label}: {words}"
        rows.append((Button(label=label, action=code(Verb.OPTION, draft.id, place)),))
    rows.append((Button(label="Done", action=code(Verb.FLIGHT, draft.id)),))
    return Content(
        text=f"**How examples are built** from {inline(draft.source)}: "
        f"{counted(draft.example_count, 'example')} now. A press takes the next value and builds "
        "them anew.",
        buttons=tuple(rows),
    )


def look(draft: Draft, example: Example, place: int) -> Content:
    """One example, to page through."""
    said = [f"**{_WHO[turn.role]}**: {escape(shortened(turn.text, 400))}" for turn in example.turns]
    if example.rejected is not None:
        said.append(f"**Rather than**: {escape(shortened(example.rejected, 400))}")
    head = f"Example {place + 1} of {draft.example_count} ({escape(example.source)})"
    leaf = []
    if place > 0:
        leaf.append(Button(label="« Before", action=code(Verb.LOOK, draft.id, place - 1)))
    if place + 1 < draft.example_count:
        leaf.append(Button(label="Next »", action=code(Verb.LOOK, draft.id, place + 1)))
    rows = [tuple(leaf)] if leaf else []
    leave = Button(
        label="Leave this one out",
        action=code(Verb.LEAVE, draft.id, place),
        style=Style.DANGER,
    )
    rows.append((leave, Button(label="Leave out by kind", action=code(Verb.KINDS, draft.id))))
    rows.append((Button(label="Done", action=code(Verb.FLIGHT, draft.id)),))
    return Content(text="\n\n".join([head, *said]), buttons=tuple(rows))


def kinds(draft: Draft, found: Sequence[Kind]) -> Content:
    """Kinds of examples; a press leaves all of one out, or takes them in again."""
    rows: list[tuple[Button, ...]] = []
    for kind in (*found[:KINDS], *(kind for kind in found[KINDS:] if kind.left_out)):
        act = "Take in again" if kind.left_out else "Leave out"
        label = f"{act}: {shortened(kind.words, 40)} ({kind.examples:,})"
        rows.append((Button(label=label, action=code(Verb.KIND, draft.id, kind.number)),))
    rows.append(
        (
            Button(label="Look at the examples", action=code(Verb.LOOK, draft.id, 0)),
            Button(label="Done", action=code(Verb.FLIGHT, draft.id)),
        )
    )
    text = f"**{counted(draft.example_count, 'example')}** from {inline(draft.source)}."
    if draft.left_out:
        text += f" Left out: {escape(left_out_words(draft.left_out))}."
    text += (
        "\n\nA press leaves a whole kind out, or takes it in again."
        if found
        else "\n\nThey are all of one kind: there is nothing to leave out at once."
    )
    return Content(text=text, buttons=tuple(rows))
