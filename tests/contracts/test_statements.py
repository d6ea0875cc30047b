"""Every SQL block is understood by the migrated schema and stays within one tenant; and the lint that says so can see."""

import re
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from communication_agent.db.statements import Statement, nouns, packaged, statements
from support.statement_lint import findings, tenant_tables

TABLES = tenant_tables()
BLOCKS = [(noun, block) for noun in nouns() for block in statements(noun).values()]
CENTRAL = [pytest.param(noun, block, id=f"{noun}.{block.name}") for noun, block in BLOCKS if not block.dealer]
DEALERS = [(noun, block) for noun, block in BLOCKS if block.dealer]

TOLD_TYPES = {"useful_days": "::int"}  # date + something could be many things

LOOSE = "is not pinned by tenant_id = …"
JOBS = "communication_jobs"

# What a distributed PostgreSQL refuses, or runs over every shard, and what the lint says about it.
BAD = [
    (f"SELECT id FROM {JOBS} WHERE state = 'ready'", LOOSE),
    (f"SELECT id FROM {JOBS} WHERE tenant_id <> %(t)s", LOOSE),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s OR state = 'ready'", LOOSE),
    (f"SELECT id FROM {JOBS} WHERE NOT (tenant_id = %(t)s)", LOOSE),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = ANY (%(ts)s)", LOOSE),
    (f"SELECT id FROM {JOBS} WHERE tenant_id IN ('elm', 'oak')", LOOSE),
    (f"SELECT j.id FROM {JOBS} j JOIN messages m ON m.id = j.id WHERE j.tenant_id = %(t)s", f"m {LOOSE}"),
    (f"SELECT j.id FROM {JOBS} j, messages m WHERE j.tenant_id = m.tenant_id", LOOSE),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND EXISTS (SELECT FROM messages WHERE id = 1)", f"messages {LOOSE}"),
    (f"SELECT 1 UNION ALL SELECT lane FROM {JOBS}", LOOSE),
    (f"SELECT (SELECT count(*) FROM {JOBS} j) FROM {JOBS} j WHERE j.tenant_id = %(t)s", f"j {LOOSE}"),
    (f"WITH x AS (SELECT id FROM {JOBS}) SELECT id FROM x", LOOSE),
    (f"SELECT x.id FROM unnest(%(ts)s::text[]) u (t), LATERAL (SELECT id FROM {JOBS} j WHERE j.tenant_id = u.t) x", LOOSE),
    (f"UPDATE {JOBS} SET lane = 1 WHERE id = %(id)s", LOOSE),
    (f"UPDATE {JOBS} j SET lane = 1 FROM pick WHERE j.tenant_id = pick.tenant_id", LOOSE),
    (f"DELETE FROM {JOBS} WHERE id = %(id)s", LOOSE),
    (f"DELETE FROM {JOBS} j USING messages m WHERE j.tenant_id = %(t)s AND m.id = j.id", f"m {LOOSE}"),
    ("INSERT INTO controls VALUES (%(t)s, 'all')", "has to name its columns"),
    ("INSERT INTO controls (scope) VALUES ('all')", "has to name its columns"),
    ("INSERT INTO controls (tenant_id, scope) SELECT u.t, 'all' FROM unnest(%(ts)s::text[]) u (t)", "no constant tenant_id"),
    ("INSERT INTO controls (scope, tenant_id) VALUES ('all', lower(%(t)s))", "no constant tenant_id"),
    (f"SELECT id FROM {JOBS} WHERE state = 'ready' LIMIT 1 FOR UPDATE SKIP LOCKED", "SKIP LOCKED without"),
    (
        f"SELECT id FROM {JOBS} j WHERE tenant_id = (SELECT min(t.tenant_id) FROM tenants t) FOR UPDATE SKIP LOCKED",
        "SKIP LOCKED without",
    ),
]

