"""Who is let in to an avatar, and how much may be said and spent."""

from collections.abc import Sequence
from datetime import datetime

from avatar.invitations import Invited
from avatar.language import tr, trn
from avatar.limits import Filled, Limits, Own
from avatar.pricing import dollars
from avatar.records import Acquaintance, Avatar, Invitation, Person
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.screen import Button, Content, Style
from bot.wording import ago, escape, moment, person_words, shortened
from bot.wording import code as inline

PAGE = 6  # people on one page
LIMITS = {"messages": Own.MESSAGES, "day": Own.DAY, "month": Own.MONTH}


def block_usage() -> str:
    """How /block and /unblock are typed."""
    return tr(
        "Say whom: /block telegram:123, or /block as an answer to a message of theirs. /people "
        "lists who talks to the avatar."
    )


def limits_usage() -> str:
    """How /limits is typed."""
    return tr(
        "To set a limit: /limits messages 10 (replies to one person in a minute), /limits day 5 or "
        "/limits month 50 (US dollars), or usual in place of a number."
    )


def share(avatar: Avatar, link: str, open_: Sequence[Invitation], *, now: datetime) -> Content:
    """The link to an avatar, who may use it, and the invitations that are open."""
    name, way = escape(avatar.name), _way(link, avatar.slug)
    if avatar.visibility == "private":
        lines = [
            tr(
                "**{name} is private**: it is there for its owners and for people with an "
                "invitation, and nobody else learns of it. /invite makes a link that lets somebody "
                "in.",
                name=name,
            ),
            tr("Those who are in reach it with {way}.", way=way),
        ]
        change = Button(label=tr("Make it public"), action=code(Verb.PUBLISH, avatar.id))
    else:
        lines = [
            tr(
                "**{name} is public**: everybody can talk to it and finds it under /avatars.",
                name=name,
            ),
            tr("The way to it: {way}.", way=way),
        ]
        change = Button(label=tr("Make it private"), action=code(Verb.HIDE, avatar.id))
    if open_:
        lines.append(tr("Open invitations:"))
        lines.append(
            "\n".join(f"- {number}: {_used(each, now=now)}" for number, each in enumerate(open_, 1))
        )
    revokes = [
        (
            Button(
                label=tr("Revoke invitation {number}", number=number),
                action=code(Verb.REVOKE, each.id),
            ),
        )
        for number, each in enumerate(open_, 1)
    ]
    return Content(text="\n\n".join(lines), buttons=((change,), *revokes))


def _way(link: str, word: str) -> str:
    """How one gets somewhere: by a link, where the platform has such, or by /start."""
    typed = inline(f"/start {word}")
    return tr("{link} (or {typed})", link=escape(link), typed=typed) if link else typed


def _used(invitation: Invitation, *, now: datetime) -> str:
    return trn(
        "{uses} of {n:,} use, made {when}, until {end}",
        "{uses} of {n:,} uses, made {when}, until {end}",
        invitation.most_uses,
        uses=invitation.uses,
        when=ago(invitation.made_at, now),
        end=moment(invitation.expires_at),
    )


def invited(avatar: Avatar, made: Invited, link: str) -> Content:
    """A new invitation. Its code is shown this once."""
    name = escape(avatar.name)
    text = trn(
        "An invitation to **{name}**, for {n:,} person, until {end}:\n\n{way}\n\nWhoever has it "
        "can use it, so send it to nobody else. I do not show it again; /share revokes it.",
        "An invitation to **{name}**, for {n:,} people, until {end}:\n\n{way}\n\nWhoever has it "
        "can use it, so send it to nobody else. I do not show it again; /share revokes it.",
        made.invitation.most_uses,
        name=name,
        end=moment(made.invitation.expires_at),
        way=_way(link, made.code),
    )
    if avatar.visibility == "public":
        public = tr("{name} is public, so nobody needs one as long as it is.", name=name)
        text += f" {public}"
    return Content(text=text)


