"""How things are said: ages, amounts, badges, and text that is safe inside of Markdown."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from avatar.dataset.kinds import kind_words
from avatar.dates import day
from avatar.errors import AvatarError, BadDataset
from avatar.language import noted, tr, trn
from avatar.records import Badge, Job, Person, TrainingType, Version
from avatar.versions import short_model

_SYMBOLS = {
    Badge.ACTIVE_NOW: "🟢",
    Badge.COMPLETED: "⚪",
    Badge.TRAINING: "🔵",
    Badge.FAILED: "🔴",
    Badge.CANCELLED: "⚫",
    Badge.QUICK_TRAINING: "○",
}
_BADGES = {
    Badge.ACTIVE_NOW: noted("Active Now"),
    Badge.COMPLETED: noted("Completed"),
    Badge.TRAINING: noted("Training"),
    Badge.FAILED: noted("Failed"),
    Badge.CANCELLED: noted("Cancelled"),
    Badge.QUICK_TRAINING: noted("Quick Training"),
}

# Under what may have been shown before a crash.
PERHAPS_AGAIN = noted("_(I was interrupted, so this may reach you for the second time.)_")

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$!&])")
_LINE_START = re.compile(r"(?m)^([^\S\n]*\d*)([-+=.)])")


def escape(text: str) -> str:
    """Text that reads the same when it is taken for Markdown."""
    return _LINE_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))


def code(text: str) -> str:
    """Text as inline code; backticks inside are kept by a longer mark."""
    text = " ".join(text.split())
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    mark = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{mark}{pad}{text}{pad}{mark}"


def block(text: str) -> str:
    """Text as a code block, line for line; fences inside are kept by a longer one."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def shortened(text: str, limit: int) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def examples(n: int) -> str:
    """`1 example`, `44 examples`."""
    return trn("{n:,} example", "{n:,} examples", n)


def epochs(n: int) -> str:
    """`1 epoch`, `3 epochs`."""
    return trn("{n:,} epoch", "{n:,} epochs", n)


def characters(n: int) -> str:
    """`1 character`, `200 characters`."""
    return trn("{n:,} character", "{n:,} characters", n)


def ago(then: datetime, now: datetime) -> str:
    """How long since, in one unit: `2 hours ago`. A clock that went back reads as `just now`."""
    seconds = (now - then).total_seconds()
    if seconds < 45:
        return tr("just now")
    if (n := _units(seconds, 60)) < 60:
        return trn("{n:,} minute ago", "{n:,} minutes ago", n)
    if (n := _units(seconds, 3600)) < 24:
        return trn("{n:,} hour ago", "{n:,} hours ago", n)
    if (n := _units(seconds, 86_400)) < 30:
        return trn("{n:,} day ago", "{n:,} days ago", n)
    if (n := _units(seconds, 2_629_800)) < 12:
        return trn("{n:,} month ago", "{n:,} months ago", n)
    if (n := _units(seconds, 31_557_600)) < 10_000:
        return trn("{n:,} year ago", "{n:,} years ago", n)
    return tr("long ago")


def _units(seconds: float, size: int) -> int:
    return max(1, round(seconds / size))


def moment(at: datetime) -> str:
    """A time, to the minute."""
    return f"{day(at)} {at:%H:%M} UTC"


def duration(seconds: float) -> str:
    """`about 5 seconds`, `about 12 minutes`, `about 2 hours`."""
    if seconds < 90:
        n = max(1, round(seconds))
        return trn("about {n:,} second", "about {n:,} seconds", n)
    if seconds < 5400:
        return trn("about {n:,} minute", "about {n:,} minutes", round(seconds / 60))
    return trn("about {n:,} hour", "about {n:,} hours", round(seconds / 3600))


def person_words(person: Person) -> str:
    """Somebody, with what is typed to mean them, as Markdown: `Ani (telegram:123)`."""
    return f"{escape(person.name)} ({code(f'{person.platform}:{person.external_id}')})"


def badge_words(badge: Badge, job: Job | None = None) -> str:
    """A badge with its colour, and how far a training is."""
    words = f"{_SYMBOLS[badge]} {tr(_BADGES[badge])}"
    if badge is Badge.TRAINING and (done := share_done(job)) is not None:
        words += f" {done:.0%}"
    return words


def share_done(job: Job | None) -> float | None:
    """How much of a training is done, 0 to 1; None before the first step."""
    if job is None or not job.total_steps or job.step is None:
        return None
    return min(1.0, job.step / job.total_steps)


def bar(share: float, width: int = 20) -> str:
    """A bar of blocks."""
    full = round(share * width)
    return "█" * full + "░" * (width - full)


def version_name(version: Version) -> str:
    """What a version is called: its model's shortened id, or "Prompt update"."""
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return tr("Prompt update")
    if version.fine_tuned_model_id:
        return short_model(version.fine_tuned_model_id)
    return tr("Fine-tune of {model}", model=version.base_model)


def version_title(version: Version) -> str:
    """Number and name, as Markdown: `3 · ft:gpt-4o:…:CVZq68Yu`."""
    name = version_name(version)
    if version.fine_tuned_model_id:
        name = code(name)
    return f"**{version.number} · {name}**"


def screening_words(screening: Mapping[str, Any], provider: str) -> str:
    """What a provider's moderation said of a version's examples."""
    if screening["refusal"]:
        refusal = screening["refusal"]
        return tr("Not screened by {provider}: {refusal}", provider=provider, refusal=refusal)
    if not screening["left_out"]:
        return tr(
            "Screened by the moderation of {provider}: nothing was flagged", provider=provider
        )
    kinds = ", ".join(f"{name} {count:,}" for name, count in screening["categories"].items())
    return trn(
        "Screened by the moderation of {provider}: {n:,} example left out ({kinds})",
        "Screened by the moderation of {provider}: {n:,} examples left out ({kinds})",
        screening["left_out"],
        provider=provider,
        kinds=kinds,
    )


def left_out_words(left_out: Mapping[str, int]) -> str:
    """Kinds of examples and how many of each: `in German (12), one by one (2)`."""
    return ", ".join(f"{kind_words(kind)} ({count:,})" for kind, count in left_out.items())


def sentence(error: AvatarError) -> str:
    """An error as Markdown: what happened and what to do next."""
    if isinstance(error, BadDataset):
        if len(error.faults) == 1 and not error.more:
            return tr(
                "The file cannot be trained on: {fault}\n\nNothing was stored. Send it again with "
                "/train when that is mended, or send another one.",
                fault=escape(error.faults[0]),
            )
        lines = [tr("The file cannot be trained on:"), ""]
        lines += [f"- {escape(fault)}" for fault in error.faults]
        if error.more:
            more = trn("… and {n:,} more fault", "… and {n:,} more faults", error.more)
            lines.append(f"- {more}")
        mend = tr("Nothing was stored. Correct the file and send it again with /train.")
        return "\n".join([*lines, "", mend])
    return escape(error.sentence)


def unexpected(reference: str) -> str:
    """What a person reads when something went wrong that we did not foresee."""
    return tr(
        "Something went wrong here, and it is not your fault. Please try again; if it stays, give "
        "the operator this reference: {reference}",
        reference=code(reference),
    )


def unknown_command(name: str) -> str:
    """For a command that does not exist, or not for this person."""
    return tr(
        "There is no command /{name} here. /help lists what you can do.",
        name=escape(shortened(name, 32)),
    )