# What not even a statement that is declared to mean several tenants may do.
NEVER = [
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND (id, fence) IN (SELECT id, fence FROM x)", "a row-IN"),
    ("MERGE INTO controls c USING x ON c.tenant_id = x.t WHEN MATCHED THEN DELETE", "MERGE"),
    (f"DELETE FROM {JOBS} WHERE tenant_id = %(t)s AND ctid = ANY (ARRAY(SELECT ctid FROM {JOBS}))", "the system column ctid"),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND xmin::text = '1'", "the system column xmin"),
    ("INSERT INTO controls (tenant_id) VALUES (%(t)s) RETURNING xmax = 0", "the system column xmax"),
    (f"SELECT tenant_id, count(*) FROM {JOBS} GROUP BY GROUPING SETS ((tenant_id), ())", "GROUPING SETS"),
    (f"SELECT tenant_id, count(*) FROM {JOBS} GROUP BY ROLLUP (tenant_id)", "GROUPING SETS"),
    (f"COPY {JOBS} (tenant_id, id) FROM STDIN", "COPY straight into a keyed table"),
    (f"UPDATE {JOBS} SET tenant_id = %(u)s WHERE tenant_id = %(t)s", "a change of tenant_id"),
    (f"UPDATE {JOBS} SET lease_until = clock_timestamp() WHERE tenant_id = %(t)s", "clock_timestamp"),
    (f"UPDATE {JOBS} SET seq = random() WHERE tenant_id = %(t)s", "come as parameters"),
    (f"UPDATE {JOBS} SET id = gen_random_uuid() WHERE tenant_id = %(t)s", "come as parameters"),
    (f"UPDATE {JOBS} SET seq = nextval('s') WHERE tenant_id = %(t)s", "nextval"),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND run_at <= now()", "the database's now"),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND due_on = current_date", "the database's now"),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND due_on = 'today'::date", "the database's now"),
    (f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND run_at <= statement_timestamp()", "something else than a lease"),
    (
        f"UPDATE {JOBS} SET run_at = statement_timestamp() WHERE tenant_id = %(t)s AND lease_until < %(n)s",
        "something else than a lease",
    ),
    ("INSERT INTO controls (tenant_id, since) VALUES (%(t)s, statement_timestamp())", "something else than a lease"),
    (
        "INSERT INTO controls (tenant_id, since) VALUES (%(t)s, %(n)s) ON CONFLICT (tenant_id) DO UPDATE SET since = statement_timestamp()",
        "a function in ON CONFLICT",
    ),
    (
        "INSERT INTO agent_jobs (tenant_id, tokens) VALUES (%(t)s, 1) ON CONFLICT (tenant_id) DO UPDATE SET tokens = agent_jobs.tokens + 1",
        "something else than excluded",
    ),
    (
        "INSERT INTO controls (tenant_id, reason) VALUES (%(t)s, 'x') ON CONFLICT (tenant_id) DO UPDATE SET reason = lower(excluded.reason)",
        "a function in ON CONFLICT",
    ),
    ("SELECT set_config('app.tenant', %(t)s, true)", "set_config"),
    ("SET app.tenant = 'elm'", "SET that outlives"),
    ("SELECT pg_try_advisory_lock(1)", "an advisory lock"),
    ("CREATE TABLE mine (a int)", "DDL outside"),
    ("CREATE INDEX mine ON controls (reason)", "DDL outside"),
    ("SELECT 1; SELECT 2", "cannot be read"),
    ("SELECT FROM WHERE", "cannot be read"),
]

