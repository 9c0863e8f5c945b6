"""What everybody sees: greetings, help, avatars, privacy, owners."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from avatar.language import noted, tr, trn
from avatar.records import Avatar, Person
from bot.actions import Verb, code
from bot.cards.pages import turn
from bot.cards.questions import yes_no
from bot.screen import Button, Content
from bot.wording import code as inline
from bot.wording import escape, person_words


def owners_usage() -> str:
    """How /owners is typed."""
    return tr(
        "To add or remove an owner: /owners add telegram:123 (their /privacy shows it to them), or "
        "/owners add as an answer to a message of theirs."
    )


def greeting(avatar: Avatar, *, manages: bool) -> Content:
    """Hello from an avatar."""
    hello = tr("You are talking to **{name}**. Write something to begin.", name=escape(avatar.name))
    if manages:
        more = tr(
            "You own this avatar: /prompt TEXT gives it instructions (Quick Training), /train with "
            "a file of examples trains a model (Deep Training), /history shows its Learning Path. "
            "/help lists everything."
        )
        return Content(text=f"{hello}\n\n{more}")
    rest = tr("/new begins afresh, /help lists what you can do.")
    return Content(text=f"{hello} {rest}")


def thread_greeting(avatar: Avatar, *, hears_all: bool) -> Content:
    """The first message of a thread."""
    name = escape(avatar.name)
    if hears_all:
        return Content(
            text=tr(
                "This thread is a conversation of its own with **{name}**. Write something to "
                "begin.",
                name=name,
            )
        )
    return Content(
        text=tr(
            "This thread is a conversation of its own with **{name}**. Begin by naming me in a "
            "message, and answer my messages to go on.",
            name=name,
        )
    )


def thread_opened(avatar: Avatar, link: str) -> Content:
    """After /talk."""
    return Content(
        text=tr("**{name}** waits for you in {link}.", name=escape(avatar.name), link=link)
    )


def nobody(*, creates: bool) -> Content:
    """When there is no avatar to talk to."""
    if creates:
        return Content(text=tr("There is no avatar here yet. Make one: /newavatar NAME"))
    return Content(
        text=tr(
            "There is no avatar here yet. The operator of this bot can make one, or send you the "
            "link of one."
        )
    )


def avatars(
    found: Sequence[Avatar], *, talking_to: int | None, page: int, more: bool, creates: bool
) -> Content:
    """Whom one can talk to, with a button for each."""
    if not found:
        if page == 1:
            return nobody(creates=creates)
        return Content(text=tr("There are no more avatars."))
    lines = [f"- {_listed(avatar, here=avatar.id == talking_to)}" for avatar in found]
    rows: list[tuple[Button, ...]] = [
        (Button(label=tr("Talk to {name}", name=avatar.name), action=code(Verb.TALK, avatar.id)),)
        for avatar in found
        if avatar.id != talking_to
    ]
    rows += turn(Verb.AVATARS, page=page, more=more)
    head = tr("**Avatars**")
    return Content(text="\n\n".join([head, "\n".join(lines)]), buttons=tuple(rows))


def _listed(avatar: Avatar, *, here: bool) -> str:
    words = f"**{escape(avatar.name)}** ({inline(avatar.slug)})"
    return tr("{avatar} — you are talking to this one", avatar=words) if here else words


class Where(StrEnum):
    """Where a new avatar can be talked to."""

    HERE = "here"
    ALONE = "alone"  # alone with the bot: somebody else runs the group
    MAIN_BOT = "main bot"  # the bot of the chat belongs to another avatar


def created(avatar: Avatar, *, where: Where) -> Content:
    """After /newavatar."""
    name = escape(avatar.name)
    if where is Where.MAIN_BOT:
        return Content(
            text=tr(
                "**{name}** is there and yours. This bot belongs to another avatar: talk to {name} "
                "in the main bot with /start {slug}.",
                name=name,
                slug=avatar.slug,
            )
        )
    if where is Where.HERE:
        return Content(
            text=tr(
                "**{name}** is there and yours, and this chat talks to it now. It has no prompt "
                "yet: /prompt TEXT writes one. Others reach it with /start {slug}; /share says who "
                "may.",
                name=name,
                slug=avatar.slug,
            )
        )
    return Content(
        text=tr(
            "**{name}** is there and yours, and waits where you are alone with me. It has no "
            "prompt yet: /prompt TEXT writes one. Others reach it with /start {slug}; /share says "
            "who may.",
            name=name,
            slug=avatar.slug,
        )
    )


def owners(avatar: Avatar, people: Sequence[Person]) -> Content:
    """Who owns an avatar."""
    lines = [f"- {person_words(person)}" for person in people]
    head = tr("**Owners of {name}**", name=escape(avatar.name))
    return Content(text="\n\n".join([head, "\n".join(lines) or tr("Nobody."), owners_usage()]))


def owner_changed(avatar: Avatar, person: Person, *, added: bool, changed: bool) -> Content:
    """After /owners add or remove."""
    name, which = escape(person.name), escape(avatar.name)
    if added:
        text = (
            tr("{name} owns {avatar} now.", name=name, avatar=which)
            if changed
            else tr("{name} owns {avatar} already.", name=name, avatar=which)
        )
    elif changed:
        text = tr("{name} does not own {avatar} any more.", name=name, avatar=which)
    else:
        text = tr(
            "Nothing was changed: {name} is no owner of {avatar}, or the last one. The last owner "
            "stays; add another one first.",
            name=name,
            avatar=which,
        )
    return Content(text=text)


_STORED = (
    noted("how many tokens were used and what they cost, by month and avatar, without your name"),
    noted(
        "what your messages cost in all, by day and month, for two months: limits are held by it, "
        "so /forgetme leaves it"
    ),
    noted(
        "which avatars you talked to, or are invited to or blocked from: their owners see your "
        "name and id, and how many replies you had"
    ),
    noted("in which language the bot speaks in this chat"),
    noted("with /link, which of your accounts are one person"),
    noted("who switched, wrote or trained which version, if you own an avatar"),
    noted(
        "exchanges that an avatar's owners kept to train on, by /teach or a thumb under a reply; "
        "those with you go with /forgetme as long as nothing was trained on them"
    ),
    noted(
        "if an avatar answers for you in your own chats: what it was told and said there, and when "
        "you wrote in which of them yourself, so that it is silent there"
    ),
)


def privacy(
    person: Person, stored: int, *, providers: Sequence[str], keeps: timedelta | None
) -> Content:
    """What is stored about somebody."""
    who = inline(f"{person.platform}:{person.external_id}")
    lines = [
        tr("your name and your id here ({id})", id=who),
        trn(
            "{n:,} message: what you said to avatars and what they answered, to remember the "
            "conversation",
            "{n:,} messages: what you said to avatars and what they answered, to remember the "
            "conversation",
            stored,
        ),
        *map(tr, _STORED),
    ]
    sent = tr(
        "To answer you, your messages, pictures and voice messages are sent to the model's "
        "provider: {providers}. Pictures and recordings are not kept here, only what was said; "
        "reactions of people who do not own the avatar are not kept either. An avatar's owners do "
        "not see what you say to it privately; who runs this installation can read its database.",
        providers=escape(_either(providers)),
    )
    kept = (
        tr(
            "Messages are kept until you delete them: /forgetme deletes what you said at once. "
            "/new begins a new conversation."
        )
        if keeps is None
        else trn(
            "Messages are deleted after {n:,} day: /forgetme deletes what you said at once. /new "
            "begins a new conversation.",
            "Messages are deleted after {n:,} days: /forgetme deletes what you said at once. /new "
            "begins a new conversation.",
            keeps.days,
        )
    )
    head = tr("**What is stored about you**")
    listed = "\n".join(f"- {line}" for line in lines)
    return Content(text=f"{head}\n\n{listed}\n\n{sent} {kept}")


def _either(words: Sequence[str]) -> str:
    """One of them: `A or B or C`."""
    said, *others = words
    for other in others:
        said = tr("{one} or {other}", one=said, other=other)
    return said


def ask_forget(stored: int, confirmation_id: int) -> Content:
    """The question before /forgetme."""
    text = trn(
        "Delete {n:,} message: everything that you said to avatars here, in every chat, their "
        "answers, and what others kept of them to train on? That cannot be undone. Avatars that "
        "you own, with their versions and training examples, stay; so does what was spent, and "
        "who invited or blocked you.",
        "Delete {n:,} messages: everything that you said to avatars here, in every chat, their "
        "answers, and what others kept of them to train on? That cannot be undone. Avatars that "
        "you own, with their versions and training examples, stay; so does what was spent, and "
        "who invited or blocked you.",
        stored,
    )
    return Content(
        text=text,
        buttons=(yes_no(tr("Delete my messages"), tr("Keep them"), confirmation_id),),
    )


def forgotten(count: int) -> Content:
    """After /forgetme."""
    return Content(text=trn("Done: {n:,} message deleted.", "Done: {n:,} messages deleted.", count))