def people(
    avatar: Avatar, found: Sequence[Acquaintance], *, page: int, more: bool, now: datetime
) -> Content:
    """Whom an avatar met, with a button for each."""
    if not found:
        text = (
            tr("There are no more people.")
            if page > 1
            else tr("Nobody has talked to {name} yet.", name=escape(avatar.name))
        )
        return Content(text=text)
    lines = []
    buttons: list[tuple[Button, ...]] = []
    for each in found:
        who = each.person
        marks = [
            tr("met {when}", when=ago(each.met_at, now)),
            trn("{n:,} reply", "{n:,} replies", each.replies),
        ]
        marks += [tr("invited")] if each.invited else []
        marks += [tr("**blocked**")] if each.blocked else []
        lines.append(f"- {person_words(who)} — {', '.join(marks)}")
        name = shortened(who.name, 40) or who.external_id
        buttons.append(
            (
                Button(
                    label=tr("Unblock {name}", name=name)
                    if each.blocked
                    else tr("Block {name}", name=name),
                    action=code(Verb.UNBLOCK if each.blocked else Verb.BLOCK, avatar.id, who.id),
                    style=Style.PLAIN if each.blocked else Style.DANGER,
                ),
            )
        )
    buttons += turn(Verb.PEOPLE, avatar.id, page=page, more=more)
    head = tr("**Who talks to {name}**", name=escape(avatar.name))
    return Content(text="\n\n".join([head, "\n".join(lines)]), buttons=tuple(buttons))


def blocked(avatar: Avatar, person: Person, *, changed: bool) -> Content:
    """After /block."""
    name, which = escape(person.name), escape(avatar.name)
    if not changed:
        return Content(text=tr("{name} is blocked from {avatar} already.", name=name, avatar=which))
    unblock = Button(label=tr("Unblock"), action=code(Verb.UNBLOCK, avatar.id, person.id))
    return Content(
        text=tr(
            "{name} cannot talk to {avatar} any more. What they said before is kept.",
            name=name,
            avatar=which,
        ),
        buttons=((unblock,),),
    )


def unblocked(avatar: Avatar, person: Person, *, changed: bool) -> Content:
    """After /unblock."""
    name, which = escape(person.name), escape(avatar.name)
    if not changed:
        return Content(text=tr("{name} is not blocked from {avatar}.", name=name, avatar=which))
    return Content(text=tr("{name} can talk to {avatar} again.", name=name, avatar=which))


def limits(
    avatar: Avatar, filled: Sequence[Filled], *, messages: int | None, usual: Limits
) -> Content:
    """What an avatar may, and what it did of it."""
    day, month = filled
    pace = tr("no limit") if messages is None else trn("{n:,} reply", "{n:,} replies", messages)
    in_a_minute = (
        tr("To one person in a minute: {pace} (as usual here)", pace=pace)
        if avatar.messages_per_minute is None
        else tr("To one person in a minute: {pace} (its own limit)", pace=pace)
    )
    counting = tr(
        "Replies and trainings count together, trainings by their estimate until they end. Owners "
        "are told when 80 % is spent; when all is, it stops with a polite word."
    )
    if usual.cost_per_day is not None or usual.cost_per_month is not None:
        counting += " " + tr("The whole installation has limits, too.")
    lines = [
        tr("**Limits of {name}**", name=escape(avatar.name)),
        "\n".join(
            [
                f"- {in_a_minute}",
                f"- {_spent(day, tr('Today (UTC)'), own=avatar.cost_per_day)}",
                f"- {_spent(month, tr('This month'), own=avatar.cost_per_month)}",
            ]
        ),
        counting,
        limits_usage(),
    ]
    return Content(text="\n\n".join(lines))


def _spent(each: Filled, period: str, *, own: int | None) -> str:
    amount = "$0" if each.cost <= 0 else dollars(each.cost)
    limit = each.budget.limit
    if limit is None:
        return tr("{period}: {amount} spent; no limit of its own", period=period, amount=amount)
    most = "$0" if limit == 0 else dollars(limit)
    if own == limit:
        return tr(
            "{period}: {amount} of {limit} spent (its own limit)",
            period=period,
            amount=amount,
            limit=most,
        )
    return tr(
        "{period}: {amount} of {limit} spent (the limit of every avatar here)",
        period=period,
        amount=amount,
        limit=most,
    )
