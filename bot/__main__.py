"""`python -m bot`: chat with avatars in Telegram, or, with nothing configured, in the terminal."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from avatar.errors import AvatarError
from bot.composition import serve
from bot.logs import set_up_logs
from bot.settings import SettingsError, load_settings

log = logging.getLogger("bot")


async def _until_told(settings: object) -> None:
    """Serve until the platforms end by themselves or a signal asks for the end."""
    loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(serve(settings))
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not on every system
            loop.add_signal_handler(name, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


def main() -> int:
    """The exit code: 0 when it ended as asked, 2 when it could not start."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    set_up_logs(settings)
    try:
        asyncio.run(_until_told(settings))
    except AvatarError as error:  # a platform or the database refused us at the start
        print(error.sentence, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
