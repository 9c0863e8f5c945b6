"""What a switch, a prompt or a deletion did, and the questions before."""

from collections.abc import Sequence

from avatar.diff import Change, Run
from avatar.learning_path import Deleted, Switched
from avatar.records import Avatar, Axis, Job, Status, TrainingType, Version
from avatar.versions import is_active
from bot.actions import Verb, code
from bot.cards.path import kind_words
from bot.cards.questions import yes_no
from bot.screen import Button, Content, Style
from bot.wording import block, counted, escape, version_title
from bot.wording import code as inline


def _undo(avatar: Avatar) -> tuple[Button, ...]:
    return (Button(label="Undo", action=code(Verb.UNDO, avatar.id)),)


def _what(version: Version | None, axis: Axis, avatar: Avatar) -> str:
    if version is None:
        return (
            f"the base model ({escape(avatar.base_model)})" if axis is Axis.MODEL else "no prompt"
        )
    return f"version {version.number}"


def switched(done: Switched) -> Content:
    """After /activate, /deactivate or /restore."""
    avatar, after, before = done.avatar, done.after, done.before
    if after is None:
        head = f"**{escape(avatar.name)}** is back on {_what(None, done.axis, avatar)}."
    elif done.axis is Axis.MODEL:
        head = f"{version_title(after)} is **Active Now**."
    else:
        head = f"The prompt of version {after.number} is **Active Now**:"
        head += f"\n\n{block(after.prompt or '')}"
    tail = []
    if before is not None:
        tail.append(f"Version {before.number} is no longer active; it stays on the Learning Path.")
    other = "prompt" if done.axis is Axis.MODEL else "model"
    tail.append(f"The {other} was not touched. It counts from the next message on.")
    return Content(text=f"{head}\n\n{' '.join(tail)}", buttons=(_undo(avatar),))


def undone(done: Switched) -> Content:
    """After /undo."""
    axis = "Model" if done.axis is Axis.MODEL else "Prompt"
    text = (
        f"Taken back. {axis}: {_what(done.after, done.axis, done.avatar)} again, instead of "
        f"{_what(done.before, done.axis, done.avatar)}. It counts from the next message on; "
        "/undo again brings it back."
    )
    return Content(text=text, buttons=(_undo(done.avatar),))


def prompt_written(
    avatar: Avatar, version: Version, before: Version | None, removed: int, added: int
) -> Content:
    """After /prompt TEXT: what changed and how to go back."""
    size = counted(len(version.prompt or ""), "character")
    text = (
        f"**Version {version.number}** is the prompt of {escape(avatar.name)} now ({size}, free)."
    )
    if before is not None:
        text += (
            f" Against version {before.number}: {counted(added, 'word')} added, "
            f"{counted(removed, 'word')} removed (/diff {before.number} {version.number}). "
            f"Back: /restore {before.number} or Undo."
        )
    else:
        text += " It had none before. Back: Undo."
    text += " The model was not touched. It counts from the next message on."
    return Content(text=text, buttons=(_undo(avatar),))


def prompt_card(avatar: Avatar, version: Version | None) -> Content:
    """The whole active prompt."""
    if version is None:
        return Content(
            text=f"**{escape(avatar.name)}** has no active prompt. Write one: "
            "/prompt You are a friendly guide to Ipoh. Answer in one or two sentences."
        )
    return Content(
        text=f"**Prompt of {escape(avatar.name)}** (version {version.number})\n\n"
        f"{block(version.prompt or '')}",
        buttons=((Button(label="Learning Path", action=code(Verb.HISTORY, avatar.id, 1)),),),
    )


def diff(first: Version, second: Version, runs: Sequence[Run], removed: int, added: int) -> Content:
    """What changed between two prompts, in the form of `git diff --word-diff`."""
    head = f"**Prompts of version {first.number} and version {second.number}**: "
    if not removed and not added:
        return Content(text=f"{head}the same words.")
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
    return Content(
        text=f"{head}{counted(removed, 'word')} removed [-…-], {counted(added, 'word')} added "
        f"{{+…+}}.\n\n{block(''.join(pieces).strip())}"
    )


def ask_delete(
    version: Version, avatar: Avatar, job: Job | None, *, confirmation_id: int
) -> Content:
    """The question before /delete: what goes, what stays."""
    goes = [f"version {version.number} itself ({kind_words(version)})"]
    if version.training_type is TrainingType.PROMPT_UPDATE:
        goes.append("the text of its prompt")
    else:
        remote = f" ({inline(job.remote_job_id)})" if job and job.remote_job_id else ""
        goes.append(f"its job{remote}")
        goes.append(f"its {counted(version.example_count, 'example')}")
    lines = [f"**Delete version {version.number} of {escape(avatar.name)}?**", ""]
    if is_active(version, avatar):
        fallback = (
            "has no prompt then"
            if version.training_type is TrainingType.PROMPT_UPDATE
            else f"falls back to the base model ({escape(avatar.base_model)})"
        )
        lines += [f"It is active now: {escape(avatar.name)} {fallback}.", ""]
    if version.status is Status.TRAINING:
        lines += ["It is training: its job is cancelled first.", ""]
    lines += ["What goes:", "", *[f"- {thing}" for thing in goes], ""]
    if version.fine_tuned_model_id:
        lines += [
            f"What stays: the model {inline(version.fine_tuned_model_id)} at the provider. You can "
            "delete it too, afterwards.",
            "",
        ]
    lines.append(
        "This cannot be undone, and its number is not used again. The question is open for ten "
        "minutes."
    )
    return Content(
        text="\n".join(lines),
        buttons=(yes_no(f"Delete version {version.number}", "Keep it", confirmation_id),),
    )


def deleted(done: Deleted, avatar: Avatar, *, offer_model: bool) -> Content:
    """After a deletion, with the offer to delete the model too."""
    version = done.version
    parts = [f"Version {version.number} is deleted."]
    if done.was_active:
        parts.append(
            f"{escape(avatar.name)} has no prompt now."
            if version.training_type is TrainingType.PROMPT_UPDATE
            else f"{escape(avatar.name)} is back on the base model ({escape(avatar.base_model)})."
        )
    if done.was_training:
        parts.append("Its job at the provider is being cancelled.")
    rows: tuple[tuple[Button, ...], ...] = ()
    if version.fine_tuned_model_id:
        parts.append(f"Its model {inline(version.fine_tuned_model_id)} is still at the provider.")
        if offer_model:
            rows = (
                (
                    Button(
                        label="Delete the model at the provider too",
                        action=code(Verb.DELETE_MODEL, version.id),
                        style=Style.DANGER,
                    ),
                ),
            )
    return Content(text=" ".join(parts), buttons=rows)


def ask_delete_model(version: Version, provider: str, *, confirmation_id: int) -> Content:
    """The question before a model is deleted at its provider."""
    model = inline(version.fine_tuned_model_id or "")
    return Content(
        text=f"**Delete the model {model} at {escape(provider)}?**\n\nNobody can use it again, "
        "here or elsewhere; only a new training brings it back. This cannot be undone. The "
        "question is open for ten minutes.",
        buttons=(yes_no("Delete the model", "Keep it", confirmation_id),),
    )


def model_deleted(version: Version, *, was_gone: bool) -> Content:
    """After a model was deleted at its provider."""
    model = inline(version.fine_tuned_model_id or "")
    return Content(
        text=f"The model {model} was gone at the provider already."
        if was_gone
        else f"The model {model} is deleted at the provider."
    )


def kept() -> Content:
    """After a No."""
    return Content(text="Nothing was changed.")
