"""`python -m modelserver --port N --data DIR [--host H] [--api-key KEY]`."""

import argparse
import asyncio
import math
import signal
import sqlite3
import sys
from pathlib import Path

from modelserver.imitator.engine import Imitator
from modelserver.server import TRAINING_SECONDS, KeyNeeded, ModelServer
from modelserver.shelf import FolderInUse

ENGINES = {"imitator": Imitator}


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError
    return seconds


_port.__name__, _seconds.__name__ = "port", "number of seconds"  # in what argparse says


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="modelserver", description="A model provider on this machine, with OpenAI's API."
    )
    parser.add_argument("--port", type=_port, default=8080, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path("data/modelserver"))
    parser.add_argument("--api-key", help="callers must give it; needed beyond this machine")
    parser.add_argument("--engine", choices=list(ENGINES), default="imitator")
    parser.add_argument(
        "--training-seconds",
        type=_seconds,
        default=TRAINING_SECONDS,
        help="about how long a training of the imitator takes",
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    server = ModelServer(
        arguments.data,
        engine=ENGINES[arguments.engine](),
        api_key=arguments.api_key,
        host=arguments.host,
        port=arguments.port,
        training_seconds=arguments.training_seconds,
    )
    async with server:
        sys.stdout.write(f"modelserver ({arguments.engine}) at {server.base_url}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    try:
        asyncio.run(_serve(arguments))
    except sqlite3.Error as error:
        sys.stderr.write(f"modelserver: the records in {arguments.data} cannot be read: {error}\n")
        return 2
    except (KeyNeeded, FolderInUse, OSError) as error:
        sys.stderr.write(f"modelserver: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
