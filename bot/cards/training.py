"""Deep Training from the chat: the preflight, the progress, what was begun."""

from collections.abc import Mapping, Sequence
from typing import Any

from avatar.dataset.report import verdict
from avatar.pricing import dollars
from avatar.records import Avatar, Draft, Job, Method, Status, Version
from avatar.teaching import TAUGHT
from avatar.training import Preflight
from bot.actions import Verb, code
from bot.screen import Button, Content, Style
from bot.wording import (
    bar,
    counted,
    duration,
    escape,
    left_out_words,
    share_done,
    version_title,
)
from bot.wording import code as inline

LANGUAGES = 3  # that are named


def how_to_train(avatar: Avatar, *, terminal: bool, taught: int, enough: bool) -> Content:
    """For /train without a file. `taught`: answers that were taught in the chat."""
    how = (
        "Type the path of a file: /train examples/malaysian.jsonl"
        if terminal
        else "Send the file as a document with the caption /train, or answer one with /train."
    )
    text = (
        f"{how}\n\nA chat export is welcome: Telegram (JSON), WhatsApp, Discord, Messenger, "
        "Instagram, Signal, LINE, Slack. So are files of examples: OpenAI's format, ShareGPT, a "
        "table with questions and answers. OpenAI's has one conversation a line, at least 10:\n\n"
        '```\n{"messages": [{"role": "user", "content": "Hello"}, '
        '{"role": "assistant", "content": "Wah, hello!"}]}\n```'
    )
    rows: tuple[tuple[Button, ...], ...] = ()
    if taught:
        text += f"\n\n{counted(taught, 'answer')} taught in the chat (/examples)"
        text += "." if enough else "; 10 are the least that can be trained on."
        if enough:
            button = Button(
                label=f"Train on the {taught} taught answers", action=code(Verb.TAUGHT, avatar.id)
            )
            prefer = Button(
                label="Preference training on them (DPO)", action=code(Verb.PREFER, avatar.id)
            )
            rows = ((button,), (prefer,))
    return Content(text=text, buttons=rows)


def where(flight: Preflight, choices: Sequence[Preflight], avatar: Avatar) -> Content:
    """Where it can be trained, with the cost and the kind of each, and the question."""
    draft = flight.draft
    lines, rows = [], []
    for place, choice in enumerate(choices):
        base, provider = choice.draft.base_model, choice.provider
        kind = f" ({escape(provider.kind)})" if provider.kind else ""
        lines.append(
            f"- {inline(base)} at {escape(provider.label)}{kind}: {_cost_words(choice)}, "
            f"{_time_words(choice)}"
        )
        label = f"{base} at {provider.label}"[:64]
        rows.append((Button(label=label, action=code(Verb.TARGET, draft.id, place)),))
    rows.append((Button(label="Cancel", action=code(Verb.DROP, draft.id)),))
    head = (
        f"**Deep Training of {escape(avatar.name)}**: {counted(draft.example_count, 'example')} "
        f"from {inline(draft.source)}, {counted(draft.epochs, 'epoch')}"
    )
    return Content(
        text="\n\n".join([head, "Where is it to be trained?", "\n".join(lines)]),
        buttons=tuple(rows),
    )


def preflight(flight: Preflight, avatar: Avatar, *, elsewhere: bool, taught: int) -> Content:
    """What a training would be, and the question. `taught`: answers taught in the chat."""
    draft = flight.draft
    lines = [
        f"{counted(draft.example_count, 'example')} from {inline(draft.source)}",
        f"{_on_what(draft)} {inline(draft.base_model)} at {escape(flight.provider.label)}",
        f"That is {_AMOUNTS[verdict(draft.example_count)]}",
        _token_words(flight),
        _screening_words(flight),
        f"Cost: {_cost_words(flight)}",
        f"Time: {_time_words(flight)}",
    ]
    if draft.left_out:
        lines.append(f"Left out by you: examples {escape(left_out_words(draft.left_out))}")
    parts = [
        f"**Deep Training of {escape(avatar.name)}**",
        "\n".join(f"- {line}" for line in lines),
    ]
    if draft.report is not None:
        parts.append(f"What became of the messages:\n\n{report_words(draft.report)}")
    if draft.warnings:
        parts.append("Worth knowing:\n\n" + "\n".join(f"- {escape(w)}" for w in draft.warnings))
    parts.append("Start it? It will not be activated by itself.")
    fewer = Button(label="Epochs −", action=code(Verb.EPOCHS, draft.id, max(1, draft.epochs - 1)))
    more = Button(label="Epochs +", action=code(Verb.EPOCHS, draft.id, draft.epochs + 1))
    return Content(
        text="\n\n".join(parts),
        buttons=(
            (
                Button(
                    label="Start training", action=code(Verb.TRAIN, draft.id), style=Style.SUCCESS
                ),
            ),
            (fewer, more),
            *looking(draft, taught),
            *(
                ((Button(label="Elsewhere", action=code(Verb.WHERE, draft.id)),),)
                if elsewhere
                else ()
            ),
            (Button(label="Cancel", action=code(Verb.DROP, draft.id)),),
        ),
    )


def _token_words(flight: Preflight) -> str:
    draft = flight.draft
    words = f"{draft.tokens:,} tokens × {counted(draft.epochs, 'epoch')} = {flight.tokens:,} tokens"
    if flight.counted_with is None:
        return f"About {words} (an estimate)"
    return f"{words} (counted with {flight.counted_with}, the model's own vocabulary)"


