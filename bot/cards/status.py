"""What is active and what it costs: /status, /cost, /why."""

from collections.abc import Sequence
from datetime import datetime

from avatar import tokens
from avatar.language import noted, tr, trn
from avatar.pricing import Price, dollars
from avatar.records import Avatar, Finish, Job, Message, Pair, Spending, Usage, Version
from avatar.versions import badge, short_model
from bot.actions import Verb, code
from bot.screen import Button, Content
from bot.wording import ago, badge_words, escape, examples, shortened, version_title
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
    parts = [
        f"**{escape(avatar.name)}**",
        *_model_parts(pair, model, label),
        _prompt_part(pair.prompt, now),
        _price_words(price, pair.prompt),
        tr("**This month**: {spent}", spent=month_words(spending)),
    ]
    rows: list[tuple[Button, ...]] = []
    if model is not None:
        rows.append((Button(label=tr("Deactivate"), action=code(Verb.DEACTIVATE, model.id)),))
    if pair.prompt is not None:
        show = Button(label=tr("Show the prompt"), action=code(Verb.PROMPT, pair.prompt.id))
        rows.append((show,))
    if trainings:
        lines = [_training_line(version, job, avatar, now) for version, job in trainings]
        parts.append(f"{tr('**Training now**:')}\n\n" + "\n".join(lines))
        rows += [(_cancel(version),) for version, _ in trainings]
    rows.append((Button(label=tr("Learning Path"), action=code(Verb.HISTORY, avatar.id, 1)),))
    return Content(text="\n\n".join(parts), buttons=tuple(rows))


def _model_parts(pair: Pair, model: Version | None, label: str) -> list[str]:
    if model is None:
        return [
            tr(
                "**Active Model**: Base Model ({model})  \nNo Fine-Tuning",
                model=escape(pair.model_name),
            )
        ]
    parts = [
        tr(
            "**Active Model**: {model}  \nFine-Tuned Active (version {number}, {examples})",
            model=inline(model.fine_tuned_model_id or ""),
            number=model.number,
            examples=examples(model.example_count),
        )
    ]
    if pair.model is None:
        parts.append(
            tr(
                "Its provider ({provider}) is not set up here, so {model} at {other} answers.",
                provider=escape(model.provider or ""),
                model=inline(pair.model_name),
                other=escape(label),
            )
        )
    return parts


def _prompt_part(prompt: Version | None, now: datetime) -> str:
    if prompt is None:
        return tr("**Active Prompt**: none. /prompt TEXT writes one.")
    head = tr(
        "**Active Prompt**: version {number}, {age}",
        number=prompt.number,
        age=ago(prompt.created_at, now),
    )
    return f"{head}  \n{escape(shortened(prompt.prompt or '', 200))}"


def _training_line(version: Version, job: Job, avatar: Avatar, now: datetime) -> str:
    line = tr(
        "{version} — {badge}, began {age}",
        version=version_title(version),
        badge=badge_words(badge(version, avatar), job),
        age=ago(version.created_at, now),
    )
    return f"- {line}"


def _cancel(version: Version) -> Button:
    label = tr("Cancel {number}", number=version.number)
    return Button(label=label, action=code(Verb.CANCEL, version.id))


def _price_words(price: Price | None, prompt: Version | None) -> str:
    if price is None:
        return tr("**Price**: no price is known for this model")
    if price.is_free:
        return tr("**Price**: free")
    fields = {
        "input": dollars(price.input),
        "cached": dollars(price.cached),
        "output": dollars(price.output),
    }
    if prompt is None or not prompt.prompt:
        return tr("**Price**: {input} in, {cached} cached, {output} out per 1M tokens", **fields)
    return trn(
        "**Price**: {input} in, {cached} cached, {output} out per 1M tokens; the prompt adds about "
        "{n:,} token to every message",
        "**Price**: {input} in, {cached} cached, {output} out per 1M tokens; the prompt adds about "
        "{n:,} tokens to every message",
        tokens.estimate(prompt.prompt),
        **fields,
    )


