"""The central schema keeps the rules by which it runs on a distributed PostgreSQL; and the lint that says so can see."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.partitions import make_ahead
from support.central import config_for
from support.schema_lint import RULES, findings

GOOD = """
CREATE TABLE extra (tenant_id text NOT NULL REFERENCES tenants, id uuid NOT NULL, note text, PRIMARY KEY (tenant_id, id));
ALTER TABLE extra ENABLE ROW LEVEL SECURITY;
ALTER TABLE extra FORCE ROW LEVEL SECURITY;
CREATE POLICY engine ON extra TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY tenant ON extra TO PUBLIC USING (tenant_id = current_setting('app.tenant', true))
    WITH CHECK (tenant_id = current_setting('app.tenant', true));
"""

BAD: list[tuple[LiteralString, str]] = [
    ("ALTER TABLE extra DROP CONSTRAINT extra_pkey", "extra has no primary key"),
    ("ALTER TABLE extra DROP CONSTRAINT extra_pkey, ALTER tenant_id DROP NOT NULL", "extra has no tenant_id text NOT NULL"),
    ("DROP POLICY tenant ON extra; ALTER TABLE extra RENAME tenant_id TO tenant", "extra has no tenant_id text NOT NULL"),
    ("CREATE INDEX by_note ON extra (note, tenant_id)", "by_note is an index that does not begin with tenant_id"),
    ("CREATE INDEX by_word ON extra (lower(note))", "by_word is an index that does not begin with tenant_id"),
    ("ALTER TABLE extra ADD CONSTRAINT once UNIQUE (id)", "once is an index that does not begin with tenant_id"),
    (
        "CREATE TRIGGER t BEFORE UPDATE ON extra FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "extra has a trigger",
    ),
    ("CREATE RULE r AS ON DELETE TO extra DO INSTEAD NOTHING", "extra has a rule"),
    ("CREATE SEQUENCE numbers", "numbers is a sequence"),
    ("ALTER TABLE extra ADD number bigint GENERATED ALWAYS AS IDENTITY", "extra.number is an identity column"),
    ("ALTER TABLE extra ADD number serial", "extra.number has a default that is no constant"),
    ("ALTER TABLE extra ADD at timestamptz DEFAULT now()", "extra.at has a default that is no constant"),
    ("ALTER TABLE extra ALTER id SET DEFAULT gen_random_uuid()", "extra.id has a default that is no constant"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "f is code in the database"),
    (
        "ALTER TABLE extra ADD CONSTRAINT crossed FOREIGN KEY (note, tenant_id) REFERENCES users (tenant_id, email)",
        "extra.crossed is a foreign key that does not go from (tenant_id, ...) to (tenant_id, ...)",
    ),
    (
        "ALTER TABLE extra ADD CONSTRAINT loose FOREIGN KEY (tenant_id, note) REFERENCES users (tenant_id, email) ON DELETE SET NULL",
        "extra.loose is a foreign key that changes rows by other means than deleting them",
    ),
    (
        "ALTER TABLE extra ADD CONSTRAINT moving FOREIGN KEY (tenant_id, note) REFERENCES users (tenant_id, email) ON UPDATE CASCADE",
        "extra.moving is a foreign key that changes rows by other means than deleting them",
    ),
    ("ALTER TABLE extra NO FORCE ROW LEVEL SECURITY", "extra does not force row-level security"),
    ("ALTER TABLE extra DISABLE ROW LEVEL SECURITY", "extra does not force row-level security"),
    ("DROP POLICY engine ON extra", "extra does not let the engine in, and only it"),
    ("ALTER POLICY engine ON extra TO PUBLIC", "extra does not let the engine in, and only it"),
    ("ALTER POLICY tenant ON extra WITH CHECK (true)", "extra does not keep tenants to their own rows"),
    ("ALTER POLICY tenant ON extra USING (true)", "extra does not keep tenants to their own rows"),
    ("CREATE POLICY more ON extra USING (note = 'x')", "extra.more has a policy that opens more than what is everybody's"),
    (
        "CREATE POLICY everybody ON extra USING (tenant_id = '*')",
        "extra.everybody has a policy that opens more than what is everybody's",
    ),
    ("ALTER TABLE extra ADD state text", "extra.state is a closed list that the table does not know"),
    ("CREATE TABLE forgotten (a int)", "forgotten has no primary key"),
]


@pytest.fixture
def conn(central_shared: str) -> Iterator[psycopg.Connection]:
    """A transaction that is rolled back: whatever a test does to the schema."""
    with psycopg.connect(central_shared) as opened:
        yield opened
        opened.rollback()


def test_the_schema_keeps_every_rule(conn: psycopg.Connection) -> None:
    assert findings(conn) == []


def test_a_table_that_keeps_every_rule_passes(conn: psycopg.Connection) -> None:
    conn.execute(GOOD)
    assert findings(conn) == []


@pytest.mark.parametrize(("change", "told"), BAD)
def test_a_table_that_breaks_a_rule_is_told(conn: psycopg.Connection, change: LiteralString, told: str) -> None:
    conn.execute(GOOD)
    conn.execute(change)
    assert told in findings(conn)


def test_every_rule_has_been_seen_to_bite() -> None:
    assert [rule for rule in RULES if not any(told.endswith(rule) for _, told in BAD)] == []


async def test_partitions_that_are_made_later_keep_the_rules_too(central_copy: str, tmp_path: Path) -> None:
    central = await CentralDatabase.open(config_for(central_copy, tmp_path))
    async with central.engine() as engine:
        assert await make_ahead(engine, datetime(2026, 11, 22, tzinfo=UTC))
    await central.close()
    with psycopg.connect(central_copy) as conn:
        assert findings(conn) == []


async def test_every_table_is_closed_to_whoever_names_no_tenant_or_another_one(central: CentralDatabase) -> None:
    tables = await _tables_with_a_row(central)
    assert len(tables) > 20
    async with central.tenant("oak") as conn:
        for table in tables:
            assert await (await conn.execute(f"SELECT tenant_id FROM {table}".encode())).fetchall() == [], table
    async with central._app.connection() as conn:
        for table in tables:
            assert await (await conn.execute(f"SELECT tenant_id FROM {table}".encode())).fetchall() == [], table
    async with central.tenant("elm") as conn:
        for table in tables:
            assert len(await (await conn.execute(f"SELECT tenant_id FROM {table}".encode())).fetchall()) == 1, table


async def test_a_door_cannot_write_another_tenants_rows(central: CentralDatabase) -> None:
    insert = "INSERT INTO agent_memory (tenant_id, persona, key, value, expires_at) VALUES (%(t)s, 'p', %(k)s, 'v', '2027-01-01')"
    await _tables_with_a_row(central)
    async with central.engine() as conn:
        await conn.execute(
            "INSERT INTO tenants SELECT 'oak', name, time_zone, settings, secrets, added_at, updated_at FROM tenants"
        )
    async with central.tenant("oak") as conn:
        assert (await conn.execute("UPDATE agent_memory SET value = 'mine'")).rowcount == 0
        assert (await conn.execute("DELETE FROM agent_memory")).rowcount == 0
        for statement in (insert, insert.replace("'v'", "'w'")):
            with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
                async with conn.transaction():
                    await conn.execute(statement.encode(), {"t": "elm", "k": "k2"})
        await conn.execute(insert.encode(), {"t": "oak", "k": "k"})
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            async with conn.transaction():
                await conn.execute("UPDATE agent_memory SET tenant_id = 'elm'")
    async with central.tenant("elm") as conn:
        assert await (await conn.execute("SELECT value FROM agent_memory")).fetchall() == [("x",)]


async def test_what_is_there_for_everybody_is_read_by_all_and_written_by_none(central: CentralDatabase) -> None:
    async with central.engine() as conn:
        await conn.execute("INSERT INTO controls VALUES ('*', 'all', 'maintenance', 'operator', '2026-11-22')")
    async with central.tenant("elm") as conn:
        assert (await conn.execute("SELECT FROM controls")).rowcount == 1
        assert (await conn.execute("DELETE FROM controls")).rowcount == 0
        with pytest.raises(errors.InsufficientPrivilege):
            async with conn.transaction():
                await conn.execute("INSERT INTO controls VALUES ('*', 'type:x', 'x', 'x', '2026-11-22')")


@pytest.mark.parametrize(
    "forbidden",
    [
        b"SELECT secrets FROM tenants",
        b"UPDATE tenants SET name = 'x'",
        b"UPDATE audit_log SET actor = 'x'",
        b"DELETE FROM audit_log",
        b"DELETE FROM consents",
        b"UPDATE job_transitions SET reason = 'x'",
        b"SELECT FROM schema_migrations",
        b"SELECT FROM messages_default",
        b"TRUNCATE controls",
        b"CREATE TABLE mine (a int)",
        b"ALTER TABLE controls DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_a_door_has_no_right_to(central: CentralDatabase, forbidden: bytes) -> None:
    async with central.tenant("elm") as conn:
        with pytest.raises(errors.InsufficientPrivilege):
            async with conn.transaction():
                await conn.execute(forbidden)


async def _tables_with_a_row(central: CentralDatabase) -> list[str]:
    """One row of tenant elm in every table that tenants have rows in, made from the columns' types alone."""
    async with central.engine() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = 'replica'")  # no foreign keys: any row will do
        names = await (await conn.execute(_NAMES)).fetchall()
        for (name,) in names:
            columns = await (await conn.execute(_COLUMNS, {"table": name})).fetchall()
            values = {column: _value(name, column, kind) for column, kind in columns} | _EXTRA.get(name, {})
            listed, marks = ", ".join(values), ", ".join(f"%({column})s" for column in values)
            await conn.execute(f"INSERT INTO {name} ({listed}) VALUES ({marks})".encode(), values)
    return [name for (name,) in names]


