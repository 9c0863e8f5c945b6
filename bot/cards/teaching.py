"""What is taught in the chat, and examples that leave as files."""

from collections.abc import Sequence

from avatar.language import tr, trn
from avatar.records import Avatar, Message, Role, Taught, Version
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.screen import Button, Card, Content, Entry, File
from bot.wording import escape, shortened

PAGE = 5  # taught answers on a page


def taught(avatar: Avatar, one: Taught, count: int) -> Content:
    """After /teach."""
    asked, answer = escape(shortened(_asked(one), 120)), escape(shortened(one.better, 200))
    kept = tr(
        "Kept for the next training of {name}: to “{question}” it should say “{answer}”.",
        name=escape(avatar.name),
        question=asked,
        answer=answer,
    )
    so_far = trn(
        "{n:,} answer taught so far (/examples); /train offers them.",
        "{n:,} answers taught so far (/examples); /train offers them.",
        count,
    )
    return Content(
        text=f"{kept} {so_far}",
        buttons=((Button(label=tr("Take it back"), action=code(Verb.UNTEACH, one.id)),),),
    )


def what_instead(reply: Message) -> Content:
    """After a thumbs-down."""
    said = escape(shortened(reply.text, 160))
    return Content(
        text=tr(
            "What should it have said instead of “{reply}”? Answer this message with it: I keep it "
            "for the next training. Or leave it.",
            reply=said,
        )
    )


def _asked(one: Taught) -> str:
    asked = [turn.text for turn in one.turns if turn.role is Role.USER]
    return asked[-1] if asked else ""


def lessons(avatar: Avatar, page: Sequence[Taught], *, number: int, count: int) -> Content:
    """One page of what was taught, newest first."""
    if not page:
        text = (
            tr("There is no such page. /examples shows the newest.")
            if number > 1
            else tr(
                "Nothing was taught yet. Answer a reply of the avatar with /teach and what it "
                "should have said, or put 👍 or 👎 under it."
            )
        )
        return Content(text=text)
    entries = tuple(
        Entry(
            text=f"**{one.id}** · {escape(shortened(_asked(one), 120))}  \n"
            f"→ {escape(shortened(one.better, 200))}  \n"
            + (
                tr("as it said itself (👍)")
                if one.liked
                else tr("instead of: {reply}", reply=escape(shortened(one.worse, 120)))
            ),
            buttons=(
                Button(
                    label=tr("Delete {number}", number=one.id), action=code(Verb.UNTEACH, one.id)
                ),
            ),
        )
        for one in page
    )
    more = number * PAGE < count
    rows = (
        *turn(
            Verb.LESSONS,
            avatar.id,
            page=number,
            more=more,
            back=tr("« Newer"),
            on=tr("Older »"),
        ),
        (Button(label=tr("As a file"), action=code(Verb.LESSON_FILE, avatar.id)),),
    )
    head = trn(
        "**Taught to {name}**: {n:,} answer",
        "**Taught to {name}**: {n:,} answers",
        count,
        name=escape(avatar.name),
    )
    return Card(head=head, entries=entries, buttons=rows).content


def untaught(*, gone: bool) -> Content:
    """After a taught answer was deleted."""
    return Content(text=tr("Deleted.") if gone else tr("It was deleted already."))


def lesson_file(avatar: Avatar, content: bytes, count: int) -> Content:
    """What was taught, as OpenAI's JSONL."""
    return Content(
        text=trn(
            "{n:,} taught answer in OpenAI's format.",
            "{n:,} taught answers in OpenAI's format.",
            count,
        ),
        file=File(name=f"{avatar.slug}-taught.jsonl", content=content),
    )


def dataset(avatar: Avatar, version: Version, content: bytes) -> Content:
    """A version's examples, as OpenAI's JSONL."""
    return Content(
        text=trn(
            "The {n:,} example of version {number} in OpenAI's format: they can be trained "
            "anywhere, also after the version is deleted here.",
            "The {n:,} examples of version {number} in OpenAI's format: they can be trained "
            "anywhere, also after the version is deleted here.",
            version.example_count,
            number=version.number,
        ),
        file=File(name=f"{avatar.slug}-version-{version.number}.jsonl", content=content),
    )


def report_file(source: str, content: bytes, words: str) -> Content:
    """What became of a file, with all its examples."""
    stem = source.rsplit(".", 1)[0][:40]
    safe = "".join(c if c.isalnum() else "-" for c in stem).strip("-") or "all"
    return Content(text=words, file=File(name=f"{safe}-examples.jsonl", content=content))
