"""`python -m modelserver --port N --data DIR [--host H] [--api-key KEY]`, with the engine lora
`--engine lora --model NAME [--vllm URL]`; and `python -m modelserver export`.
"""

import argparse
import asyncio
import math
import signal
import sqlite3
import sys
from pathlib import Path

from modelserver.engine import Engine
from modelserver.errors import EngineFault
from modelserver.imitator.engine import Imitator
from modelserver.server import TRAINING_SECONDS, KeyNeeded, ModelServer
from modelserver.shelf import FolderInUse

ENGINES = ("imitator", "lora")


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
    parser.add_argument("--engine", choices=ENGINES, default="imitator")
    parser.add_argument("--model", help="of the engine lora: a folder, or a name at the hub")
    parser.add_argument(
        "--vllm", metavar="URL", help="a vLLM server that speaks for the engine lora"
    )
    parser.add_argument(
        "--training-seconds",
        type=_seconds,
        default=TRAINING_SECONDS,
        help="about how long a training of the imitator takes",
    )
    given = parser.parse_args()
    if (given.engine == "lora") != (given.model is not None):
        parser.error("the engine lora needs --model, and only it takes one")
    if given.vllm is not None and given.engine != "lora":
        parser.error("only the engine lora takes --vllm")
    return given


def _engine(arguments: argparse.Namespace) -> Engine:
    if arguments.engine == "imitator":
        return Imitator()
    # What it needs is an extra: nothing else may import it.
    from modelserver.lora.engine import Lora

    return Lora(arguments.model, vllm=arguments.vllm)


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    server = ModelServer(
        arguments.data,
        engine=_engine(arguments),
        api_key=arguments.api_key,
        host=arguments.host,
        port=arguments.port,
        training_seconds=arguments.training_seconds if arguments.engine == "imitator" else None,
    )
    async with server:
        sys.stdout.write(f"modelserver ({arguments.engine}) at {server.base_url}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> int:
    """The exit code."""
    if sys.argv[1:2] == ["export"]:
        from modelserver.lora import export

        return export.main(sys.argv[2:])
    arguments = _arguments()
    try:
        asyncio.run(_serve(arguments))
    except sqlite3.Error as error:
        sys.stderr.write(f"modelserver: the records in {arguments.data} cannot be read: {error}\n")
        return 2
    except (KeyNeeded, FolderInUse, EngineFault, OSError) as error:
        sys.stderr.write(f"modelserver: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
