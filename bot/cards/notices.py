"""The notices that the bot owes: a training ended, a model is gone."""

from datetime import date

from avatar.limits import Scope
from avatar.pricing import dollars
from avatar.records import Avatar, Notice, NoticeKind, Status, Version
from avatar.versions import can_activate
from avatar.why_failed import explained
from bot.actions import Verb, code
from bot.answers import perhaps_again
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import counted, escape, screening_words, version_title


def notice(owed: Notice, avatar: Avatar, version: Version | None) -> Content:
    """A notice as it is read."""
    content = _notice(owed, avatar, version)
    return perhaps_again(content) if owed.perhaps else content


def _notice(owed: Notice, avatar: Avatar, version: Version | None) -> Content:
    if owed.kind is NoticeKind.BASE_ENDS:
        return _base_ends(owed, avatar)
    if owed.kind is NoticeKind.LIMIT_NEAR:
        return _limit_near(owed, avatar)
    if version is None or version.deleted_at is not None:
        number = "" if version is None else f" {version.number}"
        return Content(text=f"Version{number} of {escape(avatar.name)} was deleted meanwhile.")
    if owed.kind is NoticeKind.MODEL_ENDS:
        return _model_ends(owed, avatar, version)
    if owed.kind is NoticeKind.MODEL_GONE:
        words = _model_gone(owed, avatar, version)
    else:
        words = {
            NoticeKind.TRAINING_COMPLETED: _completed,
            NoticeKind.TRAINING_FAILED: _failed,
            NoticeKind.TRAINING_CANCELLED: _cancelled,
            NoticeKind.STILL_WAITING: _still_waiting,
        }[owed.kind](avatar, version)
    return Content(text=words, buttons=(_buttons(owed, avatar, version),))


def _buttons(owed: Notice, avatar: Avatar, version: Version) -> tuple[Button, ...]:
    show = Button(label="Show", action=code(Verb.SHOW, version.id))
    if owed.kind is NoticeKind.MODEL_GONE:
        return (_elsewhere(version), show) if version.example_count else (show,)
    if can_activate(version, avatar):
        return (
            Button(
                label="Activate This Version",
                action=code(Verb.ACTIVATE, version.id),
                style=Style.SUCCESS,
            ),
            show,
        )
    if version.status is Status.TRAINING:
        return (Button(label="Cancel", action=code(Verb.CANCEL, version.id)), show)
    if version.status is Status.FAILED:
        return (_elsewhere(version, label="Train Again"), show)
    return (show,)


def _elsewhere(version: Version, label: str = "Retrain elsewhere") -> Button:
    return Button(label=label, action=code(Verb.RETRAIN, version.id))


def _when(owed: Notice) -> str:
    """`on 14 Jan 2027, in 30 days`."""
    day, left = date.fromisoformat(str(owed.data["ends_on"])), int(owed.data["days"] or 0)
    words = f"on {day:%d %b %Y}"
    if left > 0:
        return f"{words}, in {counted(left, 'day')}"
    return f"{words}, today" if left == 0 else words


def _model_ends(owed: Notice, avatar: Avatar, version: Version) -> Content:
    numbers, more = str(owed.data["numbers"]), int(owed.data["more"] or 0)
    which = f"version {numbers}" if "," not in numbers else f"versions {numbers}"
    if more:
        which += f" and {more} more"
    active = " One of them is active now." if version.id == avatar.active_model_id else ""
    text = (
        f"**A model ends** {_when(owed)}: its provider switches off the model of {which} of "
        f"{escape(avatar.name)}.{active}\n\n"
    )
    if version.example_count:
        text += (
            "The examples are kept here: train them at another provider or on another base model, "
            "and activate what comes of it. Nothing is changed by itself."
        )
        return Content(
            text=text,
            buttons=(
                (
                    _elsewhere(version),
                    Button(label="Show", action=code(Verb.SHOW, version.id)),
                ),
            ),
        )
    text += "Its examples are not known here; /train takes a file. Nothing is changed by itself."
    return Content(
        text=text, buttons=((Button(label="Show", action=code(Verb.SHOW, version.id)),),)
    )