def month_words(spending: Sequence[Spending]) -> str:
    """What was spent in a month, in one line."""
    replies = sum(line.count for line in spending if line.kind == "chat")
    trainings = sum(line.count for line in spending if line.kind == "training")
    unpriced = sum(line.unpriced for line in spending)
    spent = tr(
        "{cost} for {replies} and {trainings}",
        cost=dollars(sum(line.cost for line in spending)),
        replies=trn("{n:,} reply", "{n:,} replies", replies),
        trainings=trn("{n:,} training", "{n:,} trainings", trainings),
    )
    if not unpriced:
        return spent
    return trn(
        "{spent} ({n:,} call without a known price not counted)",
        "{spent} ({n:,} calls without a known price not counted)",
        unpriced,
        spent=spent,
    )


_KINDS = {
    "chat": noted("chat"),
    "training": noted("training"),
    "compare": noted("comparisons"),
    "inline": noted("answers to share"),
    "transcription": noted("voice messages heard"),
    "speech": noted("answers spoken"),
}
_VOICES = frozenset({"transcription", "speech"})


def cost(avatar: Avatar, spending: Sequence[Spending], *, month: str) -> Content:
    """Trainings and chat of a month, by version."""
    head = tr("**Spent on {name} in {month}**", name=escape(avatar.name), month=month)
    if not spending:
        return Content(text=f"{head}\n\n{tr('Nothing yet.')}")
    lines = "\n".join(f"- {_spending_line(line)}" for line in spending)
    together = tr("Together: {spent}", spent=month_words(spending))
    return Content(text=f"{head}\n\n{lines}\n\n{together}")


def _spending_line(line: Spending) -> str:
    return tr(
        "{who} ({model}), {kind}: {cost} ({calls}, {tokens:,} tokens)",
        who=_who(line),
        model=inline(short_model(line.model)),
        kind=tr(_KINDS[line.kind]),
        cost=tr("no known price") if line.unpriced == line.count else dollars(line.cost),
        calls=trn("{n:,} call", "{n:,} calls", line.count),
        tokens=line.prompt_tokens + line.completion_tokens,
    )


def _who(line: Spending) -> str:
    if line.kind in _VOICES:
        return tr("voice")
    if line.version_number is None:
        return tr("base model")
    return tr("version {number}", number=line.version_number)


_FINISH = {
    Finish.LENGTH: noted("It ended at the model's length limit."),
    Finish.FILTER: noted("The provider's filter ended it."),
    Finish.CUT: noted("The connection broke before it ended."),
    Finish.STOPPED: noted("It was stopped."),
}


def why(message: Message, pair: Pair, avatar: Avatar, *, now: datetime) -> Content:
    """What gave a reply."""
    lines = _pair_lines(pair)
    if message.usage is not None:
        lines.append(_usage_words(message.usage))
    lines.append(tr("Cost: {cost}", cost=dollars(message.cost)))
    lines.append(tr("Given {age}", age=ago(message.created_at, now)))
    if message.finish in _FINISH:
        lines.append(tr(_FINISH[message.finish]))
    buttons = tuple(
        Button(
            label=tr("Show version {number}", number=version.number),
            action=code(Verb.SHOW, version.id),
        )
        for version in (pair.prompt, pair.model)
        if version is not None and version.deleted_at is None
    )
    head = tr("**What gave this reply of {name}**", name=escape(avatar.name))
    return Content(
        text=f"{head}\n\n" + "\n".join(f"- {line}" for line in lines),
        buttons=(buttons,) if buttons else (),
    )


def _pair_lines(pair: Pair) -> list[str]:
    model = inline(pair.model_name)
    return [
        tr("Model: {model} (version {number})", model=model, number=pair.model.number)
        if pair.model
        else tr("Model: {model} (the base model)", model=model),
        tr("Prompt: version {number}", number=pair.prompt.number)
        if pair.prompt
        else tr("Prompt: none"),
    ]


def _usage_words(usage: Usage) -> str:
    given = {"taken": usage.prompt_tokens, "given": usage.completion_tokens}
    words = (
        tr(
            "Tokens: {taken:,} in ({cached:,} of them cached), {given:,} out",
            **given,
            cached=usage.cached_tokens,
        )
        if usage.cached_tokens
        else tr("Tokens: {taken:,} in, {given:,} out", **given)
    )
    return tr("{tokens} (estimated)", tokens=words) if usage.estimated else words
