"""A message that was begun again and again and never ended: the process may have died of it."""

from pathlib import Path

from bot.dispatcher import MAX_ATTEMPTS
from tests.dialogs.stage import terminal_stage


async def test_who_wrote_what_is_put_aside_is_told(tmp_path: Path) -> None:
    for deaths, expected in ((MAX_ATTEMPTS, "Something went wrong here"), (MAX_ATTEMPTS - 1, "")):
        async with terminal_stage(tmp_path) as stage:
            store = stage.desk.store
            hello = stage._typed.incoming("Hello")
            (received,) = await store.receive(hello, now=stage.desk.clock())
            for _ in range(deaths - 1):
                await store.begin(received.id)
        async with terminal_stage(tmp_path) as stage:
            await stage.dispatcher.settled(hello)
            shown = stage._out.getvalue()
            assert (expected or "What would you like to talk about?") in shown
            assert ("talk about?" in shown) != bool(expected)
            assert "You are welcome" in await stage.say("Thank you")
            assert await stage.desk.store.unanswered(limit=1) == ()