def _base_ends(owed: Notice, avatar: Avatar) -> Content:
    successor = owed.data["successor"]
    follows = f" Its provider proposes {inline(str(successor))} instead." if successor else ""
    return Content(
        text=f"**The base model ends** {_when(owed)}: {escape(avatar.name)} answers with "
        f"{inline(str(owed.data['model']))}, which its provider switches off then.{follows} "
        "Nothing is changed by itself.",
        buttons=((Button(label="Choose a base model", action=code(Verb.BASES, avatar.id)),),),
    )


def _limit_near(owed: Notice, avatar: Avatar) -> Content:
    scope, period = owed.data["scope"], str(owed.data["period"])
    whose = {
        Scope.PERSON: "What you may spend here",
        Scope.AVATAR: f"What {escape(avatar.name)} may spend",
        Scope.ALL: "What this installation may spend",
    }[Scope(str(scope))]
    when = "today" if len(period) > len("2026-11") else "this month"
    spent, limit = int(owed.data["cost"] or 0), int(owed.data["limit"] or 0)
    share = min(100, spent * 100 // max(1, limit))
    after = {
        Scope.PERSON: "the avatars here stop answering you until it is over",
        Scope.AVATAR: "it stops answering, and no training starts, until it is over; /limits shows "
        "and sets the limit",
        Scope.ALL: "nothing is answered and trained until it is over; the limit is a setting "
        "(COST_PER_DAY, COST_PER_MONTH)",
    }[Scope(str(scope))]
    return Content(
        text=f"**A limit is near**: {whose} {when} is spent to {share} % "
        f"({dollars(spent)} of {dollars(limit)}). At 100 % {after}."
    )


def _completed(avatar: Avatar, version: Version) -> str:
    cost = "no price is known" if version.actual_cost is None else dollars(version.actual_cost)
    facts = [counted(version.example_count, "example")]
    if version.trained_tokens is not None:
        facts.append(f"{version.trained_tokens:,} tokens trained")
    facts.append(f"cost: {cost}")
    screened = ""
    if version.screening is not None:
        screened = f"\n\n{escape(screening_words(version.screening, 'its provider'))}."
    return (
        f"**Deep Training completed** for {escape(avatar.name)}: {version_title(version)}\n\n"
        f"{' · '.join(facts)}{screened}\n\nIt is not active yet: that is for you to decide."
    )


def _failed(avatar: Avatar, version: Version) -> str:
    parts = [f"**Deep Training failed** for {escape(avatar.name)}: {version_title(version)}"]
    said = version.error or "The provider gave no reason."
    parts.append(escape(said))
    advice = explained(version.error_code)
    if advice:
        parts.append(escape(advice))
    parts.append("What is active was not changed.")
    return "\n\n".join(parts)


def _cancelled(avatar: Avatar, version: Version) -> str:
    charged = (
        f"Charged: {dollars(version.actual_cost)}."
        if version.actual_cost
        else "Nothing is charged."
    )
    return (
        f"**Deep Training cancelled** for {escape(avatar.name)}: {version_title(version)}\n\n"
        f"{charged} What is active was not changed."
    )


def _still_waiting(avatar: Avatar, version: Version) -> str:
    return (
        f"**Still waiting** for the training of version {version.number} of {escape(avatar.name)}: "
        "the provider has not finished it after 6 hours. That happens when it is busy; nothing is "
        "lost, and you will be told when it ends."
    )


def _model_gone(owed: Notice, avatar: Avatar, version: Version) -> str:
    model = inline(version.fine_tuned_model_id or "")
    if owed.data.get("why") == "not_set_up":
        what = (
            f"The provider of version {version.number} ({escape(version.provider or '')}) is not "
            f"set up here any more, so its model {model} cannot answer."
        )
    else:
        what = (
            f"The model of version {version.number}, {model}, does not exist at its provider any "
            "more (or our key may not use it)."
        )
    return (
        f"{what} {escape(avatar.name)} answers from the base model with the same prompt. Nothing "
        "was deleted or switched here: /deactivate makes the base model official."
    )
