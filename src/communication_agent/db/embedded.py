"""A PostgreSQL of our own below the data directory: the first process starts it, all share it, the last one stops it."""

import atexit
import fcntl
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from communication_agent.clock import unix_micros
from communication_agent.db.embedded_cluster import SETTINGS, Cluster
from communication_agent.errors import Problem

_DATABASE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_RESERVED = {"postgres", "template0", "template1"}


class EmbeddedPostgres:
    """The server below `home` as this process uses it.

    `binaries` names the directory of PostgreSQL's programs when the usual places are not to be searched; `settings`
    override those of embedded_cluster.SETTINGS.
    """

    def __init__(self, home: Path, *, binaries: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._home = home.expanduser().resolve()
        self._cluster = Cluster(self._home, binaries, {**SETTINGS, **(settings or {})})
        self._users: int | None = None
        self._user_pid = 0

    def start(self) -> None:
        """Start the server or join the one that runs; again in the same process it revives a server that has died.

        Raises Problem CA-309 with the last lines of the log. A process made by os.fork has to call it for itself.
        """
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._turn():
                if not self._cluster.runs():
                    self._cluster.launch()
                self._join()
        except OSError as error:
            do = "make the directory usable, or name another one in COMMUNICATION_AGENT_HOME"
            raise self._cluster.problem(str(error), do) from error

    def stop(self) -> bool:
        """Leave; True when the server is stopped, False when others still use it. Happens by itself when the process ends."""
        if not self._joined:
            return not self.running
        atexit.unregister(self._stop_at_exit)
        with self._turn():
            if not self._leave() or self._kept:
                return False
            if self._cluster.runs():
                self._cluster.shut_down()
            return True

    def keep(self, seconds: float) -> None:
        """Let the server outlive its users for a while: somebody was told its address and will come."""
        path = self._home / "keep"
        path.touch(mode=0o600)
        until = unix_micros() / 1e6 + seconds
        os.utime(path, (until, until))

    @property
    def _kept(self) -> bool:
        try:
            return (self._home / "keep").stat().st_mtime > unix_micros() / 1e6
        except FileNotFoundError:
            return False

    def dsn(self, dbname: str = "communication_agent", *, user: str = "postgres") -> str:
        """A libpq connection string over the Unix socket; `user` is the superuser or a role that somebody made."""
        server = self._cluster.postmaster()
        sockets = server.sockets if server else self._cluster.sockets
        return make_conninfo(host=os.path.normpath(sockets), port=5432, user=user, dbname=dbname)

    def create_database(self, name: str) -> bool:
        """Make an empty database; False when it was there. Raises ValueError for a name that is not plain."""
        # template0 has no connections, so that several processes can copy it at once.
        command = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(_database(name))
        try:
            self._execute(command)
        except (errors.DuplicateDatabase, errors.UniqueViolation):  # the second one is a race that was lost
            return False
        return True

    def drop_database(self, name: str) -> None:
        """Remove a database, if it is there, and whoever is connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_database(name)))

    @property
    def running(self) -> bool:
        """Whether a server answers, whoever started it."""
        server = self._cluster.postmaster()
        return server is not None and server.ready()

    @property
    def postmaster_pid(self) -> int | None:
        """The process id of the server that runs."""
        server = self._cluster.postmaster()
        return server.pid if server and server.accepts() else None

    # Who uses it is known by two flocks, which the kernel drops when a process dies, however it dies.

    @contextmanager
    def _turn(self) -> Generator[None]:
        """One process at a time starts or stops."""
        lock = self._open_lock("start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _open_lock(self, name: str) -> int:
        lock = os.open(self._home / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if os.geteuid() == 0:
            home = self._home.stat()
            os.fchown(lock, home.st_uid, home.st_gid)  # root in somebody's home must not lock its owner out
        return lock

    @property
    def _joined(self) -> bool:
        return self._users is not None and self._user_pid == os.getpid()

    def _join(self) -> None:
        if self._joined:
            return
        if self._users is not None:
            os.close(self._users)  # a fork inherits its parent's lock, not one of its own
        self._users, self._user_pid = self._open_lock("users.lock"), os.getpid()
        fcntl.flock(self._users, fcntl.LOCK_SH)
        atexit.register(self._stop_at_exit)

    def _leave(self) -> bool:
        """Whether we were the last."""
        lock, self._users = self._users, None
        if lock is None:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True

    def _stop_at_exit(self) -> None:
        # A server that does not stop is adopted by the next start: no reason to end with a traceback.
        with suppress(Problem, OSError):
            self.stop()

    def _execute(self, command: sql.Composed) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(command)


def _database(name: str) -> sql.Identifier:
    if not _DATABASE_NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(f"{name!r} cannot be the name of a database")
    return sql.Identifier(name)
