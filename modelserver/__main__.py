"""`python -m modelserver --port N --data DIR [--host H] [--api-key KEY]`."""

import argparse
import asyncio
import ipaddress
import signal
import sys
from pathlib import Path

from modelserver.server import TRAINING_SECONDS, ModelServer
from modelserver.shelf import FolderInUse


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="modelserver", description="A model provider on this machine, with OpenAI's API."
    )
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path("data/modelserver"))
    parser.add_argument("--api-key", help="callers must give it; needed beyond this machine")
    parser.add_argument("--engine", choices=["imitator"], default="imitator")
    parser.add_argument(
        "--training-seconds",
        type=float,
        default=TRAINING_SECONDS,
        help="about how long a training of the imitator takes",
    )
    return parser.parse_args()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    server = ModelServer(
        arguments.data,
        api_key=arguments.api_key,
        host="127.0.0.1" if arguments.host == "localhost" else arguments.host,
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
    if arguments.api_key is None and not _is_loopback(arguments.host):
        sys.stderr.write(
            f"modelserver: --host {arguments.host} is reached from outside: give it an --api-key\n"
        )
        return 2
    try:
        asyncio.run(_serve(arguments))
    except (FolderInUse, OSError) as error:
        sys.stderr.write(f"modelserver: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
