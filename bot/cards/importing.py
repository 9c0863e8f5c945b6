"""Chat exports on their way to examples: whose words, which chats, by which rules; and looking."""

from collections.abc import Sequence
from typing import assert_never

from avatar.dataset.kinds import Kind, kind_words
from avatar.dataset.reading import shown_name
from avatar.dataset.watch import Stage, Watch
from avatar.importing import OPTIONS, SPEAKERS, Asked
from avatar.language import noted, tr, trn
from avatar.records import Attachment, Draft, Example, Import, Role
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import escape, left_out_words, shortened

KINDS = 20  # kinds of examples that are offered
PAGE = 10  # speakers or chats that are offered at once
_WHO = {
    Role.USER: noted("Somebody"),
    Role.ASSISTANT: noted("The avatar"),
    Role.SYSTEM: noted("Instructions"),
}


def question(asked: Asked, *, page: int = 0, marked: int = 0) -> Content:
    """Whose words are learnt, or from which chats. `page`: 0 is the first; `marked`: the chats
    that are marked, by the bits of a number.
    """
    about = asked.about
    offered = about.speakers if asked.is_who else about.chats
    page = max(0, min(page, (len(offered) - 1) // PAGE))
    places = range(page * PAGE, min((page + 1) * PAGE, len(offered)))
    head = tr(
        "**{format} export**: {messages} in {chats}.",
        format=escape(about.format),
        messages=trn("{n:,} message", "{n:,} messages", about.messages),
        chats=trn("{n:,} chat", "{n:,} chats", about.chat_count),
    )
    rows: list[tuple[Button, ...]] = []
    if asked.is_who:
        text = tr("Who is the avatar to learn from?")
        if len(offered) == SPEAKERS:
            text += " " + tr("The {count} who say most are listed.", count=SPEAKERS)
    else:
        text = tr("From which chats? A press marks one, or takes the mark away.")
        if about.chat_count > len(offered):
            text += " " + tr("The {count} with the most messages are listed.", count=len(offered))
        label = tr("All {count} chats", count=about.chat_count)
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
        leaf.append(
            Button(label=tr("« More"), action=code(Verb.CHOICES, about.id, page - 1, marked))
        )
    if places.stop < len(offered):
        leaf.append(
            Button(label=tr("More »"), action=code(Verb.CHOICES, about.id, page + 1, marked))
        )
    if leaf:
        rows.append(tuple(leaf))
    if marked:
        label = trn("Go on with {n:,} chat", "Go on with {n:,} chats", marked.bit_count())
        action = code(Verb.CHATS, about.id, marked)
        rows.append((Button(label=label, action=action, style=Style.SUCCESS),))
    return Content(text=f"{head}\n\n{text}", buttons=tuple(rows))


def reading(attachment: Attachment, watch: Watch) -> Content:
    """How far a file is."""
    name = inline(shown_name(attachment.name))
    match watch.stage:
        case Stage.FETCHING:
            size = (attachment.size or 0) / 1_000_000
            words = (
                tr("Fetching {file} ({size:,.0f} MB)…", file=name, size=size)
                if size >= 1
                else tr("Fetching {file}…", file=name)
            )
        case Stage.READING if watch.messages:
            words = trn(
                "Reading {file}, {n:,} message so far…",
                "Reading {file}, {n:,} messages so far…",
                watch.messages,
                file=_how_far(name, watch),
            )
        case Stage.READING:
            words = tr("Reading {file}…", file=_how_far(name, watch))
        case Stage.BUILDING:
            words = tr("Building examples from {file}…", file=_how_far(name, watch))
        case Stage.MASKING:
            words = tr(
                "Building examples from {file}: {done:,} of {total:,}…",
                file=name,
                done=watch.done,
                total=watch.total,
            )
        case Stage.COUNTING:
            words = tr("Counting tokens, and keeping the examples from {file}…", file=name)
        case never:
            assert_never(never)
    stop = Button(label=tr("Stop"), action=code(Verb.STOP))
    return Content(text=words, buttons=((stop,),))


def _how_far(name: str, watch: Watch) -> str:
    if not watch.total:
        return name
    return tr(
        "{file}: {done:,.0f} of {total:,.0f} MB",
        file=name,
        done=watch.done / 1_000_000,
        total=watch.total / 1_000_000,
    )


def was_read(attachment: Attachment, watch: Watch) -> Content:
    """In place of how far it is, at the end."""
    name = inline(shown_name(attachment.name))
    if not watch.messages:
        return Content(text=tr("{file} was looked at.", file=name))
    return Content(
        text=trn(
            "{file} was looked at: {n:,} message.",
            "{file} was looked at: {n:,} messages.",
            watch.messages,
            file=name,
        )
    )


def not_read(attachment: Attachment) -> Content:
    """In place of how far it is, when it was stopped."""
    name = inline(shown_name(attachment.name))
    return Content(text=tr("{file} was not read to its end.", file=name))


def options(draft: Draft, about: Import) -> Content:
    """The rules that examples are built by; a press takes the next value."""
    rows = []
    for place, option in enumerate(OPTIONS):
        value = about.rules.get(option.field, option.values[0][0])
        words = next((words for known, words in option.values if known == value), str(value))
        label = f"{tr(option.label)}: {tr(words)}"
        rows.append((Button(label=label, action=code(Verb.OPTION, draft.id, place)),))
    rows.append((_done(draft),))
    return Content(
        text=trn(
            "**How examples are built** from {file}: {n:,} example now. A press takes the next "
            "value and builds them anew.",
            "**How examples are built** from {file}: {n:,} examples now. A press takes the next "
            "value and builds them anew.",
            draft.example_count,
            file=inline(draft.source),
        ),
        buttons=tuple(rows),
    )


def _done(draft: Draft) -> Button:
    return Button(label=tr("Done"), action=code(Verb.FLIGHT, draft.id))


def look(draft: Draft, example: Example, place: int) -> Content:
    """One example, to page through."""
    said = [
        f"**{tr(_WHO[turn.role])}**: {escape(shortened(turn.text, 400))}" for turn in example.turns
    ]
    if example.rejected is not None:
        rejected = escape(shortened(example.rejected, 400))
        said.append(tr("**Rather than**: {reply}", reply=rejected))
    head = tr(
        "Example {number} of {count} ({source})",
        number=place + 1,
        count=draft.example_count,
        source=escape(example.source),
    )
    leaf = []
    if place > 0:
        leaf.append(Button(label=tr("« Before"), action=code(Verb.LOOK, draft.id, place - 1)))
    if place + 1 < draft.example_count:
        leaf.append(Button(label=tr("Next »"), action=code(Verb.LOOK, draft.id, place + 1)))
    rows = [tuple(leaf)] if leaf else []
    leave = Button(
        label=tr("Leave this one out"),
        action=code(Verb.LEAVE, draft.id, place),
        style=Style.DANGER,
    )
    by_kind = Button(label=tr("Leave out by kind"), action=code(Verb.KINDS, draft.id))
    rows += [(leave, by_kind), (_done(draft),)]
    return Content(text="\n\n".join([head, *said]), buttons=tuple(rows))


def kinds(draft: Draft, found: Sequence[Kind]) -> Content:
    """Kinds of examples; a press leaves all of one out, or takes them in again."""
    rows: list[tuple[Button, ...]] = []
    for kind in (*found[:KINDS], *(kind for kind in found[KINDS:] if kind.left_out)):
        words = shortened(kind_words(kind.words), 40)
        label = (
            tr("Take in again: {kind} ({count:,})", kind=words, count=kind.examples)
            if kind.left_out
            else tr("Leave out: {kind} ({count:,})", kind=words, count=kind.examples)
        )
        rows.append((Button(label=label, action=code(Verb.KIND, draft.id, kind.number)),))
    look_at = Button(label=tr("Look at the examples"), action=code(Verb.LOOK, draft.id, 0))
    rows.append((look_at, _done(draft)))
    text = trn(
        "**{n:,} example** from {file}.",
        "**{n:,} examples** from {file}.",
        draft.example_count,
        file=inline(draft.source),
    )
    if draft.left_out:
        text += " " + tr("Left out: {kinds}.", kinds=escape(left_out_words(draft.left_out)))
    how = (
        tr("A press leaves a whole kind out, or takes it in again.")
        if found
        else tr("They are all of one kind: there is nothing to leave out at once.")
    )
    return Content(text=f"{text}\n\n{how}", buttons=tuple(rows))
