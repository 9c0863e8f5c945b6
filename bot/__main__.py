"""`python -m bot`: chat with avatars in Telegram and Discord; with no token, in the terminal.

`python -m bot check` asks every provider what works; `python -m bot copy SOURCE TARGET` carries an
installation from one database (a URL as in DATABASE_URL) to another; `python -m bot backup FILE`
writes all of it into one file, also while a bot runs, and `python -m bot restore FILE` puts it back
(with `--force` also over what is there). `--role` lets several processes share the work on
PostgreSQL: one takes what comes in, others answer, one follows jobs.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from avatar.errors import AvatarError
from bot.logs import set_up_logs
from bot.loops import fast_loop
from bot.roles import Role
from bot.settings import Settings, SettingsError, load_settings, roles_allowed

LONGEST_END = 8.0  # seconds from being told to end, of the ten that are promised
STARTED = 5.0  # seconds after which everything is imported and made
USAGE = (
    f"Usage: python -m bot [--role {'|'.join(Role)} | check | copy SOURCE TARGET | backup FILE | "
    "restore FILE [--force]]\n"
)


async def _until_told(settings: Settings, role: Role) -> None:
    """Serve until the platform ends by itself or a signal asks for the end."""
    from bot.serving import serve

    serving = asyncio.ensure_future(serve(settings, role))
    loop = asyncio.get_running_loop()

    def told() -> None:
        serving.cancel()
        end = threading.Timer(LONGEST_END, _end_at_once)
        end.daemon = True
        end.start()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, told)
    loop.call_later(STARTED, _spare_what_stays)
    with suppress(asyncio.CancelledError):
        await serving


def _end_at_once() -> None:
    """Whatever still hangs (a thread that imports, a connection) is left: what was not done stands
    in the database, as after a power cut.
    """
    logging.getLogger(__name__).warning("not everything ended in time: the rest is left")
    logging.shutdown()
    os._exit(0)


def _spare_what_stays() -> None:
    """The collector of cycles does not walk any more through what was imported and stays anyway:
    some 200,000 objects, a fifth of a second each time.
    """
    gc.collect()
    gc.freeze()


async def _check(settings: Settings) -> bool:
    from bot.upkeep import check_providers

    return await check_providers(settings)


async def _copy(source: str, target: str) -> None:
    from bot.upkeep import copy_installation

    await copy_installation(source, target)


async def _backup(settings: Settings, file: str) -> None:
    from bot.upkeep import backup_installation

    await backup_installation(settings, Path(file))


async def _restore(settings: Settings, file: str, *, force: bool) -> None:
    from bot.upkeep import restore_installation

    await restore_installation(settings, Path(file), force=force)


def main(arguments: Sequence[str] = ()) -> int:
    """The exit code: 0 when it ended as asked, 1 when `check` found something, 2 when it could
    not start.
    """
    # The collector of cycles comes less often: what is imported and a reply leave none behind, and
    # many replies in progress hold many objects.
    gc.set_threshold(20_000, 20, 20)
    role = Role.ALL
    match list(arguments):
        case [] | ["check"] | ["copy", _, _] | ["backup", _]:
            pass
        case ["restore", _] | ["restore", _, "--force"]:
            pass
        case ["--role", name] if name in set(Role):
            role = Role(name)
        case _:
            sys.stderr.write(USAGE)
            return 2
    try:
        settings = load_settings(os.environ)
        roles_allowed(settings, role)
    except SettingsError as error:
        sys.stderr.write(f"avatar-bot cannot start: {error}\n")
        return 2
    level = settings.log_level
    if settings.in_terminal and level == "info":
        level = "warning"  # a conversation in a terminal is not the place for news of the process
    set_up_logs(level=level, form=settings.log_format, secrets_=settings.secrets)
    try:
        match list(arguments):
            case ["check"]:
                return 0 if asyncio.run(_check(settings)) else 1
            case ["copy", source, target]:
                asyncio.run(_copy(source, target))
                return 0
            case ["backup", file]:
                asyncio.run(_backup(settings, file))
                return 0
            case ["restore", file, *force]:
                asyncio.run(_restore(settings, file, force=bool(force)))
                return 0
        # A conversation in a terminal has nothing of a faster loop.
        loop = asyncio.new_event_loop if settings.in_terminal else fast_loop
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(_until_told(settings, role))
    except AvatarError as error:  # a platform or the database refused us at the start
        sys.stderr.write(f"avatar-bot cannot go on: {error.sentence}\n")
        return 2
    except BrokenPipeError:  # who read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
