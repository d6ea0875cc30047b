"""Monthly partitions: made ahead of time, and dropped whole when their months are past keeping."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import LiteralString

from psycopg import AsyncConnection, AsyncCursor, errors, sql
from psycopg.rows import TupleRow

from communication_agent.db import migrate
from communication_agent.db.statements import packaged

AHEAD = 2  # months beside the current one

# Full months that a table keeps at most; a tenant may wish for less, which is a DELETE and not our business here.
KEPT: Mapping[str, int] = {"delivery_events": 13, "communication_history": 25, "job_transitions": 25, "messages": 25}

# Each partitioned table with the column that says which month a row belongs to.
_PARENTS = """
SELECT c.relname, a.attname
FROM pg_partitioned_table p
JOIN pg_class c ON c.oid = p.partrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
WHERE c.relnamespace = current_schema()::regnamespace AND p.partstrat = 'r'
ORDER BY c.relname
"""

_PARTITIONS = """
SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = to_regclass(quote_ident(%(parent)s)) ORDER BY child.relname
"""

# Filled beside its parent and attached last, so that readers wait for a moment only.
_STEPS: tuple[LiteralString, ...] = (
    "LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE",
    "CREATE TABLE {new} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
    """WITH early AS (DELETE FROM {default} WHERE {column} >= {begin} AND {column} < {end} RETURNING *)
       INSERT INTO {new} SELECT * FROM early""",
    "ALTER TABLE {new} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {new} FORCE ROW LEVEL SECURITY",
    "CREATE POLICY engine ON {new} TO CURRENT_USER USING (true) WITH CHECK (true)",
    """CREATE POLICY tenant ON {new} TO PUBLIC USING (tenant_id = current_setting('app.tenant', true))
       WITH CHECK (tenant_id = current_setting('app.tenant', true))""",
    "ALTER TABLE {parent} ATTACH PARTITION {new} FOR VALUES FROM ({begin}) TO ({end})",
)


async def make_ahead(conn: AsyncConnection[TupleRow], now: datetime) -> list[str]:
    """Make the partitions of this month and the next two where they are missing; their names.

    Rows of those months that came too early and lie in the default partition move over. `conn` is the engine's, in
    autocommit mode. A table that is busy for 3 seconds is left for the next time: the default partition takes its rows.
    """
    if not await _missing(conn, now):
        return []
    made: list[str] = []
    async with migrate.exclusive(conn):
        for parent, column, month in await _missing(conn, now):
            try:
                await _make(conn, parent, column, month)
            except errors.LockNotAvailable:
                continue
            made.append(name_of(parent, month))
    return made


async def drop_expired(conn: AsyncConnection[TupleRow], now: datetime, kept: Mapping[str, int] = KEPT) -> list[str]:
    """Drop the partitions whose last day is more than `kept` months before this one; their names.

    The default partition stays. A table that is busy for 3 seconds is left for the next time.
    """
    expired: list[str] = []
    for parent, _ in await _parents(conn):
        oldest = name_of(parent, _month(now, -kept[parent]))
        expired += [name for name in await _partitions(conn, parent) if name < oldest and not name.endswith("_default")]
    return [name for name in expired if await _drop(conn, name)]


def name_of(parent: str, month: datetime) -> str:
    """How the partition of a month is called; names of one table sort as their months do."""
    return f"{parent}_{month:%Y_%m}"


async def _missing(conn: AsyncConnection[TupleRow], now: datetime) -> list[tuple[str, str, datetime]]:
    wanted: list[tuple[str, str, datetime]] = []
    for parent, column in await _parents(conn):
        there = set(await _partitions(conn, parent))
        months = [_month(now, ahead) for ahead in range(AHEAD + 1)]
        wanted += [(parent, column, month) for month in months if name_of(parent, month) not in there]
    return wanted


async def _make(conn: AsyncConnection[TupleRow], parent: str, column: str, month: datetime) -> None:
    names = {
        "new": sql.Identifier(name_of(parent, month)),
        "parent": sql.Identifier(parent),
        "default": sql.Identifier(f"{parent}_default"),
        "column": sql.Identifier(column),
        "begin": sql.Literal(month),
        "end": sql.Literal(_month(month, 1)),
    }
    async with conn.transaction():
        await AsyncCursor(conn).execute(packaged(f"SET LOCAL lock_timeout = '{migrate.LOCK_TIMEOUT}'"))
        for step in _STEPS:
            await AsyncCursor(conn).execute(sql.SQL(step).format(**names))


async def _drop(conn: AsyncConnection[TupleRow], name: str) -> bool:
    try:
        async with conn.transaction():
            await AsyncCursor(conn).execute(packaged(f"SET LOCAL lock_timeout = '{migrate.LOCK_TIMEOUT}'"))
            await AsyncCursor(conn).execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
    except errors.LockNotAvailable:
        return False
    return True


async def _parents(conn: AsyncConnection[TupleRow]) -> list[tuple[str, str]]:
    rows = await (await AsyncCursor(conn).execute(_PARENTS)).fetchall()
    return [(str(parent), str(column)) for parent, column in rows]


async def _partitions(conn: AsyncConnection[TupleRow], parent: str) -> list[str]:
    rows = await (await AsyncCursor(conn).execute(_PARTITIONS, {"parent": parent})).fetchall()
    return [str(name) for (name,) in rows]


def _month(now: datetime, ahead: int) -> datetime:
    """The first instant (UTC) of the month that is `ahead` months after that of `now`."""
    utc = now.astimezone(UTC)
    years, month = divmod(utc.month - 1 + ahead, 12)
    return datetime(utc.year + years, month + 1, 1, tzinfo=UTC)
