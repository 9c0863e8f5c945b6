"""The notices that the bot owes: a training ended, a model is gone."""

from datetime import date

from avatar.dates import day
from avatar.language import noted, tr, trn
from avatar.limits import Scope
from avatar.pricing import dollars
from avatar.records import Avatar, Notice, NoticeKind, Status, Version
from avatar.versions import can_activate
from avatar.why_failed import explained
from bot.actions import Verb, code
from bot.answers import perhaps_again
from bot.screen import Button, Content, Style
from bot.wording import code as inline
from bot.wording import escape, examples, screening_words, version_title


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
        return Content(text=_was_deleted(avatar, version))
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


def _was_deleted(avatar: Avatar, version: Version | None) -> str:
    name = escape(avatar.name)
    if version is None:
        return tr("Version of {name} was deleted meanwhile.", name=name)
    number = version.number
    return tr("Version {number} of {name} was deleted meanwhile.", number=number, name=name)


def _buttons(owed: Notice, avatar: Avatar, version: Version) -> tuple[Button, ...]:
    show = Button(label=tr("Show"), action=code(Verb.SHOW, version.id))
    if owed.kind is NoticeKind.MODEL_GONE:
        return (_elsewhere(version), show) if version.example_count else (show,)
    if can_activate(version, avatar):
        return (
            Button(
                label=tr("Activate This Version"),
                action=code(Verb.ACTIVATE, version.id),
                style=Style.SUCCESS,
            ),
            show,
        )
    if version.status is Status.TRAINING:
        return (Button(label=tr("Cancel"), action=code(Verb.CANCEL, version.id)), show)
    if version.status is Status.FAILED:
        return (Button(label=tr("Train Again"), action=code(Verb.RETRAIN, version.id)), show)
    return (show,)


def _elsewhere(version: Version) -> Button:
    return Button(label=tr("Retrain elsewhere"), action=code(Verb.RETRAIN, version.id))


def _when(owed: Notice) -> str:
    """`on 14 Jan 2027, in 30 days`."""
    date_words = day(date.fromisoformat(str(owed.data["ends_on"])))
    left = int(owed.data["days"] or 0)
    if left > 0:
        return trn("on {date}, in {n:,} day", "on {date}, in {n:,} days", left, date=date_words)
    if left == 0:
        return tr("on {date}, today", date=date_words)
    return tr("on {date}", date=date_words)


def _which(owed: Notice) -> str:
    """`versions 3, 4 and 2 more`."""
    numbers, more = str(owed.data["numbers"]), int(owed.data["more"] or 0)
    which = (
        tr("versions {numbers}", numbers=numbers)
        if "," in numbers
        else tr("version {number}", number=numbers)
    )
    return tr("{versions} and {count} more", versions=which, count=more) if more else which


def _model_ends(owed: Notice, avatar: Avatar, version: Version) -> Content:
    text = tr(
        "**A model ends** {when}: its provider switches off the model of {versions} of {name}.",
        when=_when(owed),
        versions=_which(owed),
        name=escape(avatar.name),
    )
    if version.id == avatar.active_model_id:
        text += f" {tr('One of them is active now.')}"
    show = Button(label=tr("Show"), action=code(Verb.SHOW, version.id))
    if version.example_count:
        advice = tr(
            "The examples are kept here: train them at another provider or on another base model, "
            "and activate what comes of it. Nothing is changed by itself."
        )
        return Content(text=f"{text}\n\n{advice}", buttons=((_elsewhere(version), show),))
    advice = tr(
        "Its examples are not known here; /train takes a file. Nothing is changed by itself."
    )
    return Content(text=f"{text}\n\n{advice}", buttons=((show,),))


def _base_ends(owed: Notice, avatar: Avatar) -> Content:
    parts = [
        tr(
            "**The base model ends** {when}: {name} answers with {model}, which its provider "
            "switches off then.",
            when=_when(owed),
            name=escape(avatar.name),
            model=inline(str(owed.data["model"])),
        )
    ]
    successor = owed.data["successor"]
    if successor:
        model = inline(str(successor))
        parts.append(tr("Its provider proposes {model} instead.", model=model))
    parts.append(tr("Nothing is changed by itself."))
    choose = Button(label=tr("Choose a base model"), action=code(Verb.BASES, avatar.id))
    return Content(text=" ".join(parts), buttons=((choose,),))


