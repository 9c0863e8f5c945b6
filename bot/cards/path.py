"""The Learning Path: /history, and one version: /version."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from avatar.pricing import dollars
from avatar.providers import Provider
from avatar.records import (
    Avatar,
    Badge,
    Ending,
    Job,
    JobEvent,
    Method,
    Person,
    Status,
    TrainingType,
    Version,
)
from avatar.versions import badge, can_activate, is_active
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.screen import Button, Card, Content, Entry, Style
from bot.wording import (
    ago,
    badge_words,
    block,
    counted,
    duration,
    escape,
    moment,
    screening_words,
    version_title,
)
from bot.wording import code as inline

PAGE = 5  # versions on a page of /history


def kind_words(version: Version) -> str:
    """The kind of a version, as people know it."""
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return "Quick Training"
    return "Deep Training"


def cost_words(version: Version) -> str:
    """What a version cost: "$8.50", "free", or an estimate while it is not known."""
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return "free"
    if version.actual_cost is not None:
        return dollars(version.actual_cost)
    if version.status in {Status.FAILED, Status.CANCELLED}:
        return "nothing charged"
    if version.estimated_cost is None:
        return "cost unknown"
    estimated = dollars(version.estimated_cost)
    return estimated if version.estimated_cost == 0 else f"about {estimated}"


def actions(
    version: Version, avatar: Avatar, *, prefix: str = "", show: bool = False
) -> tuple[Button, ...]:
    """The buttons of a version: what can be done with it now."""
    buttons: list[Button] = []

    def add(label: str, verb: Verb, style: Style = Style.PLAIN) -> None:
        buttons.append(Button(label=prefix + label, action=code(verb, version.id), style=style))

    fine_tuned = version.training_type is TrainingType.FINE_TUNE
    if can_activate(version, avatar):
        label = "Activate This Version" if fine_tuned else "Restore Prompt"
        add(label, Verb.ACTIVATE, Style.SUCCESS)
    elif fine_tuned and is_active(version, avatar):
        add("Deactivate", Verb.DEACTIVATE)
    if version.status is Status.TRAINING:
        add("Cancel", Verb.CANCEL)
    if show:
        add("Show", Verb.SHOW)
    add("Delete", Verb.DELETE, Style.DANGER)
    return tuple(buttons)


def history(
    avatar: Avatar,
    versions: Sequence[Version],
    jobs: Mapping[int, Job],
    endings: Mapping[int, Ending],
    *,
    page: int,
    more: bool,
    now: datetime,
) -> Content:
    """One page of the Learning Path, newest first. `jobs` by version id, for progress."""
    if not versions:
        text = (
            "There is no such page. /history shows the newest versions."
            if page > 1
            else f"**{escape(avatar.name)}** has no versions yet. /prompt TEXT gives it a prompt "
            "(Quick Training, free, at once); /train with a file of examples trains a model "
            "(Deep Training)."
        )
        return Content(text=text)
    head = f"**Learning Path of {escape(avatar.name)}**"
    if page > 1 or more:
        head += f" (page {page})"
    entries = tuple(
        Entry(
            text=_entry(version, avatar, jobs.get(version.id), endings.get(version.id), now),
            buttons=actions(version, avatar, prefix=f"{version.number} · "),
        )
        for version in versions
    )
    row = turn(Verb.HISTORY, avatar.id, page=page, more=more, back="« Newer", on="Older »")
    return Card(head=head, entries=entries, buttons=row).content


def _entry(
    version: Version, avatar: Avatar, job: Job | None, ending: Ending | None, now: datetime
) -> str:
    seen = badge(version, avatar)
    facts = [kind_words(version)]
    if version.example_count:
        facts.append(counted(version.example_count, "example"))
    facts += [cost_words(version), ago(version.created_at, now)]
    if ending is not None:
        facts.append(ends_words(ending))
    if version.unlearnt_at is not None:
        facts.append("knows what was unlearnt")
    lines = [f"{version_title(version)} — {badge_words(seen, job)}", " · ".join(facts)]
    if version.note:
        lines.append(escape(version.note))
    return "  \n".join(lines)


def version_card(
    version: Version,
    avatar: Avatar,
    *,
    job: Job | None,
    events: Sequence[JobEvent],
    maker: Person | None,
    provider: Provider | None,
    ending: Ending | None,
    origin: Version | None,
    now: datetime,
) -> Content:
    """Everything about one version."""
    seen = badge(version, avatar)
    head = [f"{version_title(version)} — {badge_words(seen, job)}"]
    if version.note:
        head.append(escape(version.note))
    made = f"Made {ago(version.created_at, now)} ({moment(version.created_at)})"
    if maker is not None:
        made += f" by {escape(maker.name)}"
    if version.training_type is TrainingType.PROMPT_UPDATE:
        prompt = version.prompt or ""
        lines = [f"{kind_words(version)} · free · {counted(len(prompt), 'character')}", made]
        text = "\n\n".join(["  \n".join(head), "  \n".join(lines), block(prompt)])
    else:
        lines = [*_training_lines(version, job, seen, provider), made]
        if version.unlearnt_at is not None:
            lines.insert(
                2,
                f"Examples were removed on {version.unlearnt_at:%d %b %Y} (/unlearn); its model "
                "still knows them",
            )
        if ending is not None:
            lines.insert(2, f"Its model {ends_words(ending)}")
        if origin is not None:
            lines.append(f"Trained on the examples of version {origin.number}")
        parts = ["  \n".join(head), "\n".join(f"- {line}" for line in lines)]
        if events:
            said = "\n".join(f"{event.created_at:%H:%M:%S} {event.message}" for event in events)
            parts.append("What the provider said last:\n\n" + block(said))
        text = "\n\n".join(parts)
    rows = [actions(version, avatar)]
    if version.example_count and version.status is not Status.TRAINING:
        rows.append(
            (
                Button(label="Train Again", action=code(Verb.RETRAIN, version.id)),
                Button(label="Examples as a file", action=code(Verb.DATASET, version.id)),
            )
        )
    return Content(text=text, buttons=tuple(rows))


def ends_words(ending: Ending) -> str:
    """`ends 14 Jan 2027`, or that it is gone."""
    if ending.vanished_at is not None:
        return "is gone at its provider"
    return f"ends {ending.ends_on:%d %b %Y}"


def _training_lines(
    version: Version, job: Job | None, seen: Badge, provider: Provider | None
) -> list[str]:
    how = (
        "Preference training (DPO)" if version.method is Method.PREFERENCE else kind_words(version)
    )
    lines = [f"{how} of {inline(version.base_model or '')}"]
    if version.provider:
        label = version.provider if provider is None else provider.label
        lines[0] += f" at {escape(label)}"
        if provider is None:
            lines[0] += " (which is not set up here)"
        elif provider.needs_deployment and version.fine_tuned_model_id:
            lines.append("It answers once it is deployed there: then /adopt the deployment's name")
    if version.fine_tuned_model_id:
        lines.append(f"Model: {inline(version.fine_tuned_model_id)}")
    data = counted(version.example_count, "example")
    if version.source:
        data += f" from {inline(version.source)}"
    lines.append(f"Data: {data}")
    if version.screening is not None:
        host = version.provider if provider is None else provider.label
        lines.append(escape(screening_words(version.screening, host or "its provider")))
    if job is not None and job.hyperparameters:
        settings = ", ".join(f"{escape(k)} {v}" for k, v in sorted(job.hyperparameters.items()))
        lines.append(f"Hyperparameters: {settings}")
    if version.epochs:
        lines.append(f"Epochs: {version.epochs}")
    tokens = []
    if version.trained_tokens is not None:
        tokens.append(f"{version.trained_tokens:,} trained")
    if version.estimated_tokens is not None:
        tokens.append(f"{version.estimated_tokens:,} estimated")
    if tokens:
        lines.append(f"Tokens: {', '.join(tokens)}")
    cost = f"Cost: {cost_words(version)}"
    if version.actual_cost and version.estimated_cost:
        cost += f" (estimated {dollars(version.estimated_cost)})"
    lines.append(cost)
    if version.finished_at is not None and version.started_at is not None:
        took = (version.finished_at - version.started_at).total_seconds()
        lines.append(f"Ended {moment(version.finished_at)}, after {duration(took)}")
    elif seen is Badge.TRAINING and job is not None:
        status = (job.remote_status or "being handed to the provider").replace("_", " ")
        lines.append(f"State at the provider: {status}")
        if job.estimated_finish is not None:
            lines.append(f"Expected to end {moment(job.estimated_finish)}")
    if version.error:
        lines.append(f"Reason: {escape(version.error)}")
    return lines
