"""Taking a person out of the stored examples."""

from collections.abc import Sequence

from avatar.records import Avatar, Version
from avatar.unlearning import Holding
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import counted, escape


def question(
    avatar: Avatar, name: str, held: Sequence[Holding], confirmation_ids: Sequence[int]
) -> Content:
    """Which versions' examples hold a person, and the questions."""
    if not held:
        return Content(
            text=f"No stored example of {escape(avatar.name)} holds the name {escape(name)}."
        )
    lines = [
        f"- version {each.version.number}: {len(each.positions):,} of "
        f"{counted(each.stored, 'example')}"
        for each in held
    ]
    text = (
        f"**{escape(name)}** is in the stored examples of {escape(avatar.name)}:\n\n"
        + "\n".join(lines)
        + "\n\nRemoving takes these examples away for good; it cannot be undone. The models that "
        "were trained on them still know them: train again without them, then delete the old "
        "versions and their models. Look at the name's other spellings too. The questions are "
        "open for ten minutes."
    )
    rows = [
        (
            Button(
                label=f"Remove {len(each.positions):,} from version {each.version.number}",
                action=code(Verb.YES, confirmation_id),
                style=Style.DANGER,
            ),
        )
        for each, confirmation_id in zip(held, confirmation_ids, strict=True)
    ]
    return Content(text=text, buttons=tuple(rows))


def removed(version: Version, name: str, gone: int, *, enough: bool) -> Content:
    """After a person was removed from a version's examples."""
    text = (
        f"{counted(gone, 'example')} with {escape(name)} removed from version {version.number}. "
        f"Its model still knows them; {version.example_count:,} examples are left."
    )
    if not enough:
        text += " That is too few to train again."
        return Content(text=text)
    return Content(
        text=text,
        buttons=((Button(label="Train Again", action=code(Verb.RETRAIN, version.id)),),),
    )
