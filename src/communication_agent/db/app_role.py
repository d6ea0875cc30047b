"""The second role of the central database: web, API and agent work as one that owns nothing and sees one tenant."""

import hashlib
from typing import LiteralString

from psycopg import AsyncConnection, AsyncCursor, errors, sql
from psycopg.rows import TupleRow

from communication_agent.errors import Problem

# What may be done with a table; every other table may be read and written, always within the tenant's rows.
_ALL: LiteralString = "SELECT, INSERT, UPDATE, DELETE"
_RIGHTS: dict[str, LiteralString] = {
    "job_transitions": "SELECT, INSERT",  # append-only, for whoever comes in through a door
    "consents": "SELECT, INSERT",
    "audit_log": "SELECT, INSERT",
    "tenants": "SELECT (tenant_id, name, time_zone, settings, added_at, updated_at)",  # never the secrets
}

# Partitions are reached through their parents only.
_TABLES = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'schema_migrations'
"""


def role_of(engine: str) -> str:
    """The role's name, made from the engine's: installations with one user share it, others never meet (63 bytes at most)."""
    name = f"communication_agent_app_{engine}"
    return name if len(name.encode()) <= 63 else f"communication_agent_app_{hashlib.sha256(engine.encode()).hexdigest()[:32]}"


def missing_on_citus() -> Problem:
    """What is wrong when a distributed central database has no CENTRAL_DB_APP_URL."""
    # Citus connects to its workers as the current role, which therefore has to be one that can log in.
    return Problem(
        "CA-302",
        "Web, API and agent have no role of their own in the central database.",
        "a distributed central database needs one that can log in on its workers too",
        "make a user that owns nothing and name it in CENTRAL_DB_APP_URL",
    )


async def is_ready(conn: AsyncConnection[TupleRow], role: str, *, taken: bool) -> bool:
    """Whether the role exists, has its rights on every table and, when it is to be `taken`, may be SET by this user."""
    cursor = await AsyncCursor(conn).execute("SELECT FROM pg_roles WHERE rolname = %(role)s", {"role": role})
    if not cursor.rowcount:
        return False
    if taken and not await _may_become(conn, role):
        return False
    query = sql.SQL(
        "SELECT has_schema_privilege(%(role)s, current_schema(), 'USAGE') AND NOT EXISTS ("
        "SELECT FROM ({}) AS t WHERE NOT has_any_column_privilege(%(role)s, quote_ident(t.relname), 'SELECT'))"
    ).format(sql.SQL(_TABLES))
    row = await (await AsyncCursor(conn).execute(query, {"role": role})).fetchone()
    return row is not None and row[0] is True


async def make(conn: AsyncConnection[TupleRow], role: str, *, taken: bool) -> Problem | None:
    """Create the role, unless it is a user who is there, and give it its rights; the Problem CA-302 when this server's user may not (the engine works on)."""
    try:
        if taken:
            await _create(conn, role)
        if taken and not await _may_become(conn, role):
            await _execute(conn, sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
        await grant(conn, role)
    except errors.InsufficientPrivilege as error:
        return Problem(
            "CA-302",
            "Web, API and agent have no role of their own in the central database.",
            f"its user may not make one: {str(error).strip()}",
            "make a user that owns nothing and name it in CENTRAL_DB_APP_URL, or let CENTRAL_DB_URL's user make roles"
            "   (ALTER ROLE … CREATEROLE)",
        )
    return None


async def grant(conn: AsyncConnection[TupleRow], role: str) -> None:
    """Give the rights, table by table; harmless when it has them."""
    who = sql.Identifier(role)
    tables = await (await AsyncCursor(conn).execute(_TABLES)).fetchall()
    async with conn.transaction():
        await _execute(conn, sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(who))
        for (table,) in tables:
            rights = sql.SQL(_RIGHTS.get(table, _ALL))
            await _execute(conn, sql.SQL("GRANT {} ON {} TO {}").format(rights, sql.Identifier(table), who))


async def why_unfit(conn: AsyncConnection[TupleRow], engine: str) -> Problem | None:
    """The Problem CA-302 when the user of `conn` would see more than one tenant."""
    cursor = await AsyncCursor(conn).execute(
        "SELECT current_user = %(engine)s, rolsuper OR rolbypassrls, pg_has_role(%(engine)s, 'MEMBER')"
        " FROM pg_roles WHERE rolname = current_user",
        {"engine": engine},
    )
    row = await cursor.fetchone()
    reasons = ("it is CENTRAL_DB_URL's user", "row-level security does not hold for it", "it may become CENTRAL_DB_URL's user")
    for holds, reason in zip(row or (), reasons, strict=False):
        if holds:
            return Problem(
                "CA-302",
                f"CENTRAL_DB_APP_URL's user {conn.info.user} would see every tenant.",
                reason,
                "make a user that owns nothing, is no superuser and has no BYPASSRLS",
            )
    return None


async def _create(conn: AsyncConnection[TupleRow], role: str) -> None:
    cursor = await AsyncCursor(conn).execute("SELECT FROM pg_roles WHERE rolname = %(role)s", {"role": role})
    if cursor.rowcount:
        return
    try:
        await _execute(conn, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    except (errors.DuplicateObject, errors.UniqueViolation):
        return  # roles belong to the server: another of its databases made it just now


async def _may_become(conn: AsyncConnection[TupleRow], role: str) -> bool:
    # Since 16 a role's maker is its member without being allowed to SET ROLE.
    kind = "SET" if conn.info.server_version >= 160_000 else "MEMBER"
    cursor = await AsyncCursor(conn).execute("SELECT pg_has_role(%(role)s, %(kind)s)", {"role": role, "kind": kind})
    return await cursor.fetchone() == (True,)


async def _execute(conn: AsyncConnection[TupleRow], command: sql.Composed) -> None:
    await AsyncCursor(conn).execute(command)
