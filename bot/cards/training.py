"""Deep Training from the chat: the preflight, the progress, what was begun."""

from collections.abc import Mapping, Sequence
from typing import Any

from avatar.dataset.kinds import kind_words
from avatar.dataset.report import verdict
from avatar.language import noted, tr, trn
from avatar.pricing import dollars
from avatar.records import Avatar, Draft, Job, Method, Status, Version
from avatar.teaching import TAUGHT
from avatar.training import Preflight
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import (
    bar,
    duration,
    epochs,
    escape,
    examples,
    left_out_words,
    share_done,
    version_title,
)
from bot.wording import code as inline

LANGUAGES = 3  # that are named
_FORMAT = (
    '```\n{"messages": [{"role": "user", "content": "Hello"}, '
    '{"role": "assistant", "content": "Wah, hello!"}]}\n```'
)


def how_to_train(avatar: Avatar, *, terminal: bool, taught: int, enough: bool) -> Content:
    """For /train without a file. `taught`: answers that were taught in the chat."""
    parts = [
        tr("Type the path of a file: /train examples/malaysian.jsonl")
        if terminal
        else tr("Send the file as a document with the caption /train, or answer one with /train."),
        tr(
            "A chat export is welcome: Telegram (JSON), WhatsApp, Discord, Messenger, Instagram, "
            "Signal, LINE, Slack. So are files of examples: OpenAI's format, ShareGPT, a table "
            "with questions and answers. OpenAI's has one conversation a line, at least 10:"
        ),
        _FORMAT,
    ]
    rows: tuple[tuple[Button, ...], ...] = ()
    if taught and enough:
        parts.append(
            trn(
                "{n:,} answer taught in the chat (/examples).",
                "{n:,} answers taught in the chat (/examples).",
                taught,
            )
        )
        train = tr("Train on the {count} taught answers", count=taught)
        prefer = tr("Preference training on them (DPO)")
        rows = (
            (Button(label=train, action=code(Verb.TAUGHT, avatar.id)),),
            (Button(label=prefer, action=code(Verb.PREFER, avatar.id)),),
        )
    elif taught:
        parts.append(
            trn(
                "{n:,} answer taught in the chat (/examples); 10 are the least that can be "
                "trained on.",
                "{n:,} answers taught in the chat (/examples); 10 are the least that can be "
                "trained on.",
                taught,
            )
        )
    return Content(text="\n\n".join(parts), buttons=rows)


def where(flight: Preflight, choices: Sequence[Preflight], avatar: Avatar) -> Content:
    """Where it can be trained, with the cost and the kind of each, and the question."""
    draft = flight.draft
    lines, rows = [], []
    for place, choice in enumerate(choices):
        lines.append(f"- {_choice_words(choice)}")
        base, provider = choice.draft.base_model, choice.provider
        label = tr("{model} at {provider}", model=base, provider=provider.called)[:64]
        rows.append((Button(label=label, action=code(Verb.TARGET, draft.id, place)),))
    rows.append((_drop(draft),))
    head = tr(
        "**Deep Training of {name}**: {examples} from {source}, {epochs}",
        name=escape(avatar.name),
        examples=examples(draft.example_count),
        source=inline(draft.source),
        epochs=epochs(draft.epochs),
    )
    return Content(
        text="\n\n".join([head, tr("Where is it to be trained?"), "\n".join(lines)]),
        buttons=tuple(rows),
    )


def _choice_words(choice: Preflight) -> str:
    provider = choice.provider
    fields = {
        "model": inline(choice.draft.base_model),
        "provider": escape(provider.called),
        "cost": _cost_words(choice),
        "time": _time_words(choice),
    }
    if not provider.kind:
        return tr("{model} at {provider}: {cost}, {time}", **fields)
    kind = escape(provider.kind_words)
    return tr("{model} at {provider} ({kind}): {cost}, {time}", kind=kind, **fields)


def _drop(draft: Draft) -> Button:
    return Button(label=tr("Cancel"), action=code(Verb.DROP, draft.id))


