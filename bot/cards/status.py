"""What is active and what it costs: /status, /cost, /why."""

from collections.abc import Sequence
from datetime import datetime

from avatar import tokens
from avatar.pricing import Price, dollars
from avatar.records import Avatar, Finish, Job, Message, Pair, Spending, Version
from avatar.versions import badge, short_model
from bot.actions import Verb, code
from bot.screen import Button, Content
from bot.wording import ago, badge_words, counted, escape, shortened, version_title
from bot.wording import code as inline


def status(
    avatar: Avatar,
    pair: Pair,
    *,
    model: Version | None,
    label: str,
    price: Price | None,
    spending: Sequence[Spending],
    trainings: Sequence[tuple[Version, Job]],
    now: datetime,
) -> Content:
    """The card of an avatar: model, prompt, prices, this month, trainings in progress. `pair` is
    what really answers: where the provider of `model` (the active one) is not set up, its base.
    """
    prompt = pair.prompt
    parts = [f"**{escape(avatar.name)}**"]
    rows: list[tuple[Button, ...]] = []
    if model is not None:
        parts.append(
            f"**Active Model**: {inline(model.fine_tuned_model_id or '')}  \n"
            f"Fine-Tuned Active (version {model.number}, {counted(model.example_count, 'example')})"
        )
        if pair.model is None:
            parts.append(
                f"Its provider ({escape(model.provider or '')}) is not set up here, so "
                f"{inline(pair.model_name)} at {escape(label)} answers."
            )
        rows.append((Button(label="Deactivate", action=code(Verb.DEACTIVATE, model.id)),))
    else:
        parts.append(f"**Active Model**: Base Model ({escape(pair.model_name)})  \nNo Fine-Tuning")
    if prompt is not None:
        parts.append(
            f"**Active Prompt**: version {prompt.number}, {ago(prompt.created_at, now)}  \n"
            f"{escape(shortened(prompt.prompt or '', 200))}"
        )
        rows.append((Button(label="Show the prompt", action=code(Verb.PROMPT, prompt.id)),))
    else:
        parts.append("**Active Prompt**: none. /prompt TEXT writes one.")
    parts.append("**Price**: " + _price_words(price, prompt))
    parts.append("**This month**: " + month_words(spending))
    if trainings:
        lines = [
            f"- {version_title(version)} — {badge_words(badge(version, avatar), job)}, "
            f"began {ago(version.created_at, now)}"
            for version, job in trainings
        ]
        parts.append("**Training now**:\n\n" + "\n".join(lines))
        rows += [
            (Button(label=f"Cancel {version.number}", action=code(Verb.CANCEL, version.id)),)
            for version, _ in trainings
        ]
    rows.append((Button(label="Learning Path", action=code(Verb.HISTORY, avatar.id, 1)),))
    return Content(text="\n\n".join(parts), buttons=tuple(rows))


def _price_words(price: Price | None, prompt: Version | None) -> str:
    if price is None:
        return "no price is known for this model"
    if price.is_free:
        return "free"
    words = (
        f"{dollars(price.input)} in, {dollars(price.cached)} cached, "
        f"{dollars(price.output)} out per 1M tokens"
    )
    if prompt is not None and prompt.prompt:
        size = tokens.estimate(prompt.prompt)
        words += f"; the prompt adds about {counted(size, 'token')} to every message"
    return words


def month_words(spending: Sequence[Spending]) -> str:
    """What was spent in a month, in one line."""
    cost = sum(line.cost for line in spending)
    replies = sum(line.count for line in spending if line.kind == "chat")
    trainings = sum(line.count for line in spending if line.kind == "training")
    unpriced = sum(line.unpriced for line in spending)
    words = f"{dollars(cost)} for {counted(replies, 'reply', 'replies')} and "
    words += counted(trainings, "training")
    if unpriced:
        words += f" ({counted(unpriced, 'call')} without a known price not counted)"
    return words


_KINDS = {
    "chat": "chat",
    "training": "training",
    "compare": "comparisons",
    "inline": "answers to share",
    "transcription": "voice messages heard",
    "speech": "answers spoken",
}
_VOICES = frozenset({"transcription", "speech"})


def cost(avatar: Avatar, spending: Sequence[Spending], *, month: str) -> Content:
    """Trainings and chat of a month, by version."""
    head = f"**Spent on {escape(avatar.name)} in {month}**"
    if not spending:
        return Content(text=f"{head}\n\nNothing yet.")
    lines = []
    for line in spending:
        who = f"version {line.version_number}" if line.version_number is not None else "base model"
        who = "voice" if line.kind in _VOICES else who
        amount = dollars(line.cost)
        if line.unpriced == line.count:
            amount = "no known price"
        used = f"{line.prompt_tokens + line.completion_tokens:,} tokens"
        what = _KINDS[line.kind]
        lines.append(
            f"- {who} ({inline(short_model(line.model))}), {what}: {amount} "
            f"({counted(line.count, 'call')}, {used})"
        )
    return Content(text="\n\n".join([head, "\n".join(lines), f"Together: {month_words(spending)}"]))


_FINISH = {
    Finish.LENGTH: "It ended at the model's length limit.",
    Finish.FILTER: "The provider's filter ended it.",
    Finish.CUT: "The connection broke before it ended.",
    Finish.STOPPED: "It was stopped.",
}


def why(message: Message, pair: Pair, avatar: Avatar, *, now: datetime) -> Content:
    """What gave a reply."""
    lines = [
        f"Model: {inline(pair.model_name)}"
        + (f" (version {pair.model.number})" if pair.model else " (the base model)"),
        f"Prompt: version {pair.prompt.number}" if pair.prompt else "Prompt: none",
    ]
    if message.usage is not None:
        usage = message.usage
        words = f"Tokens: {usage.prompt_tokens:,} in"
        if usage.cached_tokens:
            words += f" ({usage.cached_tokens:,} of them cached)"
        words += f", {usage.completion_tokens:,} out"
        lines.append(words + (" (estimated)" if usage.estimated else ""))
    lines.append(f"Cost: {dollars(message.cost)}")
    lines.append(f"Given {ago(message.created_at, now)}")
    if message.finish in _FINISH:
        lines.append(_FINISH[message.finish])
    buttons = tuple(
        Button(label=f"Show version {version.number}", action=code(Verb.SHOW, version.id))
        for version in (pair.prompt, pair.model)
        if version is not None and version.deleted_at is None
    )
    text = f"**What gave this reply of {escape(avatar.name)}**\n\n"
    return Content(
        text=text + "\n".join(f"- {line}" for line in lines), buttons=(buttons,) if buttons else ()
    )
