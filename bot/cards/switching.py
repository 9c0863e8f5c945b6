"""What a switch, a prompt or a deletion did, and the questions before."""

from collections.abc import Sequence

from avatar.diff import Change, Run
from avatar.language import tr, trn
from avatar.learning_path import Deleted, Switched
from avatar.records import Avatar, Axis, Job, Status, TrainingType, Version
from avatar.versions import is_active
from bot.actions import Verb, code
from bot.cards.path import kind_words
from bot.cards.questions import yes_no
from bot.screen import Button, Content, Style
from bot.wording import block, characters, escape, version_title
from bot.wording import code as inline


def _undo(avatar: Avatar, before: Version | None, after: Version | None) -> tuple[Button, ...]:
    """Takes back this switch, and no other that came behind it."""
    ids = (0 if version is None else version.id for version in (before, after))
    return (Button(label=tr("Undo"), action=code(Verb.UNDO, avatar.id, *ids)),)


def _what(version: Version | None, axis: Axis, avatar: Avatar) -> str:
    if version is not None:
        return tr("version {number}", number=version.number)
    if axis is Axis.MODEL:
        return tr("the base model ({model})", model=escape(avatar.base_model))
    return tr("no prompt")


def switched(done: Switched) -> Content:
    """After /activate, /deactivate or /restore."""
    avatar, before = done.avatar, done.before
    tail = []
    if before is not None:
        tail.append(
            tr(
                "Version {number} is no longer active; it stays on the Learning Path.",
                number=before.number,
            )
        )
    tail.append(
        tr("The prompt was not touched. It counts from the next message on.")
        if done.axis is Axis.MODEL
        else tr("The model was not touched. It counts from the next message on.")
    )
    return Content(
        text=f"{_now_active(done)}\n\n{' '.join(tail)}",
        buttons=(_undo(avatar, before, done.after),),
    )


def _now_active(done: Switched) -> str:
    avatar, after = done.avatar, done.after
    if after is None and done.axis is Axis.MODEL:
        return tr(
            "**{name}** is back on the base model ({model}).",
            name=escape(avatar.name),
            model=escape(avatar.base_model),
        )
    if after is None:
        return tr("**{name}** is back on no prompt.", name=escape(avatar.name))
    if done.axis is Axis.MODEL:
        return tr("{version} is **Active Now**.", version=version_title(after))
    head = tr("The prompt of version {number} is **Active Now**:", number=after.number)
    return f"{head}\n\n{block(after.prompt or '')}"


def undone(done: Switched) -> Content:
    """After /undo."""
    now = _what(done.after, done.axis, done.avatar)
    before = _what(done.before, done.axis, done.avatar)
    text = (
        tr(
            "Taken back. Model: {now} again, instead of {before}. It counts from the next message "
            "on; /undo again brings it back.",
            now=now,
            before=before,
        )
        if done.axis is Axis.MODEL
        else tr(
            "Taken back. Prompt: {now} again, instead of {before}. It counts from the next message "
            "on; /undo again brings it back.",
            now=now,
            before=before,
        )
    )
    return Content(text=text, buttons=(_undo(done.avatar, done.before, done.after),))


def prompt_written(
    avatar: Avatar, version: Version, before: Version | None, removed: int, added: int
) -> Content:
    """After /prompt TEXT: what changed and how to go back."""
    parts = [
        tr(
            "**Version {number}** is the prompt of {name} now ({size}, free).",
            number=version.number,
            name=escape(avatar.name),
            size=characters(len(version.prompt or "")),
        )
    ]
    if before is not None:
        parts.append(
            tr(
                "Against version {before}: {added} added, {removed} removed (/diff {before} "
                "{number}). Back: /restore {before} or Undo.",
                before=before.number,
                number=version.number,
                added=_words(added),
                removed=_words(removed),
            )
        )
    else:
        parts.append(tr("It had none before. Back: Undo."))
    parts.append(tr("The model was not touched. It counts from the next message on."))
    return Content(text=" ".join(parts), buttons=(_undo(avatar, before, version),))


def _words(n: int) -> str:
    return trn("{n:,} word", "{n:,} words", n)


def prompt_card(avatar: Avatar, version: Version | None) -> Content:
    """The whole active prompt."""
    name = escape(avatar.name)
    if version is None:
        return Content(
            text=tr(
                "**{name}** has no active prompt. Write one: /prompt You are a friendly guide to "
                "Ipoh. Answer in one or two sentences.",
                name=name,
            )
        )
    head = tr("**Prompt of {name}** (version {number})", name=name, number=version.number)
    path = Button(label=tr("Learning Path"), action=code(Verb.HISTORY, avatar.id, 1))
    return Content(text=f"{head}\n\n{block(version.prompt or '')}", buttons=((path,),))