def preflight(flight: Preflight, avatar: Avatar, *, elsewhere: bool, taught: int) -> Content:
    """What a training would be, and the question. `taught`: answers taught in the chat."""
    draft = flight.draft
    lines = [
        tr(
            "{examples} from {source}",
            examples=examples(draft.example_count),
            source=inline(draft.source),
        ),
        _on_what(flight),
        tr(_AMOUNTS[verdict(draft.example_count)]),
        _token_words(flight),
        _screening_words(flight),
        tr("Cost: {cost}", cost=_cost_words(flight)),
        tr("Time: {time}", time=_time_words(flight)),
    ]
    if draft.left_out:
        kinds = escape(left_out_words(draft.left_out))
        lines.append(tr("Left out by you: examples {kinds}", kinds=kinds))
    parts = [
        tr("**Deep Training of {name}**", name=escape(avatar.name)),
        "\n".join(f"- {line}" for line in lines),
    ]
    if draft.report is not None:
        parts += [tr("What became of the messages:"), report_words(draft.report)]
    if draft.warnings:
        warnings = "\n".join(f"- {escape(warning)}" for warning in draft.warnings)
        parts += [tr("Worth knowing:"), warnings]
    parts.append(tr("Start it? It will not be activated by itself."))
    start = Button(
        label=tr("Start training"), action=code(Verb.TRAIN, draft.id), style=Style.SUCCESS
    )
    least = max(1, draft.epochs - 1)
    fewer = Button(label=tr("Epochs −"), action=code(Verb.EPOCHS, draft.id, least))
    more = Button(label=tr("Epochs +"), action=code(Verb.EPOCHS, draft.id, draft.epochs + 1))
    other = Button(label=tr("Elsewhere"), action=code(Verb.WHERE, draft.id))
    return Content(
        text="\n\n".join(parts),
        buttons=(
            (start,),
            (fewer, more),
            *looking(draft, taught),
            *(((other,),) if elsewhere else ()),
            (_drop(draft),),
        ),
    )


def _token_words(flight: Preflight) -> str:
    draft = flight.draft
    fields = {"tokens": draft.tokens, "epochs": epochs(draft.epochs), "total": flight.tokens}
    if flight.counted_with is None:
        return tr("About {tokens:,} tokens × {epochs} = {total:,} tokens (an estimate)", **fields)
    return tr(
        "{tokens:,} tokens × {epochs} = {total:,} tokens (counted with {vocabulary}, the model's "
        "own vocabulary)",
        vocabulary=flight.counted_with,
        **fields,
    )


def _screening_words(flight: Preflight) -> str:
    label = escape(flight.provider.called)
    if flight.provider.moderates:
        return tr(
            "Its moderation screens them when it is started, at {provider}, where they are "
            "uploaded to then; what it flags is left out, since the whole file would be refused "
            "for it",
            provider=label,
        )
    return tr("They are not screened: {provider} offers no moderation", provider=label)


def _on_what(flight: Preflight) -> str:
    draft = flight.draft
    model, provider = inline(draft.base_model), escape(flight.provider.called)
    if draft.method is Method.PREFERENCE:
        return tr(
            "Preference training (DPO) on top of {model} at {provider}",
            model=model,
            provider=provider,
        )
    return tr("Base model {model} at {provider}", model=model, provider=provider)


def looking(draft: Draft, taught: int) -> list[tuple[Button, ...]]:
    """Buttons to look at the examples and to change what they are built of."""
    rows: list[tuple[Button, ...]] = [
        (
            Button(label=tr("Look at the examples"), action=code(Verb.LOOK, draft.id, 0)),
            Button(label=tr("Report"), action=code(Verb.REPORT, draft.id)),
        )
    ]
    if draft.import_id is not None:
        rows.append((Button(label=tr("Options"), action=code(Verb.OPTIONS, draft.id)),))
    supervised = draft.method is Method.SUPERVISED
    if taught and supervised and TAUGHT not in draft.source:
        label = trn("Add {n:,} taught answer", "Add {n:,} taught answers", taught)
        rows.append((Button(label=label, action=code(Verb.ADD_TAUGHT, draft.id)),))
    return rows


def report_words(report: Mapping[str, Any]) -> str:
    """What became of an export's messages, so that it adds up."""
    return "\n".join(f"- {line}" for line in [*_fates(report), *_replies(report)])


def _fates(report: Mapping[str, Any]) -> list[str]:
    lines = [
        tr(
            "{messages:,} messages: {kept:,} are in examples",
            messages=report["messages"],
            kept=report["kept"],
        )
    ]
    dropped = sorted(report["dropped"].items(), key=lambda each: -each[1])
    lines += [
        tr("{count:,} left out: {reason}", count=count, reason=escape(tr(reason)))
        for reason, count in dropped
    ]
    lines += [
        tr(
            "{count:,} left out by you: in examples {kind}",
            count=count,
            kind=escape(kind_words(kind)),
        )
        for kind, count in report.get("left_out", {}).items()
    ]
    if report["held_out"]:
        lines.append(
            trn(
                "{n:,} example of the newest conversations held out, for comparing",
                "{n:,} examples of the newest conversations held out, for comparing",
                report["held_out"],
            )
        )
    if report["masked"]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in report["masked"].items())
        lines.append(
            tr(
                "Masked: {kinds}. That is a safety net and no guarantee: look yourself",
                kinds=kinds,
            )
        )
    return lines