_NAMES = """
SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND relname <> 'schema_migrations' ORDER BY 1
"""
_COLUMNS = """
SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%(table)s) AND attnum > 0
AND attnotnull AND NOT attisdropped
"""

# Where a CHECK wants more than the type says.
_SPECIAL = {
    ("controls", "scope"): "all",
    ("schedule_runs", "state"): "off",
    ("agent_jobs", "status"): "finished",
    ("inbound_messages", "status"): "received",
    ("approvals", "status"): "waiting",
    ("communication_jobs", "state"): "ready",
    ("message_templates", "state"): "draft",
    ("communication_history", "outcome"): "sent",
    ("communication_queue", "status"): "received",
    ("message_templates", "version"): 1,
    ("suppressions", "reason"): "stop",
}
_EXTRA: dict[str, dict[str, object]] = {"schedule_runs": {"finished_at": datetime(2026, 11, 22, tzinfo=UTC)}}
_COMMON = {
    "tenant_id": "elm",
    "channel": "sms",
    "purpose": "all",
    "role": "viewer",
    "job_type": "send_sms",
    "from_state": "ready",
    "to_state": "claimed",
}
_TYPES: dict[str, object] = {
    "text": "x",
    "uuid": UUID(int=1),
    "timestamp with time zone": datetime(2026, 11, 22, tzinfo=UTC),
    "date": datetime(2026, 11, 22, tzinfo=UTC).date(),
    "jsonb": "{}",
    "text[]": [],
    "bytea": b"",
    "boolean": True,
    "smallint": 0,
    "integer": 0,
    "bigint": 0,
    "numeric": 0,
}


def _value(table: str, column: str, kind: str) -> object:
    return _SPECIAL.get((table, column), _COMMON.get(column, _TYPES[kind]))
