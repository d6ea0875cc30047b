"""A data directory of PostgreSQL: how it is made, configured, started and stopped, one caller at a time."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from communication_agent.db.embedded_binaries import Account, Programs, account_for, find_programs, run
from communication_agent.db.embedded_postmaster import SOCKET, Postmaster, clear_away_the_dead
from communication_agent.errors import Problem

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",  # no TCP port at all
    "unix_socket_permissions": "0700",
    "cluster_name": "communication-agent",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "lc_messages": "C",
    "password_encryption": "scram-sha-256",
    # Seven files, one a weekday, each begun anew after a week; terse, because DETAIL lines quote customers' data.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "server-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
_LONGEST_SOCKET = 100  # bytes; the systems' limits are 103 (macOS) and 107 (Linux)
_LARGEST_LOG = 8 * 1024 * 1024  # bytes
_PATIENCE = 300  # seconds that crash recovery may take


@dataclass(frozen=True, slots=True)
class Cluster:
    """The data directory `home`/pg; only the caller whose turn it is may start or stop it."""

    home: Path
    binaries: Path | None
    settings: Mapping[str, str]

    @property
    def data(self) -> Path:
        """Everything of the server: data, configuration, logs, and the socket if its path is short enough."""
        return self.home / "pg"

    @property
    def sockets(self) -> Path:
        """The data directory, unless its path is too long, or has the comma by which libpq tells hosts apart."""
        if len(os.fsencode(self.data / SOCKET)) <= _LONGEST_SOCKET and "," not in str(self.data):
            return self.data
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()).resolve() / f"ca-{digest}"

    def postmaster(self) -> Postmaster | None:
        """The server that runs, or ran and ended badly."""
        return Postmaster.read(self.data)

    def runs(self) -> bool:
        """Whether a server is ready; waits while one is coming up, going down, or leaves children behind."""
        deadline = time.monotonic() + _PATIENCE
        while server := self.postmaster():
            if server.ready():
                return True
            if not server.lives():
                return False
            if time.monotonic() > deadline:
                raise self.problem(self._last_words(), "wait until it is ready, or end the process; the data are kept")
            threading.Event().wait(0.02)
        return False

    def launch(self) -> None:
        """Start the server, on new data if there are none; raises Problem CA-309 with the last lines of its log."""
        account = account_for(self.data if self.data.exists() else self.home)
        programs = find_programs(self.binaries, account, self._major())
        sockets = self._make_sockets(account)
        if self._major() is None:
            self._create(programs, account)
        self._configure(account, sockets)
        clear_away_the_dead(self.data, self.sockets)
        started = self._pg_ctl(programs, account, "-l", "start.log", "-t", str(_PATIENCE), "start")
        if started.returncode:
            raise self.problem(self._last_words() or _tail(started.stderr), "mend what it names and try again; the data are kept")

    def shut_down(self) -> None:
        """Stop the server: transactions in progress are rolled back."""
        account = account_for(self.data)
        stopped = self._pg_ctl(find_programs(self.binaries, account, self._major()), account, "-m", "fast", "stop")
        if stopped.returncode and self.runs():
            raise self.problem(
                self._last_words() or _tail(stopped.stderr), "end what keeps it busy; the data are kept", verb="stop"
            )
        if self.sockets != self.data:
            with suppress(OSError):
                self.sockets.rmdir()

    def problem(self, why: str, do: str, *, verb: str = "start") -> Problem:
        """What people are told."""
        return Problem("CA-309", f"The embedded database in {self.home} cannot {verb}.", why, do)

    def _major(self) -> int | None:
        with suppress(FileNotFoundError):
            return int((self.data / "PG_VERSION").read_text())
        return None

    def _create(self, programs: Programs, account: Account) -> None:
        """Beside its place first: a start that was killed half-way leaves no half-made data directory."""
        for half_made in self.home.glob("pg.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        if self.data.exists() and any(self.data.iterdir()):
            raise self.problem(f"{self.data} holds something else than a database.", "move it away; nothing is ever deleted")
        new = Path(tempfile.mkdtemp(prefix="pg.new-", dir=self.home))
        _give(new, account)
        made = run((str(programs.bin / "initdb"), "-D", _here(account), *self._initdb_options(programs.major)), account, new)
        if made.returncode:
            raise self.problem(_tail(made.stderr), "mend what PostgreSQL names and try again")
        new.rename(self.data)
        _fsync(self.home)  # or a power cut could bring back the old name, under which data are taken for half-made

    def _initdb_options(self, major: int) -> Iterator[str]:
        yield from ("-U", "postgres", "-E", "UTF8", "--data-checksums", "--auth-local=peer", "--auth-host=reject")
        # The builtin locale sorts alike on every system; the C library's C.UTF-8 does not exist everywhere.
        modern = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        yield from modern if major >= 17 else ("--locale=C.UTF-8",)
        if self.settings["fsync"] == "off":
            yield "--no-sync"
        elif major >= 17 and sys.platform == "linux":
            yield "--sync-method=syncfs"  # once instead of a thousand times, which a busy disk makes seconds of

    def _configure(self, account: Account, sockets: Path) -> None:
        """Written at every start, so that a new version's settings hold; ALTER SYSTEM still wins."""
        settings = {**self.settings, "unix_socket_directories": str(sockets)}
        lines = "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())
        _write(self.data / "postgresql.conf", lines, account)
        _write(self.data / "pg_hba.conf", "local all all peer map=home\nlocal replication all peer map=home\n", account)
        # Every role, for these two could read the server's files anyway.
        _write(self.data / "pg_ident.conf", f'home "{account.name}" all\nhome root all\n', account)
        (self.data / "start.log").unlink(missing_ok=True)
        for log in (self.data / "log").glob("server-*.log"):
            if log.lstat().st_size > _LARGEST_LOG:
                log.unlink()

    def _make_sockets(self, account: Account) -> Path:
        """The socket directory as the server names it; where everybody may write, it must be truly ours."""
        if self.sockets == self.data:
            return Path()
        try:
            self.sockets.mkdir(mode=0o700)
            _give(self.sockets, account)
        except FileExistsError:
            found = self.sockets.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
                why = f"{self.sockets} belongs to somebody else."
                raise self.problem(why, "name a shorter directory in COMMUNICATION_AGENT_HOME") from None
        return self.sockets

    def _pg_ctl(self, programs: Programs, account: Account, *words: str) -> subprocess.CompletedProcess[str]:
        return run((str(programs.bin / "pg_ctl"), "-D", _here(account), "-w", *words), account, self.data)

    def _last_words(self) -> str:
        """The end of what the last start wrote."""
        begun = (self.data / "postgresql.conf").stat().st_mtime_ns
        logs = [self.data / "start.log", *sorted((self.data / "log").glob("server-*.log"))]
        fresh = [log for log in logs if log.exists() and log.stat().st_mtime_ns >= begun]
        return _tail("".join(_since_start(log.read_text(errors="replace")) for log in fresh))


def _here(account: Account) -> str:
    """The data directory as PostgreSQL is to name it: relative, so that no shell and no length limit minds the path.

    A borrowed user may have no way to it from the root (below /root), yet stands in it: then the name is a link to here.
    """
    return "/proc/self/cwd" if account.borrowed and Path("/proc/self/cwd").exists() else "."


def _give(path: Path, account: Account) -> None:
    if account.borrowed:
        os.chown(path, account.uid, account.gid)


def _write(path: Path, text: str, account: Account) -> None:
    """Anew, never through a link: as root we write where a lesser user may have laid one."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as writer:
        writer.write(text)
        if account.borrowed:
            os.fchown(file, account.uid, account.gid)


def _fsync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _since_start(log: str) -> str:
    before, marker, after = log.rpartition("starting PostgreSQL")
    return marker + after if before else log


def _tail(text: str, lines: int = 8) -> str:
    noise = ("redirecting log output", "Future log output")
    kept = [line for line in text.splitlines() if line.strip() and not any(words in line for words in noise)]
    return "\n      ".join(kept[-lines:])