_NEAR = {
    Scope.PERSON: noted(
        "**A limit is near**: What you may spend here {period} is spent to {share} % ({spent} of "
        "{limit}). At 100 % the avatars here stop answering you until it is over."
    ),
    Scope.AVATAR: noted(
        "**A limit is near**: What {name} may spend {period} is spent to {share} % ({spent} of "
        "{limit}). At 100 % it stops answering, and no training starts, until it is over; /limits "
        "shows and sets the limit."
    ),
    Scope.ALL: noted(
        "**A limit is near**: What this installation may spend {period} is spent to {share} % "
        "({spent} of {limit}). At 100 % nothing is answered and trained until it is over; the "
        "limit is a setting (COST_PER_DAY, COST_PER_MONTH)."
    ),
}


def _limit_near(owed: Notice, avatar: Avatar) -> Content:
    spent, limit = int(owed.data["cost"] or 0), int(owed.data["limit"] or 0)
    return Content(
        text=tr(
            _NEAR[Scope(str(owed.data["scope"]))],
            name=escape(avatar.name),
            period=_period(str(owed.data["period"])),
            share=min(100, spent * 100 // max(1, limit)),
            spent=dollars(spent),
            limit=dollars(limit),
        )
    )


def _period(period: str) -> str:
    """A day or a month by its name: it may be over when this is brought, or read."""
    if len(period) == len("2026-11"):
        return tr("in {month} (UTC)", month=period)
    return tr("on {day} (UTC)", day=day(date.fromisoformat(period)))


def _completed(avatar: Avatar, version: Version) -> str:
    cost = tr("no price is known") if version.actual_cost is None else dollars(version.actual_cost)
    facts = [examples(version.example_count)]
    if version.trained_tokens is not None:
        facts.append(tr("{tokens:,} tokens trained", tokens=version.trained_tokens))
    facts.append(tr("cost: {cost}", cost=cost))
    parts = [
        tr(
            "**Deep Training completed** for {name}: {version}",
            name=escape(avatar.name),
            version=version_title(version),
        ),
        " · ".join(facts),
    ]
    if version.screening is not None:
        parts.append(f"{escape(screening_words(version.screening, tr('its provider')))}.")
    parts.append(tr("It is not active yet: that is for you to decide."))
    return "\n\n".join(parts)


def _failed(avatar: Avatar, version: Version) -> str:
    parts = [
        tr(
            "**Deep Training failed** for {name}: {version}",
            name=escape(avatar.name),
            version=version_title(version),
        ),
        escape(version.error or tr("The provider gave no reason.")),
    ]
    advice = explained(version.error_code)
    if advice:
        parts.append(escape(advice))
    parts.append(tr("What is active was not changed."))
    return "\n\n".join(parts)


def _cancelled(avatar: Avatar, version: Version) -> str:
    head = tr(
        "**Deep Training cancelled** for {name}: {version}",
        name=escape(avatar.name),
        version=version_title(version),
    )
    charged = (
        tr("Charged: {cost}.", cost=dollars(version.actual_cost))
        if version.actual_cost
        else tr("Nothing is charged.")
    )
    return f"{head}\n\n{charged} {tr('What is active was not changed.')}"


def _still_waiting(avatar: Avatar, version: Version) -> str:
    return tr(
        "**Still waiting** for the training of version {number} of {name}: the provider has not "
        "finished it after 6 hours. That happens when it is busy; nothing is lost, and you will be "
        "told when it ends.",
        number=version.number,
        name=escape(avatar.name),
    )


def _model_gone(owed: Notice, avatar: Avatar, version: Version) -> str:
    model = inline(version.fine_tuned_model_id or "")
    if owed.data.get("why") == "not_set_up":
        what = tr(
            "The provider of version {number} ({provider}) is not set up here any more, so its "
            "model {model} cannot answer.",
            number=version.number,
            provider=escape(version.provider or ""),
            model=model,
        )
    else:
        what = tr(
            "The model of version {number}, {model}, does not exist at its provider any more (or "
            "our key may not use it).",
            number=version.number,
            model=model,
        )
    then = tr(
        "{name} answers from the base model with the same prompt. Nothing was deleted or switched "
        "here: /deactivate makes the base model official.",
        name=escape(avatar.name),
    )
    return f"{what} {then}"
