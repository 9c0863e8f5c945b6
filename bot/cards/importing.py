"""Chat exports on their way to examples: whose words, which chats, by which rules; and looking."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from avatar.dataset.kinds import Kind, kind_words
from avatar.dataset.reading import shown_name
from avatar.dataset.watch import Stage, Watch
from avatar.importing import CHATS, OPTIONS, SPEAKERS, Asked
from avatar.language import noted, tr, trn
from avatar.records import Attachment, Draft, Example, Import, Role
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import escape, left_out_words, shortened

KINDS = 20  # kinds of examples that are offered
PAGE = 10  # speakers or chats that are offered at once
NAMED = 8  # marked chats whose names are said
GROUP = "👥"  # before the name of a chat of more than two
_WHO = {
    Role.USER: noted("Somebody"),
    Role.ASSISTANT: noted("The avatar"),
    Role.SYSTEM: noted("Instructions"),
}


def page_of(place: int) -> int:
    """The page on which a speaker or a chat is offered."""
    return place // PAGE + 1


def question(asked: Asked, *, page: int = 1) -> Content:
    """Whose words are learnt, or from which chats."""
    about = asked.about
    offered = about.speakers if asked.is_who else about.chats
    last = page_of(max(0, len(offered) - 1))
    page = max(1, min(page, last))
    places = range((page - 1) * PAGE, min(page * PAGE, len(offered)))
    said = [
        tr(
            "**{format} export**: {messages} in {chats}.",
            format=escape(about.format),
            messages=trn("{n:,} message", "{n:,} messages", about.messages),
            chats=trn("{n:,} chat", "{n:,} chats", about.chat_count),
        ),
        *(_who_texts(asked) if asked.is_who else _chats_texts(asked)),
    ]
    if last > 1:
        said += _marked_texts(about)
        said.append(tr("Page {page} of {last}", page=page, last=last))
    leaf = turn(Verb.OFFERED, about.id, page=page, more=page < last)
    if asked.is_who:
        rows = [*_speakers(asked, places), *leaf]
    else:
        rows = [*_at_once(asked, page), *_chats(asked, places), *leaf, *_marked(asked, page)]
    return Content(text="\n\n".join(said), buttons=tuple(rows))


def _who_texts(asked: Asked) -> Iterator[str]:
    yield tr("Who is the avatar to learn from?")
    text = tr("In brackets is how many messages somebody wrote.")
    if len(asked.about.speakers) == SPEAKERS:
        text += " " + tr("The {count} who say most are listed.", count=SPEAKERS)
    yield text


def _chats_texts(asked: Asked) -> Iterator[str]:
    about = asked.about
    text = tr("From which chats?")
    for id_, name, _ in about.speakers:
        if id_ == about.speaker:
            text += " " + tr("The avatar learns how {name} writes in them.", name=escape(name))
    yield text
    text = tr(
        "A press marks a chat, or takes the mark away. In brackets is how many messages it has."
    )
    if asked.of_two:
        text += " " + tr("In those with {symbol} more than two people write.", symbol=GROUP)
    if len(about.chats) == CHATS:
        text += " " + tr("The {count} with the most messages are listed.", count=CHATS)
    elif len(about.chats) < about.chat_count:
        text += " " + tr("Those from which nothing can be learnt are not listed.")
    yield text


def _marked_texts(about: Import) -> Iterator[str]:
    """Which chats are marked, on all pages."""
    titles = [escape(shortened(c.title, 30)) for c in about.chats if c.id in about.marked]
    names, more = ", ".join(titles[:NAMED]), len(titles) - NAMED
    if more > 0:
        yield tr("Marked: {names} and {count:,} more", names=names, count=more)
    elif titles:
        yield tr("Marked: {names}", names=names)


def _speakers(asked: Asked, places: range) -> Iterator[tuple[Button, ...]]:
    for place in places:
        _, name, messages = asked.about.speakers[place]
        action = code(Verb.SPEAKER, asked.about.id, place)
        yield (Button(label=f"{shortened(name, 40)} ({messages:,})", action=action),)


def _chats(asked: Asked, places: range) -> Iterator[tuple[Button, ...]]:
    """A button sets a state, so that nothing comes of pressing it twice."""
    about, are_mixed = asked.about, bool(asked.of_two)
    for place in places:
        chat = about.chats[place]
        marked = chat.id in about.marked
        title = shortened(chat.title, 40)
        if are_mixed and not chat.of_two:
            title = f"{GROUP} {title}"
        label = f"{'☑' if marked else '☐'} {title} ({chat.messages:,})"
        yield (Button(label=label, action=code(Verb.MARK, about.id, place, 0 if marked else 1)),)


def _at_once(asked: Asked, page: int) -> Iterator[tuple[Button, ...]]:
    """What needs no looking for chats."""
    about = asked.about
    label = tr("All {count} chats", count=about.chat_count)
    yield (Button(label=label, action=code(Verb.ALL_CHATS, about.id)),)
    if asked.of_two:
        label = tr("Only chats of two ({count})", count=len(asked.of_two))
        yield (Button(label=label, action=code(Verb.ONLY, about.id, page, 1)),)


def _marked(asked: Asked, page: int) -> Iterator[tuple[Button, ...]]:
    """What is done with the chats that are marked."""
    about, count = asked.about, len(asked.about.marked)
    if count > 1:
        label = tr("Take all marks away")
        yield (Button(label=label, action=code(Verb.ONLY, about.id, page, 0)),)
    if count:
        label = trn("Go on with {n:,} chat", "Go on with {n:,} chats", count)
        yield (Button(label=label, action=code(Verb.MARKED, about.id), style=Style.SUCCESS),)


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
    if len(about.chats) > 1:
        action = code(Verb.OFFERED, about.id, 1)
        rows.append((Button(label=tr("Choose other chats"), action=action),))
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
