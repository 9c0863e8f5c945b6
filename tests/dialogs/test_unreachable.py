"""A platform that cannot be reached at the start holds up nothing else."""

import asyncio
from pathlib import Path

from avatar.records import Status
from bot.serving import serve
from bot.settings import Settings
from storage.store import open_store
from tests.dialogs.stage import meanwhile, play, terminal_stage


async def test_trainings_are_followed_while_telegram_is_down(tmp_path: Path) -> None:
    async with terminal_stage(tmp_path) as stage:
        await play(stage, [("(train)", "Start it?"), ("[Start training]", "in training")])
    url = f"sqlite+aiosqlite:///{tmp_path}/avatar.db"
    settings = Settings(
        telegram_token="123456789:" + "a" * 35,
        telegram_api_url="http://127.0.0.1:1",
        database_url=url,
        poll_seconds=0.1,
    )
    async with meanwhile(serve(settings)) as serving:
        async with open_store(url) as store, asyncio.timeout(40):
            while (version := await store.version(1)) and version.status is Status.TRAINING:
                await asyncio.sleep(0.05)
        assert version is not None
        assert version.status is Status.COMPLETED
        assert not serving.done()
