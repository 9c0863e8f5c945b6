"""An avatar as one file, and an avatar made of one."""

from collections.abc import Sequence

from avatar.exporting import Export
from avatar.exports import Imported
from avatar.language import noted, tr, trn
from avatar.records import Avatar, Version
from bot.actions import Verb, code
from bot.cards.people import Where
from bot.screen import Button, Content, File
from bot.wording import code as inline
from bot.wording import escape

_NAMED = 10  # versions, at most


def how_to_import() -> str:
    """How /import is typed."""
    return tr(
        "Send the file that /export made with /import as its caption: it becomes a new avatar of "
        "yours."
    )


def exported(avatar: Avatar, export: Export, content: bytes) -> Content:
    """After /export."""
    examples = sum(len(each.examples) + len(each.held_out) for each in export.versions)
    return Content(
        text=tr(
            "**{name}** as one file: {versions}, {examples}, {taught}, and every switch, with its "
            "picture, voice and limits. It holds no messages beyond what examples hold, no names "
            "of owners and no keys. Fine-tuned models stay at their providers; /import makes a new "
            "avatar of it.",
            name=escape(avatar.name),
            versions=trn("{n:,} version", "{n:,} versions", len(export.versions)),
            examples=trn("{n:,} example", "{n:,} examples", examples),
            taught=trn("{n:,} taught answer", "{n:,} taught answers", len(export.lessons)),
        ),
        file=File(name=f"{avatar.slug}-export.zip", content=content),
    )


_THERE = {
    Where.HERE: noted(
        "**{name}** is there and yours, and this chat talks to it now: {versions} with their "
        "numbers. Others reach it with /start {slug}."
    ),
    Where.ALONE: noted(
        "**{name}** is there and yours, and waits where you are alone with me: {versions} with "
        "their numbers. It is reached with /start {slug}."
    ),
    Where.MAIN_BOT: noted(
        "**{name}** is there and yours: {versions} with their numbers. This bot belongs to another "
        "avatar: talk to {name} in the main bot with /start {slug}."
    ),
}


def imported(done: Imported, export: Export, *, where: Where) -> Content:
    """After /import."""
    lines = [
        tr(
            _THERE[where],
            name=escape(done.avatar.name),
            versions=trn("{n:,} version", "{n:,} versions", len(export.versions)),
            slug=done.avatar.slug,
        )
    ]
    if done.other_base is not None:
        lines.append(
            tr(
                "Its base model was {before}, which is not to be had here: it is {now} now. /base "
                "changes it.",
                before=inline(done.other_base),
                now=inline(done.avatar.base_model),
            )
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
        lines += [tr("Their models answer here too:"), _named(done.here)]
    if done.elsewhere:
        not_here = tr(
            "Their models are not here. Train their examples again, or take a model that you have "
            "elsewhere with /adopt:"
        )
        lines += [not_here, _named(done.elsewhere)]
    rows = [
        (
            Button(
                label=tr("Retrain {number}", number=each.number),
                action=code(Verb.RETRAIN, each.id),
            ),
        )
        for each in done.elsewhere[:_NAMED]
        if each.example_count
    ]
    return Content(text="\n\n".join(lines), buttons=tuple(rows))


def _named(versions: Sequence[Version]) -> str:
    lines = [
        trn(
            "version {number}: {n:,} example, {model}",
            "version {number}: {n:,} examples, {model}",
            each.example_count,
            number=each.number,
            model=inline(each.fine_tuned_model_id or each.base_model or ""),
        )
        for each in versions[:_NAMED]
    ]
    if len(versions) > _NAMED:
        lines.append(tr("… and {count:,} more", count=len(versions) - _NAMED))
    return "\n".join(f"- {line}" for line in lines)
