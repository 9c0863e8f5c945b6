"""`python -m bot`: chat with avatars in Telegram and Discord; with no token, in the terminal."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

from avatar.errors import AvatarError
from bot.logs import set_up_logs
from bot.settings import Settings, SettingsError, load_settings


async def _until_told(settings: Settings) -> None:
    """Serve until the platform ends by itself or a signal asks for the end."""
    from bot.composition import serve

    serving = asyncio.ensure_future(serve(settings))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


def main() -> int:
    """The exit code: 0 when it ended as asked, 2 when it could not start."""
    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"avatar-bot cannot start: {error}\n")
        return 2
    level = settings.log_level
    if settings.in_terminal and level == "info":
        level = "warning"  # a conversation in a terminal is not the place for news of the process
    set_up_logs(level=level, form=settings.log_format, secrets_=settings.secrets)
    try:
        asyncio.run(_until_told(settings))
    except AvatarError as error:  # a platform or the database refused us at the start
        sys.stderr.write(f"avatar-bot cannot go on: {error.sentence}\n")
        return 2
    except BrokenPipeError:  # who read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
