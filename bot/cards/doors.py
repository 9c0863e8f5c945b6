"""Who is let in to an avatar, and how much may be said and spent."""

from collections.abc import Sequence
from datetime import datetime

from avatar.invitations import Invited
from avatar.limits import Filled, Limits
from avatar.pricing import dollars
from avatar.records import Acquaintance, Avatar, Invitation, Person
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.screen import Button, Content, Style
from bot.wording import ago, counted, escape, moment, person_words, shortened
from bot.wording import code as inline

PAGE = 6  # people on one page
BLOCK_USAGE = (
    "Say whom: /block telegram:123, or /block as an answer to a message of theirs. /people lists "
    "who talks to the avatar."
)
LIMITS = ("messages", "day", "month")
LIMITS_USAGE = (
    "To set a limit: /limits messages 10 (replies to one person in a minute), /limits day 5 or "
    "/limits month 50 (US dollars), or usual in place of a number."
)


def share(avatar: Avatar, link: str, open_: Sequence[Invitation], *, now: datetime) -> Content:
    """The link to an avatar, who may use it, and the invitations that are open."""
    name, typed = escape(avatar.name), inline(f"/start {avatar.slug}")
    way = f"{escape(link)} (or {typed})" if link else typed
    if avatar.visibility == "private":
        lines = [
            f"**{name} is private**: it is there for its owners and for people with an invitation, "
            "and nobody else learns of it. /invite makes a link that lets somebody in.",
            f"Those who are in reach it with {way}.",
        ]
        change = Button(label="Make it public", action=code(Verb.PUBLISH, avatar.id))
    else:
        lines = [
            f"**{name} is public**: everybody can talk to it and finds it under /avatars.",
            f"The way to it: {way}.",
        ]
        change = Button(label="Make it private", action=code(Verb.HIDE, avatar.id))
    if open_:
        lines.append("Open invitations:")
        lines.append(
            "\n".join(
                f"- {number}: {each.uses} of {counted(each.most_uses, 'use')}, made "
                f"{ago(each.made_at, now)}, until {moment(each.expires_at)}"
                for number, each in enumerate(open_, 1)
            )
        )
    revokes = [
        (Button(label=f"Revoke invitation {number}", action=code(Verb.REVOKE, each.id)),)
        for number, each in enumerate(open_, 1)
    ]
    return Content(text="\n\n".join(lines), buttons=((change,), *revokes))


def invited(avatar: Avatar, made: Invited, link: str) -> Content:
    """A new invitation. Its code is shown this once."""
    typed = inline(f"/start {made.code}")
    way = f"{escape(link)} (or {typed})" if link else typed
    whom = counted(made.invitation.most_uses, "person", "people")
    text = (
        f"An invitation to **{escape(avatar.name)}**, for {whom}, until "
        f"{moment(made.invitation.expires_at)}:\n\n{way}\n\nWhoever has it can use it, so send it "
        "to nobody else. I do not show it again; /share revokes it."
    )
    if avatar.visibility == "public":
        text += f" {escape(avatar.name)} is public, so nobody needs one as long as it is."
    return Content(text=text)


def people(
    avatar: Avatar, found: Sequence[Acquaintance], *, page: int, more: bool, now: datetime
) -> Content:
    """Whom an avatar met, with a button for each."""
    if not found:
        text = (
            "There are no more people."
            if page > 1
            else f"Nobody has talked to {escape(avatar.name)} yet."
        )
        return Content(text=text)
    lines = []
    buttons: list[tuple[Button, ...]] = []
    for each in found:
        who = each.person
        marks = [f"met {ago(each.met_at, now)}", counted(each.replies, "reply", "replies")]
        marks += ["invited"] if each.invited else []
        marks += ["**blocked**"] if each.blocked else []
        lines.append(f"- {person_words(who)} — {', '.join(marks)}")
        verb, label = (Verb.UNBLOCK, "Unblock") if each.blocked else (Verb.BLOCK, "Block")
        buttons.append(
            (
                Button(
                    label=f"{label} {shortened(who.name, 40) or who.external_id}",
                    action=code(verb, avatar.id, who.id),
                    style=Style.PLAIN if each.blocked else Style.DANGER,
                ),
            )
        )
    buttons += turn(Verb.PEOPLE, avatar.id, page=page, more=more)
    head = f"**Who talks to {escape(avatar.name)}**"
    return Content(text="\n\n".join([head, "\n".join(lines)]), buttons=tuple(buttons))


def blocked(avatar: Avatar, person: Person, *, changed: bool) -> Content:
    """After /block."""
    name, which = escape(person.name), escape(avatar.name)
    if not changed:
        return Content(text=f"{name} is blocked from {which} already.")
    return Content(
        text=f"{name} cannot talk to {which} any more. What they said before is kept.",
        buttons=((Button(label="Unblock", action=code(Verb.UNBLOCK, avatar.id, person.id)),),),
    )


def unblocked(avatar: Avatar, person: Person, *, changed: bool) -> Content:
    """After /unblock."""
    name, which = escape(person.name), escape(avatar.name)
    if not changed:
        return Content(text=f"{name} is not blocked from {which}.")
    return Content(text=f"{name} can talk to {which} again.")


def limits(
    avatar: Avatar, filled: Sequence[Filled], *, messages: int | None, usual: Limits
) -> Content:
    """What an avatar may, and what it did of it."""
    day, month = filled

    def spent(each: Filled, period: str, own: int | None) -> str:
        amount = "$0" if each.cost <= 0 else dollars(each.cost)
        limit = each.budget.limit
        if limit is None:
            return f"- {period}: {amount} spent; no limit of its own"
        of = "$0" if limit == 0 else dollars(limit)
        whose = "its own limit" if own == limit else "the limit of every avatar here"
        return f"- {period}: {amount} of {of} spent ({whose})"

    pace = "no limit" if messages is None else counted(messages, "reply", "replies")
    own = "its own limit" if avatar.messages_per_minute is not None else "as usual here"
    lines = [
        f"**Limits of {escape(avatar.name)}**",
        "\n".join(
            [
                f"- To one person in a minute: {pace} ({own})",
                spent(day, "Today (UTC)", avatar.cost_per_day),
                spent(month, "This month", avatar.cost_per_month),
            ]
        ),
        "Replies and trainings count together, trainings by their estimate until they end. Owners "
        "are told when 80 % is spent; when all is, it stops with a polite word." + _above(usual),
        LIMITS_USAGE,
    ]
    return Content(text="\n\n".join(lines))


def _above(usual: Limits) -> str:
    if usual.cost_per_day is None and usual.cost_per_month is None:
        return ""
    return " The whole installation has limits, too."
