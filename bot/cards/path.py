"""The Learning Path: /history, and one version: /version."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from avatar.dates import day
from avatar.language import tr
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
    characters,
    duration,
    escape,
    examples,
    moment,
    screening_words,
    version_title,
)
from bot.wording import code as inline

PAGE = 5  # versions on a page of /history


def kind_words(version: Version) -> str:
    """The kind of a version, as people know it."""
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return tr("Quick Training")
    return tr("Deep Training")


def cost_words(version: Version) -> str:
    """What a version cost: "$8.50", "free", or an estimate while it is not known."""
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return tr("free")
    if version.actual_cost is not None:
        return dollars(version.actual_cost)
    if version.status in {Status.FAILED, Status.CANCELLED}:
        return tr("nothing charged")
    if version.estimated_cost is None:
        return tr("cost unknown")
    estimated = dollars(version.estimated_cost)
    return estimated if version.estimated_cost == 0 else tr("about {cost}", cost=estimated)


def actions(
    version: Version, avatar: Avatar, *, prefix: str = "", show: bool = False
) -> tuple[Button, ...]:
    """The buttons of a version: what can be done with it now."""
    buttons: list[Button] = []

    def add(label: str, verb: Verb, style: Style = Style.PLAIN) -> None:
        buttons.append(Button(label=prefix + label, action=code(verb, version.id), style=style))

    fine_tuned = version.training_type is TrainingType.FINE_TUNE
    if can_activate(version, avatar):
        label = tr("Activate This Version") if fine_tuned else tr("Restore Prompt")
        add(label, Verb.ACTIVATE, Style.SUCCESS)
    elif fine_tuned and is_active(version, avatar):
        add(tr("Deactivate"), Verb.DEACTIVATE)
    if version.status is Status.TRAINING:
        add(tr("Cancel"), Verb.CANCEL)
    if show:
        add(tr("Show"), Verb.SHOW)
    add(tr("Delete"), Verb.DELETE, Style.DANGER)
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
            tr("There is no such page. /history shows the newest versions.")
            if page > 1
            else tr(
                "**{name}** has no versions yet. /prompt TEXT gives it a prompt (Quick Training, "
                "free, at once); /train with a file of examples trains a model (Deep Training).",
                name=escape(avatar.name),
            )
        )
        return Content(text=text)
    name = escape(avatar.name)
    head = (
        tr("**Learning Path of {name}** (page {page})", name=name, page=page)
        if page > 1 or more
        else tr("**Learning Path of {name}**", name=name)
    )
    entries = tuple(
        Entry(
            text=_entry(version, avatar, jobs.get(version.id), endings.get(version.id), now),
            buttons=actions(version, avatar, prefix=f"{version.number} · "),
        )
        for version in versions
    )
    back, on = tr("« Newer"), tr("Older »")
    row = turn(Verb.HISTORY, avatar.id, page=page, more=more, back=back, on=on)
    return Card(head=head, entries=entries, buttons=row).content


def _entry(
    version: Version, avatar: Avatar, job: Job | None, ending: Ending | None, now: datetime
) -> str:
    seen = badge(version, avatar)
    facts = [kind_words(version)]
    if version.example_count:
        facts.append(examples(version.example_count))
    facts += [cost_words(version), ago(version.created_at, now)]
    if ending is not None:
        facts.append(ends_words(ending))
    if version.unlearnt_at is not None:
        facts.append(tr("knows what was unlearnt"))
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
    made = _made_words(version, maker, now)
    if version.training_type is TrainingType.PROMPT_UPDATE:
        prompt = version.prompt or ""
        facts = [kind_words(version), cost_words(version), characters(len(prompt))]
        lines = [" · ".join(facts), made]
        text = "\n\n".join(["  \n".join(head), "  \n".join(lines), block(prompt)])
    else:
        lines = [*_training_lines(version, job, seen, provider), made]
        if version.unlearnt_at is not None:
            removed = tr(
                "Examples were removed on {date} (/unlearn); its model still knows them",
                date=day(version.unlearnt_at),
            )
            lines.insert(2, removed)
        if ending is not None:
            lines.insert(2, _model_ends_words(ending))
        if origin is not None:
            lines.append(tr("Trained on the examples of version {number}", number=origin.number))
        parts = ["  \n".join(head), "\n".join(f"- {line}" for line in lines)]
        if events:
            said = "\n".join(f"{event.created_at:%H:%M:%S} {event.message}" for event in events)
            parts.append(f"{tr('What the provider said last:')}\n\n{block(said)}")
        text = "\n\n".join(parts)
    rows = [actions(version, avatar)]
    if version.example_count and version.status is not Status.TRAINING:
        rows.append(
            (
                Button(label=tr("Train Again"), action=code(Verb.RETRAIN, version.id)),
                Button(label=tr("Examples as a file"), action=code(Verb.DATASET, version.id)),
            )
        )
    return Content(text=text, buttons=tuple(rows))


def ends_words(ending: Ending) -> str:
    """`ends 14 Jan 2027`, or that it is gone."""
    if ending.vanished_at is not None or ending.ends_on is None:
        return tr("is gone at its provider")
    return tr("ends {date}", date=day(ending.ends_on))


def _model_ends_words(ending: Ending) -> str:
    if ending.vanished_at is not None or ending.ends_on is None:
        return tr("Its model is gone at its provider")
    return tr("Its model ends {date}", date=day(ending.ends_on))


def _made_words(version: Version, maker: Person | None, now: datetime) -> str:
    age, when = ago(version.created_at, now), moment(version.created_at)
    if maker is None:
        return tr("Made {age} ({when})", age=age, when=when)
    return tr("Made {age} ({when}) by {person}", age=age, when=when, person=escape(maker.name))


def _training_lines(
    version: Version, job: Job | None, seen: Badge, provider: Provider | None
) -> list[str]:
    lines = [_what_is_trained(version, provider)]
    if provider is not None and provider.needs_deployment and version.fine_tuned_model_id:
        lines.append(tr("It answers once it is deployed there: then /adopt the deployment's name"))
    if version.fine_tuned_model_id:
        lines.append(tr("Model: {model}", model=inline(version.fine_tuned_model_id)))
    data = examples(version.example_count)
    if version.source:
        data = tr("{examples} from {source}", examples=data, source=inline(version.source))
    lines.append(tr("Data: {examples}", examples=data))
    if version.screening is not None:
        host = version.provider if provider is None else provider.called
        lines.append(escape(screening_words(version.screening, host or tr("its provider"))))
    if job is not None and job.hyperparameters:
        settings = ", ".join(f"{escape(k)} {v}" for k, v in sorted(job.hyperparameters.items()))
        lines.append(tr("Hyperparameters: {settings}", settings=settings))
    if version.epochs:
        lines.append(tr("Epochs: {count}", count=version.epochs))
    tokens = []
    if version.trained_tokens is not None:
        tokens.append(tr("{tokens:,} trained", tokens=version.trained_tokens))
    if version.estimated_tokens is not None:
        tokens.append(tr("{tokens:,} estimated", tokens=version.estimated_tokens))
    if tokens:
        lines.append(tr("Tokens: {amounts}", amounts=", ".join(tokens)))
    lines.append(_cost_line(version))
    lines += _time_lines(version, job, seen)
    if version.error:
        lines.append(tr("Reason: {reason}", reason=escape(version.error)))
    return lines


def _what_is_trained(version: Version, provider: Provider | None) -> str:
    how = (
        tr("Preference training (DPO)")
        if version.method is Method.PREFERENCE
        else kind_words(version)
    )
    model = inline(version.base_model or "")
    if not version.provider:
        return tr("{how} of {model}", how=how, model=model)
    if provider is None:
        return tr(
            "{how} of {model} at {provider} (which is not set up here)",
            how=how,
            model=model,
            provider=escape(version.provider),
        )
    label = escape(provider.called)
    return tr("{how} of {model} at {provider}", how=how, model=model, provider=label)


def _cost_line(version: Version) -> str:
    cost = cost_words(version)
    if version.actual_cost and version.estimated_cost:
        estimate = dollars(version.estimated_cost)
        return tr("Cost: {cost} (estimated {estimate})", cost=cost, estimate=estimate)
    return tr("Cost: {cost}", cost=cost)


def _time_lines(version: Version, job: Job | None, seen: Badge) -> list[str]:
    if version.finished_at is not None and version.started_at is not None:
        took = duration((version.finished_at - version.started_at).total_seconds())
        when = moment(version.finished_at)
        return [tr("Ended {when}, after {duration}", when=when, duration=took)]
    if seen is not Badge.TRAINING or job is None:
        return []
    state = (job.remote_status or tr("being handed to the provider")).replace("_", " ")
    lines = [tr("State at the provider: {state}", state=state)]
    if job.estimated_finish is not None:
        lines.append(tr("Expected to end {when}", when=moment(job.estimated_finish)))
    return lines
