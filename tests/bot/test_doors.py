"""Every command and every button, by everybody, on every platform: who gets through.

What is expected stands here by name, so that a new one has to be put somewhere. Handlers are left
out: what counts is whether the dispatcher lets the person through to them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from avatar.chat_stores import Found
from avatar.incoming import Incoming, Received
from avatar.records import Address, Attachment, Author, Avatar, Example, Role, Turn
from bot.actions import NUMBERS, Verb, code
from bot.commands import BY_NAME
from bot.dispatcher import Dispatcher, Permissions
from bot.dispatcher import passes as passes_the_queue
from bot.doors import OF_BUTTONS, OF_COMMANDS, OF_ROUTES
from bot.health import Health
from bot.lanes import LaneQueue
from bot.metrics import Metrics
from bot.request import Answer, Request
from bot.screen import Content
from bot.serving import web, webhooks_of
from bot.settings import Settings
from storage.store import SqlStore, open_store
from tests.avatar.make import NOW

PLATFORMS = ("telegram", "discord", "terminal")
ROLES = ("stranger", "person", "blocked", "guest", "other", "owner", "admin", "operator")
OPENED = "opened"

# What a stranger is answered at each address: by which method, and with which status.
ROUTES = {
    "/healthz": ("GET", 200),
    "/readyz": ("GET", 200),
    "/metrics": ("GET", 200),
    "/telegram/{bot}": ("POST", 404),  # not without Telegram's secret
}

COMMANDS_OF = {
    "everyone": {
        *("start", "talk", "help", "new", "retry", "stop", "avatars", "privacy", "forgetme"),
        *("link", "unlink", "wait"),
    },
    "owners": {
        *("status", "history", "version", "prompt", "restore", "train", "teach", "examples"),
        *("unlearn", "dataset", "retrain", "adopt", "base", "activate", "deactivate", "delete"),
        *("cancel", "undo", "compare", "diff", "why", "cost", "note", "owners", "limits", "share"),
        *(
            "invite",
            "people",
            "block",
            "unblock",
            "export",
            "voice",
            "picture",
            "bot",
            "away",
            "honesty",
        ),
    },
    "creators": {"newavatar", "import"},
    "places": {"avatar", "talkative", "quiet", "managers"},
    "hosts": {"language"},
}
BUTTONS_OF = {
    "everyone": {"talk", "avatars", "stop", "no"},
    "owners": {
        *("activate", "deactivate", "base", "takeback", "delete", "delmodel", "cancel", "show"),
        *(
            "prompt",
            "history",
            "yes",
            "train",
            "epochs",
            "drop",
            "speaker",
            "offered",
            "mark",
            "only",
            "allchats",
            "marked",
            "options",
        ),
        *("option", "look", "leave", "report", "flight", "addtaught", "taught", "prefer"),
        *("unteach", "lessons", "lessonfile", "dataset", "where", "target", "retrain", "bases"),
        *(
            "rebase",
            "publish",
            "hide",
            "people",
            "block",
            "unblock",
            "revoke",
            "nopicture",
            "stopbot",
            "startbot",
            "kind",
            "kinds",
        ),
    },
    "questions": {"forget", "unlearn", "unlearnkept", "link", "unlink"},  # never pressed themselves
}


def test_every_command_and_button_has_its_place_in_the_table() -> None:
    assert set().union(*COMMANDS_OF.values()) == set(BY_NAME) == set(OF_COMMANDS)
    assert set().union(*BUTTONS_OF.values()) == {verb.value for verb in Verb}
    assert set(OF_BUTTONS) == set(Verb)


class Deaf:
    """A messenger that only says who runs a place."""

    async def administers(self, incoming: Incoming) -> bool:
        return incoming.private or incoming.author.external_id == "admin"


class Remembering:
    """A store that is asked every question once: thousands of people knock, and nothing changes
    meanwhile. What a test changes it writes past this, before anybody knocks.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._answers: dict[str, object] = {}

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def asked(*args: object, **kwargs: object) -> object:
            key = f"{name} {args} {kwargs}"
            if key not in self._answers:
                self._answers[key] = await getattr(self._store, name)(*args, **kwargs)
            return self._answers[key]

        return asked

    def forget(self) -> None:
        self._answers.clear()


