"""The central database's promises: two roles, one tenant at a time, and reasons when it cannot be had."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from communication_agent.config import Config
from communication_agent.db import app_role, central_db
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.servers import tenant_database
from communication_agent.errors import Exit, Problem
from support.central import config_for

TENANT = (
    "INSERT INTO tenants (tenant_id, name, time_zone, settings, secrets, added_at, updated_at)"
    " VALUES (%(id)s, %(id)s, 'UTC', '{}', '\\x00', '2026-11-22', '2026-11-22')"
)
NAMES = "SELECT tenant_id FROM tenants ORDER BY tenant_id"


@pytest.fixture
def asks_for_passwords(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The server, which asks two users for a password: one who has one, and one who does not exist."""
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        rules = _text(conn, "SELECT pg_read_file(current_setting('hba_file'))").rstrip("\n")
        conn.execute("CREATE ROLE comm_asked LOGIN PASSWORD 'right'")
        _admit(conn, f"local all comm_asked,comm_nobody scram-sha-256\n{rules}")
        assert any(_is_asked(postgres.dsn("postgres", user="comm_asked")) for _ in range(200)), "the rules were not taken over"
        yield postgres.dsn("postgres")
        _admit(conn, rules)
        conn.execute("DROP ROLE comm_asked")


def _admit(conn: psycopg.Connection, rules: str) -> None:
    # By the server's own hand: as root the test may not see its files by the names that it knows.
    write = sql.SQL("COPY (SELECT string_to_table({}, chr(10))) TO {}")
    conn.execute(write.format(sql.Literal(rules), sql.Literal(_text(conn, "SHOW hba_file"))))
    conn.execute("SELECT pg_reload_conf()")