GOOD = [
    f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND (state = 'ready' OR lane = 1)",
    f"SELECT j.id FROM {JOBS} j JOIN messages m ON m.tenant_id = j.tenant_id AND m.id = j.id WHERE j.tenant_id = %(t)s",
    f"SELECT j.id FROM {JOBS} j LEFT JOIN messages m ON m.tenant_id = %(t)s AND m.id = j.id WHERE j.tenant_id = %(t)s",
    f"SELECT id FROM {JOBS} j WHERE j.tenant_id = %(t)s AND EXISTS (SELECT FROM messages m WHERE m.tenant_id = j.tenant_id)",
    f"SELECT id FROM {JOBS} WHERE tenant_id = %(t)s AND state = 'ready' LIMIT 1 FOR UPDATE SKIP LOCKED",
    f"UPDATE {JOBS} SET lease_until = statement_timestamp() + make_interval(secs => %(s)s) WHERE tenant_id = %(t)s",
    f"UPDATE {JOBS} j SET lane = 1 FROM unnest(%(ids)s::uuid[]) AS x (id) WHERE j.tenant_id = %(t)s AND j.id = x.id",
    f"WITH x AS (DELETE FROM {JOBS} WHERE tenant_id = %(t)s RETURNING *) INSERT INTO controls (tenant_id) SELECT tenant_id FROM x",
    """INSERT INTO controls (tenant_id) VALUES ('*') ON CONFLICT (tenant_id) DO UPDATE SET reason = coalesce(excluded.reason, %(r)s)
       WHERE controls.reason = 'x'""",
    "CREATE TEMP TABLE mine (a int) ON COMMIT DROP",
    "COPY mine (a) FROM STDIN",
    "SET LOCAL app.tenant = 'elm'",
]


@pytest.mark.parametrize(("noun", "block"), CENTRAL)
def test_a_block_stays_within_one_tenant_or_says_why_not(noun: str, block: Statement) -> None:
    assert findings(block.text, TABLES, fanout=bool(block.fanout)) == []


@pytest.mark.parametrize(("noun", "block"), CENTRAL)
def test_no_block_claims_to_mean_several_tenants_without_need(noun: str, block: Statement) -> None:
    assert not block.fanout or findings(block.text, TABLES) != []


@pytest.mark.parametrize(("text", "told"), BAD)
def test_a_statement_that_leaves_its_tenant_is_told_unless_it_is_declared(text: str, told: str) -> None:
    assert told in "; ".join(findings(text, TABLES))
    assert findings(text, TABLES, fanout=True) == []


@pytest.mark.parametrize(("text", "told"), NEVER)
def test_a_statement_that_no_shard_could_run_is_told_whatever_it_declares(text: str, told: str) -> None:
    assert told in "; ".join(findings(text, TABLES, fanout=True))


@pytest.mark.parametrize("text", GOOD)
def test_a_statement_that_keeps_the_rules_passes(text: str) -> None:
    assert findings(text, TABLES) == []


@pytest.mark.parametrize(("noun", "block"), CENTRAL)
def test_a_block_is_understood_by_the_migrated_schema(central_conn: psycopg.Connection, noun: str, block: Statement) -> None:
    for other in statements(noun).values():
        if other.text.startswith("CREATE TEMP") and other != block:
            central_conn.execute(other.text)
    _understood(central_conn, block.text)


def test_the_blocks_for_dealers_are_understood_by_the_reference_schema(dealer_dsn: str) -> None:
    with psycopg.connect(dealer_dsn) as conn:
        for noun, block in DEALERS:
            try:
                _understood(conn, block.text)
            except psycopg.Error as error:
                pytest.fail(f"{noun}.{block.name}: {error}")


@pytest.fixture
def central_conn(central_shared: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(central_shared) as conn:
        yield conn
        conn.rollback()


def _understood(conn: psycopg.Connection, text: LiteralString) -> None:
    if text.startswith("COPY"):
        with conn.cursor().copy(text):
            pass
    elif text.startswith(("CREATE TEMP", "DROP TABLE")):
        conn.execute(text)
    else:
        conn.execute(packaged(f"PREPARE block AS {_numbered(text)}"))
        conn.execute("DEALLOCATE block")


def _numbered(text: str) -> str:
    """Parameters as PREPARE writes them; their types follow from where they stand, except those that psycopg tells."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)[sb]", text)))

    def number(match: re.Match[str]) -> str:
        return f"${names.index(match[1]) + 1}{TOLD_TYPES.get(match[1], '')}"

    return re.sub(r"%\((\w+)\)[sb]", number, text).replace("%%", "%")
