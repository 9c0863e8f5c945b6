"""What an operator asks for besides serving: checks, copies, backups."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from avatar.errors import AvatarError
from bot.composition import MODEL_SERVER, backends, now
from bot.settings import Settings
from storage.database import data_folder


async def copy_installation(source: str, target: str) -> None:
    """Carry everything from one database to another, and print what was carried."""
    from storage.copying import copy

    async for each in copy(source, target):
        sys.stdout.write(f"{each.table}: {each.rows} rows, sha256 {each.checksum[:16]}\n")
    sys.stdout.write("Everything was carried over and compared.\n")


async def backup_installation(settings: Settings, path: Path) -> None:
    """Write everything into one file, and print what was written."""
    from modelserver.copying import snapshot
    from storage.backup import backup

    with tempfile.TemporaryDirectory(prefix="avatar-bot-") as folder:
        data = data_folder(settings.database_url) / MODEL_SERVER

        def files() -> Mapping[str, Path]:
            found = snapshot(data, Path(folder))
            return {f"{MODEL_SERVER}/{name}": file for name, file in found.items()}

        kept = await backup(settings.database_url, path, files=files, now=now())
    rows = sum(each.rows or 0 for each in kept)
    count = sum(each.rows is None for each in kept)
    sys.stdout.write(
        f"{path}: {rows} rows and {count} files of the model server, read again and compared.\n"
    )


class NotRestored(AvatarError):
    """A bot is running on {folder}: stop it, then restore. Nothing was changed."""


async def restore_installation(settings: Settings, path: Path, *, force: bool) -> None:
    """Put everything of such a file back, and print what was put."""
    from modelserver.copying import unused
    from modelserver.shelf import FolderInUse
    from storage.backup import restore

    folder = data_folder(settings.database_url)
    try:
        with unused(folder / MODEL_SERVER):
            kept = await restore(
                settings.database_url,
                path,
                force=force,
                folder=folder,
                keep=frozenset({MODEL_SERVER}),
            )
    except FolderInUse as error:
        raise NotRestored(folder=folder / MODEL_SERVER, detail=str(error)) from error
    rows = sum(each.rows or 0 for each in kept)
    sys.stdout.write(f"{rows} rows of {path} are back and compared.\n")


async def check_providers(settings: Settings) -> bool:
    """Print what works at every provider; whether all of it does."""
    from bot.checking import check

    good = True
    async with backends(settings) as served:
        async for line, works in check(
            settings.providers,
            chats={name: backend.chat for name, backend in served.items()},
            trainers={name: backend.trainer for name, backend in served.items()},
            keys=settings.keys,
        ):
            good = good and works
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return good
