"""A throwaway PostgreSQL cluster for the tests, where its programs are installed."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")
UNPRIVILEGED = ("postgres", "nobody")  # PostgreSQL refuses to run as root


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None: PostgreSQL is not installed."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return installed[-1].parent if installed else None


class Cluster:
    """A running cluster, reached by a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def url(self, database: str) -> str:
        return f"postgresql://tests@/{database}?host={self._folder}"

    @property
    def pid(self) -> int:
        """Of the process that started all others."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def create(self, *, template: str = "template0") -> str:
        """A new database; its URL."""
        self._made += 1
        name = f"t{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A cluster while inside. Needs `programs`."""
    where = programs()
    assert where is not None
    user = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="avatar-bot-pg-", dir="/tmp") as name:  # short paths
        folder = Path(name)
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = folder / "data"

        def run(*command: str) -> None:
            subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)

        run(
            *(str(where / "initdb"), "-D", str(data), "-U", "tests", "--auth=trust", "--no-sync"),
            *("-E", "UTF8", "--locale=C"),
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} "
        options += " ".join(f"-c {each}" for each in FAST)
        log = str(folder / "log")
        run(str(where / "pg_ctl"), "-D", str(data), "-l", log, "-w", "-o", options, "start")
        try:
            yield Cluster(folder)
        finally:
            run(str(where / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")


def _unprivileged() -> str | None:
    """Whom to run as; None: as we are."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None
