"""The first minute at the terminal: a demo avatar, and what to try."""

from avatar.language import tr
from avatar.records import Author
from bot.handlers.desk import Desk
from bot.screen import Content
from bot.wording import escape


async def welcome(desk: Desk, author: Author) -> Content:
    """What the terminal begins with; the first start makes a demo avatar for who sits there."""
    person = await desk.store.person(author)
    avatars = await desk.store.avatars(person_id=None, limit=1)
    if avatars:
        return Content(text=tr("avatar-bot. /help lists what you can do; end with Ctrl-D."))
    avatar = await desk.store.add_avatar(
        slug="demo",
        name="Demo",
        provider=desk.providers.default.name,
        base_model=desk.providers.base_model,
        owner_id=person.id,
        now=desk.clock(),
    )
    return Content(
        text=tr(
            "You own an avatar now: **{name}**. Just write to it, then try:  \n"
            "/prompt You are a cheerful guide to Ipoh. — gives it instructions at once  \n"
            "/train examples/malaysian.jsonl — teaches it to talk like the examples, lah",
            name=escape(avatar.name),
        )
    )