@dataclass(kw_only=True)
class House:
    """An avatar with one of everything that buttons are about, on one platform."""

    platform: str
    store: SqlStore
    dispatcher: Dispatcher
    deaf: Deaf
    ids: dict[str, int]
    remembering: Remembering

    async def knock(
        self,
        role: str,
        *,
        text: str = "",
        action: str | None = None,
        private: bool = True,
        roles: tuple[str, ...] = (),
    ) -> str:
        """What somebody reads who says or presses something. The inbox is left out: it is the same
        for all, and to go through it thousands of times takes minutes.
        """
        incoming = Incoming(
            update_id="1",
            address=Address(platform=self.platform, chat=role if private else "group"),
            author=Author(platform=self.platform, external_id=role, name=role),
            message_id="1",
            sent_at=NOW,
            text=text,
            action=action,
            private=private,
            roles=roles,
        )
        received = Received(id=1, incoming=incoming, attempts=0, received_at=NOW)
        answer = await self.dispatcher._answer_of(received, self.deaf)  # type: ignore[arg-type]
        assert answer is None or isinstance(answer, Content)
        return "" if answer is None else answer.text


async def furnished(
    store: SqlStore, platform: str, visibility: str
) -> tuple[Avatar, dict[str, int]]:
    """The avatar, and the ids of what its buttons are about."""
    people = {
        role: await store.person(Author(platform=platform, external_id=role, name=role))
        for role in ROLES
        if role != "stranger"
    }
    ann, address = people["owner"], Address(platform=platform, chat="owner")
    avatar = await store.add_avatar(
        slug="demo", name="Demo", provider="p", base_model="m", owner_id=ann.id, now=NOW
    )
    await store.add_avatar(
        slug="else", name="Else", provider="p", base_model="m", owner_id=people["other"].id, now=NOW
    )
    version = await store.add_prompt(
        avatar_id=avatar.id, prompt="Be X.", note="", person_id=ann.id, now=NOW
    )
    turns = (Turn(role=Role.USER, text="a"), Turn(role=Role.ASSISTANT, text="b"))
    draft = await store.add_draft(
        avatar_id=avatar.id,
        person_id=ann.id,
        source="a",
        provider="p",
        base_model="m",
        tokens=1,
        epochs=1,
        warnings=(),
        examples=[Example(turns=turns, tokens=1, source="a", weights=(None, None))],
        now=NOW,
        expires_at=NOW,
    )
    attachment = Attachment(ref="a", name="a", size=1, kind="document")
    imported = await store.add_import(
        avatar_id=avatar.id,
        person_id=ann.id,
        address=address,
        attachment=attachment,
        form="Telegram",
        messages=1,
        speakers=(),
        chats=(),
        chat_count=0,
        speaker=None,
        expires_at=NOW,
    )
    taught = await store.teach(
        avatar_id=avatar.id,
        person_id=ann.id,
        turns=turns[:1],
        better="c",
        worse="b",
        now=NOW,
        cause=1,
    )
    question = await store.add_confirmation(
        action=code(Verb.DELETE, version.id), person_id=ann.id, now=NOW, expires_at=NOW
    )
    invitation = await store.add_invitation(
        avatar.id, by=ann.id, code_hash="h", most_uses=9, now=NOW, expires_at=NOW.replace(year=2099)
    )
    assert await store.use_invitation("h", people["guest"].id, now=NOW) == avatar.id
    await store.block(avatar.id, people["blocked"].id, now=NOW)
    for role in ROLES:
        chat = await store.chat(Address(platform=platform, chat=role), now=NOW)
        await store.talk_to(chat.id, avatar.id, now=NOW)
    chat = await store.chat(Address(platform=platform, chat="group"), now=NOW)
    await store.talk_to(chat.id, avatar.id, now=NOW, brought=True)
    await store.set_visibility(avatar.id, visibility)
    ids = {
        "avatar": avatar.id,
        "version": version.id,
        "draft": draft.id,
        "import": imported.id,
        "taught": taught.id,
        "question": question.id,
        "invitation": invitation.id,
    }
    return avatar, ids