def _is_asked(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError as error:
        return "no password supplied" in str(error)
    return False


def _text(conn: psycopg.Connection, question: LiteralString) -> str:
    row = conn.execute(question).fetchone()
    assert row is not None
    return str(row[0])


async def add(central: CentralDatabase, *names: str) -> None:
    async with central.engine() as conn:
        for name in names:
            await conn.execute(TENANT, {"id": name})


async def test_the_engine_sees_every_tenant_and_a_door_sees_one(central: CentralDatabase) -> None:
    await add(central, "elm", "oak")
    async with central.engine() as conn:
        assert await (await conn.execute(NAMES)).fetchall() == [("elm",), ("oak",)]
    for name in ("elm", "oak"):
        async with central.tenant(name) as conn:
            assert await (await conn.execute(NAMES)).fetchall() == [(name,)]


async def test_a_tenant_does_not_leak_into_the_next_work_of_the_same_connection(central: CentralDatabase) -> None:
    await add(central, "elm")
    async with central.tenant("elm") as conn:
        await conn.execute(NAMES)
        backend = conn.info.backend_pid
    async with central._app.connection() as conn:
        assert conn.info.backend_pid == backend
        assert await (await conn.execute(NAMES)).fetchall() == []


async def test_a_door_that_forgets_its_tenant_sees_nothing(central: CentralDatabase) -> None:
    await add(central, "elm")
    async with central._app.connection() as conn:
        assert await (await conn.execute(NAMES)).fetchall() == []


async def test_a_name_with_quotes_is_a_name_and_no_sql(central: CentralDatabase) -> None:
    await add(central, "elm")
    async with central.tenant("x'; SET LOCAL app.tenant = 'elm") as conn:
        assert await (await conn.execute(NAMES)).fetchall() == []


async def test_work_that_ends_well_is_kept_and_work_that_fails_leaves_nothing(central: CentralDatabase) -> None:
    await add(central, "elm")
    pause = "INSERT INTO controls (tenant_id, scope, reason, actor, since) VALUES ('elm', %(scope)s, 'x', 'x', '2026-11-22')"
    async with central.tenant("elm") as conn:
        await conn.execute(pause, {"scope": "channel:sms"})

    async def fail() -> None:
        async with central.tenant("elm") as conn:
            await conn.execute(pause, {"scope": "channel:email"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with central.tenant("elm") as conn:
        assert await (await conn.execute("SELECT scope FROM controls")).fetchall() == [("channel:sms",)]


async def test_an_error_that_was_swallowed_is_not_taken_for_success(central: CentralDatabase) -> None:
    async def swallow() -> None:
        async with central.tenant("elm") as conn:
            with pytest.raises(errors.UndefinedTable):
                await conn.execute("SELECT FROM no_such_table")

    with pytest.raises(errors.InFailedSqlTransaction, match="swallowed"):
        await swallow()


async def test_what_begins_a_tenants_work_costs_no_round_trip_of_its_own(central: CentralDatabase, tmp_path: Path) -> None:
    async with central.tenant("elm"):
        pass
    trace = (tmp_path / "trace").open("w+b")
    async with central._app.connection() as conn:
        conn.pgconn.trace(trace.fileno())
    async with central.tenant("elm") as conn:
        await conn.execute("SELECT 1")
        await conn.execute("SELECT 2")
        conn.pgconn.untrace()
    trace.seek(0)
    answers = [line for line in trace.read().decode().splitlines() if "ReadyForQuery" in line]
    trace.close()
    assert len(answers) == 3  # BEGIN with SET LOCAL, and two statements


async def test_times_come_in_utc_and_results_in_binary(central: CentralDatabase) -> None:
    async with central.engine() as conn:
        cursor = await conn.execute("SELECT '2026-11-22 10:00-05'::timestamptz::text, 1")
        assert await cursor.fetchone() == ("2026-11-22 15:00:00+00", 1)
        assert cursor.pgresult is not None
        assert cursor.pgresult.fformat(1) == 1


async def test_a_connection_that_the_server_dropped_while_idle_is_not_handed_out(central: CentralDatabase) -> None:
    async with central.engine() as conn:
        idle = conn.info.backend_pid
    async with await psycopg.AsyncConnection.connect(conn.info.dsn, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": idle})
    async with central.engine() as conn:
        assert conn.info.backend_pid != idle
        await conn.execute(NAMES)


async def test_a_server_that_went_away_is_told_with_its_reason(
    postgres: EmbeddedPostgres, central_copy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(central_db, "PATIENCE", 0.3)
    central = await CentralDatabase.open(config_for(central_copy, tmp_path))
    postgres.drop_database(str(conninfo_to_dict(central_copy)["dbname"]))
    for work in (central.engine, lambda: central.tenant("elm")):
        with pytest.raises(Problem, match=r"CA-801 .*does not exist"):
            async with work():
                pass
    await central.close()


async def test_when_every_connection_is_busy_that_is_what_is_told(central_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(central_db, "PATIENCE", 0.3)
    monkeypatch.setattr(central_db, "CONNECTIONS", 1)
    central = await CentralDatabase.open(central_config)
    async with central.engine():
        with pytest.raises(Problem, match=r"CA-801 .*all 1 of this process were busy"):
            async with central.engine():
                pass
    async with central.engine() as conn:
        await conn.execute(NAMES)
    await central.close()


async def test_the_second_opening_finds_everything_made(central_config: Config) -> None:
    for _ in range(2):
        central = await CentralDatabase.open(central_config)
        assert central.app_problem is None
        await central.close()


async def test_eight_processes_may_open_an_empty_database_at_once(fresh_database: str, tmp_path: Path) -> None:
    config = config_for(fresh_database, tmp_path)
    opened = await asyncio.gather(*(CentralDatabase.open(config) for _ in range(8)))
    for central in opened:
        async with central.tenant("elm") as conn:
            assert await (await conn.execute(NAMES)).fetchall() == []
    await asyncio.gather(*(central.close() for central in opened))


async def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Problem) as problem:
        await CentralDatabase.open(config_for("postgresql://comm:secret-word@127.0.0.1:1/central", tmp_path))
    assert (problem.value.code, problem.value.exit) == ("CA-801", Exit.UNREACHABLE)
    assert "refused" in problem.value.why
    assert "secret-word" not in "".join(problem.value.lines)


@pytest.mark.parametrize(("user", "password"), [("comm_asked", "wrong"), ("comm_asked", ""), ("comm_nobody", "x")])
async def test_a_wrong_user_or_password_is_named_as_that(asks_for_passwords: str, tmp_path: Path, user: str, password: str) -> None:
    with pytest.raises(Problem) as problem:
        await CentralDatabase.open(config_for(make_conninfo(asks_for_passwords, user=user, password=password), tmp_path))
    assert (problem.value.code, problem.value.exit) == ("CA-401", Exit.CREDENTIALS)
    assert "password" in problem.value.why


async def test_the_right_password_opens(asks_for_passwords: str) -> None:
    async with await psycopg.AsyncConnection.connect(asks_for_passwords, user="comm_asked", password="right") as conn:
        assert conn.info.user == "comm_asked"


async def test_a_database_that_the_server_does_not_have_is_not_blamed_on_the_password(
    asks_for_passwords: str, tmp_path: Path
) -> None:
    dsn = make_conninfo(asks_for_passwords, user="comm_asked", password="right", dbname="nowhere")
    with pytest.raises(Problem, match=r'CA-801.*"nowhere" does not exist'):
        await CentralDatabase.open(config_for(dsn, tmp_path))


async def test_an_address_that_is_none_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(Problem) as problem:
        await CentralDatabase.open(config_for("postgres//nonsense", tmp_path))
    assert problem.value.code == "CA-302"
    assert "CENTRAL_DB_URL" in problem.value.what


async def test_a_server_whose_user_may_make_no_role_serves_the_engine_and_says_what_is_missing(
    postgres: EmbeddedPostgres, fresh_database: str, tmp_path: Path
) -> None:
    user = await _plain_user(fresh_database)
    central = await CentralDatabase.open(config_for(_as(fresh_database, user), tmp_path))
    async with central.engine() as conn:
        assert await (await conn.execute(NAMES)).fetchall() == []
    with pytest.raises(Problem, match="CA-302") as problem:
        async with central.tenant("elm"):
            pass
    assert "CENTRAL_DB_APP_URL" in problem.value.do
    await central.close()


async def test_a_second_user_does_the_doors_work_where_no_role_can_be_made(fresh_database: str, tmp_path: Path) -> None:
    engine, door = await _plain_user(fresh_database), f"door_{tmp_path.name}"
    async with await psycopg.AsyncConnection.connect(fresh_database, autocommit=True) as conn:
        await conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(door)))
    config = config_for(_as(fresh_database, engine), tmp_path, central_db_app_url=_as(fresh_database, door))
    central = await CentralDatabase.open(config)
    assert central.app_problem is None
    await add(central, "elm", "oak")
    async with central.tenant("oak") as conn:
        assert await (await conn.execute("SELECT tenant_id, current_user::text FROM tenants")).fetchall() == [("oak", door)]
    await central.close()


@pytest.mark.parametrize("attributes", ["SUPERUSER", "BYPASSRLS"])
async def test_a_second_user_who_would_see_every_tenant_is_refused(central_copy: str, tmp_path: Path, attributes: str) -> None:
    door = f"door_{attributes.lower()}"
    async with await psycopg.AsyncConnection.connect(central_copy, autocommit=True) as conn:
        await conn.execute(f"CREATE ROLE {door} LOGIN {attributes}".encode())
    central = await CentralDatabase.open(config_for(central_copy, tmp_path, central_db_app_url=_as(central_copy, door)))
    with pytest.raises(Problem, match="row-level security does not hold"):
        async with central.tenant("elm"):
            pass
    await central.close()


async def test_the_engines_own_user_is_no_second_user(central_url: str, tmp_path: Path) -> None:
    central = await CentralDatabase.open(config_for(central_url, tmp_path, central_db_app_url=central_url))
    with pytest.raises(Problem, match="would see every tenant"):
        async with central.tenant("elm"):
            pass
    await central.close()


def test_a_role_of_a_user_with_a_long_name_fits_and_stays_its_own() -> None:
    names = {app_role.role_of(user) for user in ("a" * 63, "a" * 62 + "b", "comm", "comm2")}
    assert len(names) == 4
    assert all(len(name.encode()) <= 63 for name in names)


def test_tenants_with_long_names_have_databases_of_their_own() -> None:
    names = {tenant_database(name) for name in ("a" * 63, "a" * 62 + "b", "a-b")}
    assert len(names) == 3
    assert all(len(name) <= 63 for name in names)


async def test_without_an_address_the_central_database_is_embedded_and_a_dead_server_comes_back(tmp_path: Path) -> None:
    central = await CentralDatabase.open(config_for(None, tmp_path))
    try:
        await add(central, "elm")
        before = (await central._servers.embedded()).postmaster_pid
        assert before is not None
        (await central._servers.embedded()).stop()
        async with central.engine() as conn:
            assert await (await conn.execute(NAMES)).fetchall() == [("elm",)]
        dsn = await central.tenant_embedded_dsn("green-valley")
        assert dsn == await central.tenant_embedded_dsn("green-valley")
        async with await psycopg.AsyncConnection.connect(dsn) as conn:
            assert await (await conn.execute("SELECT count(*) FROM comm.comm_customers")).fetchone() == (0,)
        await central.drop_tenant_embedded("green-valley")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            await psycopg.AsyncConnection.connect(dsn)
    finally:
        await central.close()
    assert not EmbeddedPostgres(tmp_path).running


async def _plain_user(dsn: str) -> str:
    """Somebody who owns the database and may make no roles."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
        name = f"owner_of_{conn.info.dbname}"[:63]
        await conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        await conn.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(conn.info.dbname), sql.Identifier(name)))
    return name


def _as(dsn: str, user: str) -> str:
    return make_conninfo(dsn, user=user)


async def test_a_tenants_url_can_be_used_when_none_of_us_runs_any_more(tmp_path: Path) -> None:
    config = config_for(None, tmp_path / "home")
    central = await CentralDatabase.open(config)
    url = await central.tenant_embedded_url("hilltop")
    await central.close()

    with psycopg.connect(url) as conn:
        assert _text(conn, "SELECT count(*) FROM customers") == "0"

    (tmp_path / "home" / "keep").unlink()
    await (await CentralDatabase.open(config)).close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