def _screening_words(flight: Preflight) -> str:
    label = escape(flight.provider.label)
    if flight.provider.moderates:
        return (
            f"Its moderation screens them when it is started, at {label}, where they are uploaded "
            "to then; what it flags is left out, since the whole file would be refused for it"
        )
    return f"They are not screened: {label} offers no moderation"


def _on_what(draft: Draft) -> str:
    if draft.method is Method.PREFERENCE:
        return "Preference training (DPO) on top of"
    return "Base model"


def looking(draft: Draft, taught: int) -> list[tuple[Button, ...]]:
    """Buttons to look at the examples and to change what they are built of."""
    rows: list[tuple[Button, ...]] = [
        (
            Button(label="Look at the examples", action=code(Verb.LOOK, draft.id, 0)),
            Button(label="Report", action=code(Verb.REPORT, draft.id)),
        )
    ]
    if draft.import_id is not None:
        rows.append((Button(label="Options", action=code(Verb.OPTIONS, draft.id)),))
    supervised = draft.method is Method.SUPERVISED
    if taught and supervised and TAUGHT not in draft.source:
        label = f"Add {counted(taught, 'taught answer')}"
        rows.append((Button(label=label, action=code(Verb.ADD_TAUGHT, draft.id)),))
    return rows


def report_words(report: Mapping[str, Any]) -> str:
    """What became of an export's messages, so that it adds up."""
    dropped = sorted(report["dropped"].items(), key=lambda each: -each[1])
    lines = [f"{report['messages']:,} messages: {report['kept']:,} are in examples"]
    lines += [f"{count:,} left out: {escape(reason)}" for reason, count in dropped]
    lines += [
        f"{count:,} left out by you: in examples {escape(kind)}"
        for kind, count in report.get("left_out", {}).items()
    ]
    if report["held_out"]:
        held = counted(report["held_out"], "example")
        lines.append(f"{held} of the newest conversations held out, for comparing")
    if report["masked"]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in report["masked"].items())
        lines.append(f"Masked: {kinds}. That is a safety net and no guarantee: look yourself")
    lines.append(
        f"Half of the replies have {report['reply_length']:,} characters or more; the longest has "
        f"{report['longest_reply']:,}"
    )
    languages = list(report["languages"].items())
    if languages:
        named = [f"{escape(language)} {count:,}" for language, count in languages[:LANGUAGES]]
        if rest := sum(count for _, count in languages[LANGUAGES:]):
            named.append(f"others {rest:,}")
        lines.append(f"Languages of the replies: {', '.join(named)}")
    return "\n".join(f"- {line}" for line in lines)


_AMOUNTS = {
    "few": "too few to count on: an improvement is usually seen from 50 to 100 examples",
    "enough": "enough to hear the difference; from about 500 on it is plenty",
    "good": "plenty: from about 500 on, more examples change less than better ones",
}


def _cost_words(flight: Preflight) -> str:
    low, high = flight.cost_low, flight.cost_high
    if low is None or high is None:
        return "no price is known for this model"
    if high == 0:
        return "free"
    return f"{dollars(low)} to {dollars(high)}"


def _time_words(flight: Preflight) -> str:
    low, high = flight.seconds_low, flight.seconds_high
    if high < 90:
        return f"some {round(low)} to {round(high)} seconds"
    return f"{round(low / 60)} to {round(high / 60)} minutes, often more when the provider is busy"


def started(version: Version, avatar: Avatar) -> Content:
    """In place of the preflight, when it was started."""
    return Content(
        text=f"{version_title(version)} is in training for {escape(avatar.name)}. You will be told "
        "when it ends; chatting, prompts and switches go on meanwhile.",
    )


def dropped() -> Content:
    """In place of the preflight, when it was cancelled."""
    return Content(text="Nothing was started, and nothing is charged.")


def progress(version: Version, job: Job | None) -> Content:
    """The message that shows how far a training is; edited in place."""
    title = f"**Training version {version.number}**"
    cancel = ((Button(label="Cancel", action=code(Verb.CANCEL, version.id)),),)
    match version.status:
        case Status.COMPLETED:
            return Content(text=f"{title}: completed\n\n{bar(1.0)} 100%")
        case Status.FAILED:
            return Content(text=f"{title}: failed")
        case Status.CANCELLED:
            return Content(text=f"{title}: cancelled")
        case Status.TRAINING:
            share = share_done(job)
            if job is None or share is None:
                state = "waiting for the provider"
                if job is not None and job.remote_status:
                    state = job.remote_status.replace("_", " ")
                return Content(text=f"{title}: {escape(state)}\n\n{bar(0.0)}", buttons=cancel)
            facts = [f"step {job.step:,} of {job.total_steps:,}"]
            if job.loss is not None:
                facts.append(f"loss {job.loss:.3f}")
            if (left := _left(job)) is not None:
                facts.append(f"{left} left")
            return Content(
                text=f"{title}\n\n{bar(share)} {share:.0%}\n\n{' · '.join(facts)}", buttons=cancel
            )


def _left(job: Job) -> str | None:
    if job.estimated_finish is None or job.next_poll_at >= job.estimated_finish:
        return None
    return duration((job.estimated_finish - job.next_poll_at).total_seconds())


def nothing_runs() -> Content:
    """After /wait."""
    return Content(text="No training runs, and nothing is owed to you.")


def cancelling(version: Version) -> Content:
    """After /cancel."""
    return Content(
        text=f"The training of version {version.number} is being cancelled. You will be told when "
        "the provider has ended it."
    )