def diff(first: Version, second: Version, runs: Sequence[Run], removed: int, added: int) -> Content:
    """What changed between two prompts, in the form of `git diff --word-diff`."""
    if not removed and not added:
        return Content(
            text=tr(
                "**Prompts of version {first} and version {second}**: the same words.",
                first=first.number,
                second=second.number,
            )
        )
    head = tr(
        "**Prompts of version {first} and version {second}**: {removed} removed [-…-], {added} "
        "added {{+…+}}.",
        first=first.number,
        second=second.number,
        removed=_words(removed),
        added=_words(added),
    )
    marks = {
        Change.SAME: "{}",
        Change.REMOVED: "[-{}-]",
        Change.ADDED: "{{+{}+}}",
        Change.LEFT_OUT: " … ",
    }
    pieces = []
    for run in runs:
        core = run.text.strip()
        before, _, after = run.text.partition(core) if core else (run.text, "", "")
        mark = marks[run.change]
        pieces.append(mark if run.change is Change.LEFT_OUT else before + mark.format(core) + after)
    return Content(text=f"{head}\n\n{block(''.join(pieces).strip())}")


def ask_delete(
    version: Version, avatar: Avatar, job: Job | None, *, confirmation_id: int
) -> Content:
    """The question before /delete: what goes, what stays."""
    name = escape(avatar.name)
    parts = [tr("**Delete version {number} of {name}?**", number=version.number, name=name)]
    if is_active(version, avatar):
        parts.append(
            tr("It is active now: {name} has no prompt then.", name=name)
            if version.training_type is TrainingType.PROMPT_UPDATE
            else tr(
                "It is active now: {name} falls back to the base model ({model}).",
                name=name,
                model=escape(avatar.base_model),
            )
        )
    if version.status is Status.TRAINING:
        parts.append(tr("It is training: its job is cancelled first."))
    parts += [tr("What goes:"), "\n".join(f"- {thing}" for thing in _goes(version, job))]
    if version.fine_tuned_model_id:
        parts.append(
            tr(
                "What stays: the model {model} at the provider. You can delete it too, afterwards.",
                model=inline(version.fine_tuned_model_id),
            )
        )
    parts.append(
        tr(
            "This cannot be undone, and its number is not used again. The question is open for ten "
            "minutes."
        )
    )
    delete = tr("Delete version {number}", number=version.number)
    return Content(
        text="\n\n".join(parts), buttons=(yes_no(delete, tr("Keep it"), confirmation_id),)
    )


def _goes(version: Version, job: Job | None) -> list[str]:
    itself = tr("version {number} itself ({kind})", number=version.number, kind=kind_words(version))
    if version.training_type is TrainingType.PROMPT_UPDATE:
        return [itself, tr("the text of its prompt")]
    its_job = (
        tr("its job ({job})", job=inline(job.remote_job_id))
        if job and job.remote_job_id
        else tr("its job")
    )
    count = version.example_count
    return [itself, its_job, trn("its {n:,} example", "its {n:,} examples", count)]


def deleted(done: Deleted, avatar: Avatar, *, offer_model: bool) -> Content:
    """After a deletion, with the offer to delete the model too."""
    version, name = done.version, escape(avatar.name)
    parts = [tr("Version {number} is deleted.", number=version.number)]
    if done.was_active:
        parts.append(
            tr("{name} has no prompt now.", name=name)
            if version.training_type is TrainingType.PROMPT_UPDATE
            else tr(
                "{name} is back on the base model ({model}).",
                name=name,
                model=escape(avatar.base_model),
            )
        )
    if done.was_training:
        parts.append(tr("Its job at the provider is being cancelled."))
    rows: tuple[tuple[Button, ...], ...] = ()
    if version.fine_tuned_model_id:
        model = inline(version.fine_tuned_model_id)
        parts.append(tr("Its model {model} is still at the provider.", model=model))
        if offer_model:
            rows = (
                (
                    Button(
                        label=tr("Delete the model at the provider too"),
                        action=code(Verb.DELETE_MODEL, version.id),
                        style=Style.DANGER,
                    ),
                ),
            )
    return Content(text=" ".join(parts), buttons=rows)


def ask_delete_model(version: Version, provider: str, *, confirmation_id: int) -> Content:
    """The question before a model is deleted at its provider."""
    return Content(
        text=tr(
            "**Delete the model {model} at {provider}?**\n\nNobody can use it again, here or "
            "elsewhere; only a new training brings it back. This cannot be undone. The question is "
            "open for ten minutes.",
            model=inline(version.fine_tuned_model_id or ""),
            provider=escape(provider),
        ),
        buttons=(yes_no(tr("Delete the model"), tr("Keep it"), confirmation_id),),
    )


def model_deleted(version: Version, *, was_gone: bool) -> Content:
    """After a model was deleted at its provider."""
    model = inline(version.fine_tuned_model_id or "")
    return Content(
        text=tr("The model {model} was gone at the provider already.", model=model)
        if was_gone
        else tr("The model {model} is deleted at the provider.", model=model)
    )


def kept() -> Content:
    """After a No."""
    return Content(text=tr("Nothing was changed."))