@pytest.fixture(
    params=[*((platform, "public") for platform in PLATFORMS), ("telegram", "private")],
    ids="-".join,
)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    platform, visibility = request.param

    async def opened(request: Request) -> Answer:
        _ = request.about
        return Content(text=OPENED)

    async def pressed(_: Request, __: tuple[int, ...]) -> Answer:
        return Content(text=OPENED)

    async def reacted(_: Request, __: Found) -> Answer:
        return None

    async def chat(request: Request) -> Answer:
        return Content(text=f"{OPENED}: {request.avatar.name}")

    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/avatar.db") as store:
        _, ids = await furnished(store, platform, visibility)
        deaf = Deaf()
        questions = BUTTONS_OF["questions"]
        remembering = Remembering(store)
        dispatcher = Dispatcher(
            remembering,  # type: ignore[arg-type]
            queue=LaneQueue(store, passes=passes_the_queue, clock=lambda: NOW),
            messengers={platform: deaf},  # type: ignore[dict-item]  # no more is needed
            commands=dict.fromkeys(BY_NAME, opened),
            presses={verb: pressed for verb in Verb if verb.value not in questions},
            chat=chat,
            reactions=reacted,
            ways={},
            permissions=Permissions(
                operators=frozenset({(platform, "operator")}), anyone_creates=False
            ),
            clock=lambda: NOW,
        )
        yield House(
            platform=platform,
            store=store,
            dispatcher=dispatcher,
            deaf=deaf,
            ids=ids,
            remembering=remembering,
        )
        await dispatcher.close(grace=1)


def passes(kind: str, role: str, *, private: bool, platform: str) -> bool:
    """The policy: whether somebody gets through a door of a kind."""
    match kind:
        case "everyone":
            return True
        case "owners":
            return role in {"owner", "operator"}
        case "creators":
            return role == "operator"
        case "places":
            in_group = not private or platform == "terminal"
            return in_group and (role in {"admin", "operator"} or private)
        case "hosts":
            return private or role in {"admin", "operator"}
        case _:
            return False


async def test_commands(house: House) -> None:
    doors = [(kind, name, True) for kind, names in COMMANDS_OF.items() for name in names]
    doors += [(kind, name, False) for kind in ("places", "hosts") for name in COMMANDS_OF[kind]]
    doors += [("everyone", "help", False), ("owners", "history", False)]
    for kind, name, private in sorted(doors):
        platforms = BY_NAME[name].platforms
        exists = not platforms or house.platform in platforms
        for role in ROLES:
            shown = await house.knock(role, text=f"/{name} 1", private=private)
            wanted = exists and passes(kind, role, private=private, platform=house.platform)
            assert (shown == OPENED) == wanted, (name, role, private, shown)
            if not wanted:
                assert "no command" in shown or "runs this group" in shown, shown


async def test_buttons(house: House) -> None:
    hidden = (await house.store.avatar(house.ids["avatar"])).visibility == "private"
    for kind, names in BUTTONS_OF.items():
        for name in sorted(names):
            verb = Verb(name)
            count = NUMBERS.get(verb, 1)
            first = house.ids.get(OF_BUTTONS[verb].about.value, 1)
            action = code(verb, *(first, 0, 0)[:count])
            for role in ROLES:
                shown = await house.knock(role, action=action)
                wanted = passes(kind, role, private=True, platform=house.platform)
                assert (shown == OPENED) == wanted, (name, role, shown)
                if not wanted and hidden and role != "guest":
                    assert "Demo" not in shown, (name, role, shown)


async def test_who_may_not_know_of_a_private_avatar_is_told_what_is_told_of_none(
    house: House,
) -> None:
    """The answer to a forged button is the same as for one about nothing."""
    await house.store.set_visibility(house.ids["avatar"], "private")
    for verb in sorted(BUTTONS_OF["owners"]):
        count = NUMBERS.get(Verb(verb), 1)
        ours = house.ids[OF_BUTTONS[Verb(verb)].about.value]
        there = await house.knock("stranger", action=code(Verb(verb), *(ours, 0)[:count]))
        nothing = await house.knock("stranger", action=code(Verb(verb), *(987654, 0)[:count]))
        if verb != "yes":  # a question that is gone is answered by its handler
            assert there == nothing.replace("987654", str(ours)), verb
        assert "Demo" not in there


