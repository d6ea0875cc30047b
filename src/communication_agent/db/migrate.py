"""Brings the central schema forward: numbered SQL files, applied once, in order, by one process, never changed afterwards."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.abc import Params
from psycopg.rows import TupleRow

from communication_agent.db.statements import packaged
from communication_agent.errors import Problem

FOLDER = Path(__file__).parent / "migrations"
OLDEST_SERVER = 15
LOCK = 0x434F4D4D  # any number that nobody else takes; advisory locks are per database
POLL = 0.2  # seconds between two looks at the lock
LOCK_TIMEOUT = "3s"  # a migration that waits for a lock makes everybody behind it wait too
ATTEMPTS = 20

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_ENDED = re.compile(r";[ \t]*(?:\n|$)")

# Global, so no tenant_id; only the engine may look.
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version       integer PRIMARY KEY,
    name          text NOT NULL,
    sha256        text NOT NULL,
    applied_at    timestamptz NOT NULL,
    milliseconds  integer NOT NULL
);
ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS engine ON schema_migrations;
CREATE POLICY engine ON schema_migrations TO CURRENT_USER USING (true) WITH CHECK (true);
"""

# How many times a lock was not to be had -> seconds to the next attempt.
Patience = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `transactional` unless its first line is `-- no-transaction` (then each statement commits by itself)."""

    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Over the text, so that line ends of another system are no drift."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def transactional(self) -> bool:
        """Whether all of it happens or nothing."""
        return not self.text.startswith("-- no-transaction")


@dataclass(frozen=True, slots=True)
class Status:
    """Which versions the database has, which wait, and which it has that this code does not know (a newer program's)."""

    applied: tuple[int, ...]
    pending: tuple[Migration, ...]
    newer: tuple[int, ...]


def packaged_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The files of a folder in their order; raises ValueError for a name that is not NNNN_words.sql or a doubled number."""
    found = [_read(path) for path in sorted(folder.glob("*.sql"))]
    versions = [migration.version for migration in found]
    if len(set(versions)) != len(versions):
        raise ValueError(f"{folder.name}: a number stands there twice: {versions}")
    return found


async def status(conn: AsyncConnection[TupleRow], migrations: Sequence[Migration] | None = None) -> Status:
    """Compare the database with the files; raises Problem CA-307 when one that was applied has changed or is missing."""
    known = packaged_migrations() if migrations is None else migrations
    applied = await _applied(conn)
    _refuse_drift(applied, known)
    latest = max((m.version for m in known), default=0)
    return Status(
        applied=tuple(sorted(applied)),
        pending=tuple(m for m in known if m.version not in applied),
        newer=tuple(sorted(version for version in applied if version > latest)),
    )


async def up(
    conn: AsyncConnection[TupleRow],
    migrations: Sequence[Migration] | None = None,
    *,
    patience: Patience = lambda tries: min(5.0, 0.2 * tries),
) -> list[Migration]:
    """Apply what is pending and return it; of many processes at once exactly one applies, the others wait and return [].

    `conn` is in autocommit mode. A database that is newer than this code is left alone: older programs run on it.
    Raises Problem CA-307 on drift, CA-302 when the server is too old or lets this user make no tables.
    """
    _refuse_old_server(conn)
    if not (await status(conn, migrations)).pending:
        return []
    async with exclusive(conn):
        pending = (await status(conn, migrations)).pending
        if pending:
            await _patiently(conn, lambda: _run(conn, _TABLE), patience)
        for migration in pending:
            await _patiently(conn, _attempt(conn, migration), patience)
    return list(pending)


@asynccontextmanager
async def exclusive(conn: AsyncConnection[TupleRow]) -> AsyncGenerator[None]:
    """Alone among all processes that change the schema.

    Polls: whoever waits inside a blocking lock holds a snapshot that CREATE INDEX CONCURRENTLY waits for, a deadlock.
    """
    while not await _one(conn, "SELECT pg_try_advisory_lock(%(key)s)", {"key": LOCK}):  # noqa: ASYNC110 - what is awaited is another process
        await asyncio.sleep(POLL)
    try:
        yield
    finally:
        if not conn.closed:
            await _one(conn, "SELECT pg_advisory_unlock(%(key)s)", {"key": LOCK})


async def _patiently(conn: AsyncConnection[TupleRow], attempt: Callable[[], Awaitable[None]], patience: Patience) -> None:
    for tries in range(1, ATTEMPTS):
        try:
            return await _permitted(conn, attempt)
        except errors.LockNotAvailable:
            await asyncio.sleep(patience(tries))
    return await _permitted(conn, attempt)


async def _permitted(conn: AsyncConnection[TupleRow], attempt: Callable[[], Awaitable[None]]) -> None:
    try:
        await attempt()
    except errors.InsufficientPrivilege as error:
        raise Problem(
            "CA-302",
            "The central database's user may not change its schema.",
            str(error).strip(),
            f"let the owner of the database run   GRANT CREATE ON SCHEMA public TO {conn.info.user}",
        ) from error


def _attempt(conn: AsyncConnection[TupleRow], migration: Migration) -> Callable[[], Awaitable[None]]:
    started = time.monotonic()

    async def whole() -> None:
        async with conn.transaction():
            await _run(conn, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            await _run(conn, migration.text)
            await _note(conn, migration, started)

    async def step_by_step() -> None:
        await _run(conn, f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            for step in split_steps(migration.text):
                await _run(conn, step)
            await _note(conn, migration, started)
        finally:
            await _run(conn, "RESET lock_timeout")

    return whole if migration.transactional else step_by_step


async def _note(conn: AsyncConnection[TupleRow], migration: Migration, started: float) -> None:
    await AsyncCursor(conn).execute(
        "INSERT INTO schema_migrations (version, name, sha256, applied_at, milliseconds)"
        " VALUES (%(version)s, %(name)s, %(sha256)s, statement_timestamp(), %(milliseconds)s)",
        {
            "version": migration.version,
            "name": migration.name,
            "sha256": migration.sha256,
            "milliseconds": round(1000 * (time.monotonic() - started)),
        },
    )


async def _applied(conn: AsyncConnection[TupleRow]) -> dict[int, tuple[str, str]]:
    """Version -> (name, sha256); empty for a database that was never migrated."""
    if await _one(conn, "SELECT to_regclass('schema_migrations') IS NULL", None):
        return {}
    cursor = await AsyncCursor(conn).execute("SELECT version, name, sha256 FROM schema_migrations")
    return {version: (name, sha256) for version, name, sha256 in await cursor.fetchall()}


def _refuse_drift(applied: dict[int, tuple[str, str]], known: Sequence[Migration]) -> None:
    files = {migration.version: migration for migration in known}
    latest = max(files, default=0)
    for version, (name, sha256) in sorted(applied.items()):
        if version > latest:
            continue
        if version not in files:
            raise _drift(f"{version:04d}_{name}.sql was applied and is missing")
        if files[version].sha256 != sha256:
            raise _drift(f"{version:04d}_{name}.sql was applied and is not the same any more")
    for version in sorted(files):
        if version not in applied and any(version < later for later in applied):
            raise _drift(f"{version:04d}_{files[version].name}.sql was not applied, but a later one was")


def _drift(why: str) -> Problem:
    return Problem(
        "CA-307",
        "The central database and this program disagree about its schema.",
        why,
        "install the program's files anew; a change to the schema is a new file with the next number",
    )


def _refuse_old_server(conn: AsyncConnection[TupleRow]) -> None:
    version = conn.info.server_version
    if version < OLDEST_SERVER * 10_000:
        raise Problem(
            "CA-302",
            "The central database server is too old.",
            f"it is PostgreSQL {version // 10_000}, needed is {OLDEST_SERVER} or newer",
            "point CENTRAL_DB_URL at a newer server, or unset it to use the embedded one",
        )


def _read(path: Path) -> Migration:
    match = _FILE.fullmatch(path.name)
    if not match:
        raise ValueError(f"{path.name}: a migration is named NNNN_words.sql")
    # read_text turns every kind of line end into \n
    return Migration(int(match[1]), match[2], path.read_text(encoding="utf-8"))


def split_steps(text: str) -> list[str]:
    """The statements of a `-- no-transaction` file; a semicolon ends a line only where a statement ends (linted)."""
    return [step for step in _ENDED.split(text) if any(line and not line.startswith("--") for line in step.splitlines())]


async def _run(conn: AsyncConnection[TupleRow], text: str) -> None:
    # A plain cursor, whatever the connection makes by itself: several statements at once need the simple protocol.
    await AsyncCursor(conn).execute(packaged(text))


async def _one(conn: AsyncConnection[TupleRow], text: str, params: Params | None) -> object:
    row = await (await AsyncCursor(conn).execute(packaged(text), params)).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return row[0]
