"""Taking a person out of the stored examples."""

from collections.abc import Sequence

from avatar.language import tr, trn
from avatar.records import Avatar, Version
from avatar.unlearning import Holding
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import escape


def question(
    avatar: Avatar,
    name: str,
    held: Sequence[Holding],
    confirmation_ids: Sequence[int],
    *,
    taught: int,
) -> Content:
    """Which versions' examples hold a person, how many taught answers do, and the questions."""
    if not held and not taught:
        return Content(
            text=tr(
                "No stored example of {avatar} holds the name {name}.",
                avatar=escape(avatar.name),
                name=escape(name),
            )
        )
    lines = [f"- {_line(each)}" for each in held]
    if taught:
        lines.append("- " + tr("what was taught in the chat: {count:,}", count=taught))
    text = tr(
        "**{name}** is in the stored examples of {avatar}:\n\n{versions}\n\nRemoving takes these "
        "examples away for good; it cannot be undone. The models that were trained on them still "
        "know them: train again without them, then delete the old versions and their models. Look "
        "at the name's other spellings too. The questions are open for ten minutes.",
        name=escape(name),
        avatar=escape(avatar.name),
        versions="\n".join(lines),
    )
    rows = [
        (
            Button(
                label=tr(
                    "Remove {count:,} from version {number}",
                    count=len(each.positions),
                    number=each.version.number,
                ),
                action=code(Verb.YES, confirmation_id),
                style=Style.DANGER,
            ),
        )
        for each, confirmation_id in zip(held, confirmation_ids, strict=False)
    ]
    if taught:
        button = Button(
            label=tr("Remove {count:,} from what was taught", count=taught),
            action=code(Verb.YES, confirmation_ids[-1]),
            style=Style.DANGER,
        )
        rows.append((button,))
    return Content(text=text, buttons=tuple(rows))


def _line(held: Holding) -> str:
    return trn(
        "version {number}: {count:,} of {n:,} example",
        "version {number}: {count:,} of {n:,} examples",
        held.stored,
        number=held.version.number,
        count=len(held.positions),
    )


def removed(version: Version, name: str, gone: int, *, enough: bool) -> Content:
    """After a person was removed from a version's examples."""
    text = tr(
        "{examples} with {name} removed from version {number}. Its model still knows them; "
        "{left:,} examples are left.",
        examples=trn("{n:,} example", "{n:,} examples", gone),
        name=escape(name),
        number=version.number,
        left=version.example_count,
    )
    if not enough:
        text += " " + tr("That is too few to train again.")
        return Content(text=text)
    again = Button(label=tr("Train Again"), action=code(Verb.RETRAIN, version.id))
    return Content(text=text, buttons=((again,),))


def untaught(name: str, gone: int) -> Content:
    """After a person was removed from what was taught."""
    return Content(
        text=trn(
            "{n:,} taught answer with {name} removed. What was trained on it still knows it.",
            "{n:,} taught answers with {name} removed. What was trained on them still knows them.",
            gone,
            name=escape(name),
        )
    )