def _replies(report: Mapping[str, Any]) -> list[str]:
    lines = [
        tr(
            "Half of the replies have {median:,} characters or more; the longest has {longest:,}",
            median=report["reply_length"],
            longest=report["longest_reply"],
        )
    ]
    languages = list(report["languages"].items())
    if languages:
        named = [f"{escape(tr(language))} {count:,}" for language, count in languages[:LANGUAGES]]
        if rest := sum(count for _, count in languages[LANGUAGES:]):
            named.append(tr("others {count:,}", count=rest))
        lines.append(tr("Languages of the replies: {languages}", languages=", ".join(named)))
    return lines


_AMOUNTS = {
    "few": noted(
        "That is too few to count on: an improvement is usually seen from 50 to 100 examples"
    ),
    "enough": noted("That is enough to hear the difference; from about 500 on it is plenty"),
    "good": noted("That is plenty: from about 500 on, more examples change less than better ones"),
}


def _cost_words(flight: Preflight) -> str:
    low, high = flight.cost_low, flight.cost_high
    if low is None or high is None:
        return tr("no price is known for this model")
    if high == 0:
        return tr("free")
    return tr("{low} to {high}", low=dollars(low), high=dollars(high))


def _time_words(flight: Preflight) -> str:
    low, high = flight.seconds_low, flight.seconds_high
    if high < 90:
        return tr("some {low} to {high} seconds", low=round(low), high=round(high))
    return tr(
        "{low} to {high} minutes, often more when the provider is busy",
        low=round(low / 60),
        high=round(high / 60),
    )


def started(version: Version, avatar: Avatar) -> Content:
    """In place of the preflight, when it was started."""
    return Content(
        text=tr(
            "{version} is in training for {name}. You will be told when it ends; chatting, prompts "
            "and switches go on meanwhile.",
            version=version_title(version),
            name=escape(avatar.name),
        )
    )


def dropped() -> Content:
    """In place of the preflight, when it was cancelled."""
    return Content(text=tr("Nothing was started, and nothing is charged."))


def progress(version: Version, job: Job | None) -> Content:
    """The message that shows how far a training is; edited in place."""
    number = version.number
    match version.status:
        case Status.COMPLETED:
            head = tr("**Training version {number}**: completed", number=number)
            return Content(text=f"{head}\n\n{bar(1.0)} 100%")
        case Status.FAILED:
            return Content(text=tr("**Training version {number}**: failed", number=number))
        case Status.CANCELLED:
            return Content(text=tr("**Training version {number}**: cancelled", number=number))
        case Status.TRAINING:
            cancel = Button(label=tr("Cancel"), action=code(Verb.CANCEL, version.id))
            return Content(text=_running(number, job), buttons=((cancel,),))


def _running(number: int, job: Job | None) -> str:
    share = share_done(job)
    if job is None or share is None:
        state = tr("waiting for the provider")
        if job is not None and job.remote_status:
            state = job.remote_status.replace("_", " ")
        head = tr("**Training version {number}**: {state}", number=number, state=escape(state))
        return f"{head}\n\n{bar(0.0)}"
    facts = [tr("step {step:,} of {steps:,}", step=job.step, steps=job.total_steps)]
    if job.loss is not None:
        facts.append(tr("loss {loss:.3f}", loss=job.loss))
    if (left := _left(job)) is not None:
        facts.append(tr("{duration} left", duration=left))
    head = tr("**Training version {number}**", number=number)
    return f"{head}\n\n{bar(share)} {share:.0%}\n\n{' · '.join(facts)}"


def _left(job: Job) -> str | None:
    if job.estimated_finish is None or job.next_poll_at >= job.estimated_finish:
        return None
    return duration((job.estimated_finish - job.next_poll_at).total_seconds())


def nothing_runs() -> Content:
    """After /wait."""
    return Content(text=tr("No training runs, and nothing is owed to you."))


def cancelling(version: Version) -> Content:
    """After /cancel."""
    return Content(
        text=tr(
            "The training of version {number} is being cancelled. You will be told when the "
            "provider has ended it.",
            number=version.number,
        )
    )
