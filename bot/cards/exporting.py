"""An avatar as one file, and an avatar made of one."""

from collections.abc import Sequence

from avatar.exporting import Export
from avatar.exports import Imported
from avatar.language import tr
from avatar.records import Avatar, Version
from bot.actions import Verb, code
from bot.screen import Button, Content, File
from bot.wording import code as inline
from bot.wording import counted, escape

_NAMED = 10  # versions, at most

HOW_TO_IMPORT = (
    "Send the file that /export made with /import as its caption: it becomes a new avatar of yours."
)


def exported(avatar: Avatar, export: Export, content: bytes) -> Content:
    """After /export."""
    examples = sum(len(each.examples) + len(each.held_out) for each in export.versions)
    return Content(
        text=f"**{escape(avatar.name)}** as one file: {counted(len(export.versions), 'version')}, "
        f"{counted(examples, 'example')}, {counted(len(export.lessons), 'taught answer')}, and "
        "every switch, with its picture, voice and limits. It holds no messages beyond what "
        "examples hold, no names of owners and no keys. Fine-tuned models stay at their providers; "
        "/import makes a new avatar of it.",
        file=File(name=f"{avatar.slug}-export.zip", content=content),
    )


def imported(done: Imported, export: Export) -> Content:
    """After /import."""
    lines = [
        f"**{escape(done.avatar.name)}** is there and yours, and this chat talks to it now: "
        f"{counted(len(export.versions), 'version')} with their numbers. Others reach it with "
        f"/start {done.avatar.slug}."
    ]
    if done.other_base is not None:
        lines.append(
            f"Its base model was {inline(done.other_base)}, which is not to be had here: it is "
            f"{inline(done.avatar.base_model)} now. /base changes it."
        )
    if done.lost_voice is not None:
        lines.append(
            tr(
                "It spoke with the voice {voice}, which nobody has here: it answers in writing. "
                "/voice chooses another.",
                voice=inline(done.lost_voice),
            )
        )
    if done.here:
        lines.append("Their models answer here too:\n\n" + _named(done.here))
    if done.elsewhere:
        lines.append(
            "Their models are not here. Train their examples again, or take a model that you have "
            "elsewhere with /adopt:\n\n" + _named(done.elsewhere)
        )
    rows = [
        (Button(label=f"Retrain {each.number}", action=code(Verb.RETRAIN, each.id)),)
        for each in done.elsewhere[:_NAMED]
        if each.example_count
    ]
    return Content(text="\n\n".join(lines), buttons=tuple(rows))


def _named(versions: Sequence[Version]) -> str:
    lines = [
        f"- version {each.number}: {counted(each.example_count, 'example')}, "
        f"{inline(each.fine_tuned_model_id or each.base_model or '')}"
        for each in versions[:_NAMED]
    ]
    if len(versions) > _NAMED:
        lines.append(f"- … and {counted(len(versions) - _NAMED, 'more')}")
    return "\n".join(lines)
