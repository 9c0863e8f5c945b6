"""What everybody sees: greetings, help, avatars, privacy, owners."""

from collections.abc import Sequence
from datetime import timedelta

from avatar.records import Avatar, Person
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.cards.questions import yes_no
from bot.screen import Button, Content
from bot.wording import code as inline
from bot.wording import counted, escape, person_words

OWNERS_USAGE = (
    "To add or remove an owner: /owners add telegram:123 (their /privacy shows it to them), or "
    "/owners add as an answer to a message of theirs."
)


def greeting(avatar: Avatar, *, manages: bool) -> Content:
    """Hello from an avatar."""
    text = f"You are talking to **{escape(avatar.name)}**. Write something to begin."
    if manages:
        text += (
            "\n\nYou own this avatar: /prompt TEXT gives it instructions (Quick Training), "
            "/train with a file of examples trains a model (Deep Training), /history shows its "
            "Learning Path. /help lists everything."
        )
    else:
        text += " /new begins afresh, /help lists what you can do."
    return Content(text=text)


def thread_greeting(avatar: Avatar, *, hears_all: bool) -> Content:
    """The first message of a thread."""
    text = f"This thread is a conversation of its own with **{escape(avatar.name)}**. "
    text += (
        "Write something to begin."
        if hears_all
        else "Begin by naming me in a message, and answer my messages to go on."
    )
    return Content(text=text)


def thread_opened(avatar: Avatar, link: str) -> Content:
    """After /talk."""
    return Content(text=f"**{escape(avatar.name)}** waits for you in {link}.")


def nobody(*, creates: bool) -> Content:
    """When there is no avatar to talk to."""
    if creates:
        return Content(text="There is no avatar here yet. Make one: /newavatar NAME")
    return Content(
        text="There is no avatar here yet. The operator of this bot can make one, or send you the "
        "link of one."
    )


def avatars(
    found: Sequence[Avatar], *, talking_to: int | None, page: int, more: bool, creates: bool
) -> Content:
    """Whom one can talk to, with a button for each."""
    if not found:
        return nobody(creates=creates) if page == 1 else Content(text="There are no more avatars.")
    lines = [
        f"- **{escape(avatar.name)}** ({inline(avatar.slug)})"
        + (" — you are talking to this one" if avatar.id == talking_to else "")
        for avatar in found
    ]
    rows: list[tuple[Button, ...]] = [
        (Button(label=f"Talk to {avatar.name}", action=code(Verb.TALK, avatar.id)),)
        for avatar in found
        if avatar.id != talking_to
    ]
    rows += turn(Verb.AVATARS, page=page, more=more)
    return Content(text="**Avatars**\n\n" + "\n".join(lines), buttons=tuple(rows))


def created(avatar: Avatar, *, here: bool = True, talks_here: bool = True) -> Content:
    """After /newavatar. `here`: the chat talks to it now."""
    if not talks_here:
        return Content(
            text=f"**{escape(avatar.name)}** is there and yours. This bot belongs to another "
            f"avatar: talk to {escape(avatar.name)} in the main bot with /start {avatar.slug}."
        )
    talks = "and this chat talks to it now" if here else "and waits where you are alone with me"
    return Content(
        text=f"**{escape(avatar.name)}** is there and yours, {talks}. It has no prompt yet: "
        f"/prompt TEXT writes one. Others reach it with /start {avatar.slug}; /share says who may."
    )


def owners(avatar: Avatar, people: Sequence[Person]) -> Content:
    """Who owns an avatar."""
    lines = [f"- {person_words(person)}" for person in people]
    head = f"**Owners of {escape(avatar.name)}**"
    return Content(text="\n\n".join([head, "\n".join(lines) or "Nobody.", OWNERS_USAGE]))


def owner_changed(avatar: Avatar, person: Person, *, added: bool, changed: bool) -> Content:
    """After /owners add or remove."""
    name, which = escape(person.name), escape(avatar.name)
    if added:
        text = f"{name} owns {which} now." if changed else f"{name} owns {which} already."
    elif changed:
        text = f"{name} does not own {which} any more."
    else:
        text = (
            f"Nothing was changed: {name} is no owner of {which}, or the last one. The last owner "
            "stays; add another one first."
        )
    return Content(text=text)


def privacy(
    person: Person, stored: int, *, providers: Sequence[str], keeps: timedelta | None
) -> Content:
    """What is stored about somebody."""
    who = inline(f"{person.platform}:{person.external_id}")
    who_answers = " or ".join(providers)
    lines = [
        f"your name and your id here ({who})",
        f"{counted(stored, 'message')}: what you said to avatars and what they answered, to "
        "remember the conversation",
        "how many tokens were used and what they cost, by month and avatar, without your name",
        "what your messages cost in all, by day and month, for two months: limits are held by it, "
        "so /forgetme leaves it",
        "which avatars you talked to, or are invited to or blocked from: their owners see your "
        "name and id, and how many replies you had",
        "with /link, which of your accounts are one person",
        "who switched, wrote or trained which version, if you own an avatar",
        "exchanges that an avatar's owners kept to train on, by /teach or a thumb under a reply; "
        "those with you go with /forgetme as long as nothing was trained on them",
        "if an avatar answers for you in your own chats: what it was told and said there, and when "
        "you wrote in which of them yourself, so that it is silent there",
    ]
    text = (
        "**What is stored about you**\n\n"
        + "\n".join(f"- {line}" for line in lines)
        + "\n\nTo answer you, your messages, pictures and voice messages are sent to the model's "
        f"provider: {escape(who_answers)}. Pictures and recordings are not kept here, only what "
        "was said; reactions of people who do not own the avatar are not kept either. An avatar's "
        "owners do not see what you say to it privately; who runs this installation can read its "
        "database. "
        + (
            "Messages are kept until you delete them"
            if keeps is None
            else f"Messages are deleted after {counted(keeps.days, 'day')}"
        )
        + ": /forgetme deletes what you said at once. /new begins a new conversation."
    )
    return Content(text=text)


def ask_forget(stored: int, confirmation_id: int) -> Content:
    """The question before /forgetme."""
    text = (
        f"Delete {counted(stored, 'message')}: everything that you said to avatars here, in every "
        "chat, their answers, and what others kept of them to train on? That cannot be undone. "
        "Avatars that you own, with their versions and training examples, stay; so does what was "
        "spent, and who invited or blocked you."
    )
    return Content(
        text=text,
        buttons=(yes_no("Delete my messages", "Keep them", confirmation_id),),
    )


def forgotten(count: int) -> Content:
    """After /forgetme."""
    return Content(text=f"Done: {counted(count, 'message')} deleted.")