async def test_talking(house: House) -> None:
    hidden = (await house.store.avatar(house.ids["avatar"])).visibility == "private"
    for role in ROLES:
        shown = await house.knock(role, text="Hello")
        if role == "blocked":
            assert ("blocked you" in shown) != hidden
        elif role in {"owner", "operator", "guest"} or not hidden:
            assert shown == f"{OPENED}: Demo"
        else:
            assert "Demo" not in shown
    # Where an owner brought it into a group, everybody there may talk to it who is not blocked.
    assert await house.knock("stranger", text="Hello", private=False) == f"{OPENED}: Demo"
    assert "blocked you" in await house.knock("blocked", text="Hello", private=False)


async def test_a_group_that_no_owner_brought_it_into_is_told_once_that_it_is_private(
    house: House,
) -> None:
    place = Address(platform=house.platform, chat="group")
    chat = await house.store.chat(place, now=NOW)
    await house.store.set_visibility(house.ids["avatar"], "public")
    await house.store.talk_to(chat.id, house.ids["avatar"], now=NOW)
    house.remembering.forget()
    assert await house.knock("stranger", text="Hello", private=False) == f"{OPENED}: Demo"
    await house.store.set_visibility(house.ids["avatar"], "private")
    house.remembering.forget()
    assert "is private" in await house.knock("stranger", text="Hello", private=False)
    house.remembering.forget()
    for role in ("stranger", "person", "blocked"):
        assert await house.knock(role, text="Hello", private=False) == "", role
    for role in ("owner", "operator", "guest"):
        assert await house.knock(role, text="Hello", private=False) == f"{OPENED}: Demo", role
    topic = replace(place, thread="5")  # it begins as its group is
    assert not (await house.store.chat(topic, now=NOW)).brought
    await house.store.talk_to(chat.id, house.ids["avatar"], now=NOW, brought=True)
    house.remembering.forget()
    assert await house.knock("stranger", text="Hello", private=False) == f"{OPENED}: Demo"
    topic = replace(place, thread="6")
    assert (await house.store.chat(topic, now=NOW)).brought


async def test_a_role_that_was_named_runs_the_place(house: House) -> None:
    await house.store.set_manager_role(Address(platform=house.platform, chat="group"), "7")
    for roles, expected in (((), "runs this group"), (("8",), "runs this group"), (("7",), OPENED)):
        shown = await house.knock("person", text="/avatar demo", private=False, roles=roles)
        assert expected in shown


async def test_forged_buttons_are_refused(house: House) -> None:
    for forged in ("forget", "link:1", "unlink", "unlearn:1", "yes", "activate:1:2", "x" * 99):
        assert "button does not work" in await house.knock("operator", action=forged), forged


async def test_quiet_hours_and_what_is_said_to_nobody(house: House) -> None:
    place = Address(platform=house.platform, chat="group")
    chat = await house.store.chat(place, now=NOW)
    await house.store.set_quiet(
        chat.id, f"{NOW:%H:%M}-{NOW.replace(hour=(NOW.hour + 1) % 24):%H:%M} UTC"
    )
    assert await house.knock("person", text="Hello", private=False) == ""
    assert await house.knock("person", text="/help", private=False) == OPENED
    await house.store.set_quiet(chat.id, "")
    house.remembering.forget()
    assert await house.knock("person", text="Hello", private=False) == f"{OPENED}: Demo"


async def test_addresses_on_the_web(tmp_path: Path) -> None:
    settings = Settings(http_port=0, telegram_webhook_url="https://bots.example")
    url = f"sqlite+aiosqlite:///{tmp_path}/avatar.db"
    hooks = webhooks_of(settings)
    assert hooks is not None
    async with (
        open_store(url) as store,
        aiohttp.ClientSession() as stranger,
        web(settings, store, Health(), Metrics(), hooks) as served,
    ):
        assert served is not None
        assert {route.path for route in served.routes} == set(OF_ROUTES) == set(ROUTES)
        for path, (method, status) in ROUTES.items():
            for each in ("GET", "POST", "PUT", "DELETE"):
                at = served.url + path.format(bot="123456")
                async with stranger.request(each, at, data=b"{}") as answer:
                    assert answer.status == (status if each == method else 405), (each, path)
