"""The migration runner's promises: each file once, by one process, never changed, and older programs run on newer schemas."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from communication_agent.db import migrate
from communication_agent.db.migrate import Migration, packaged_migrations, status, up
from communication_agent.errors import Exit, Problem

FIRST = Migration(1, "first", "CREATE TABLE one (a int PRIMARY KEY); CREATE TABLE two (a int PRIMARY KEY);")
SECOND = Migration(2, "second", "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS one_a ON one (a);\nSELECT 1;\n")

Conn = AsyncConnection[TupleRow]


@pytest_asyncio.fixture
async def conn(fresh_database: str) -> AsyncIterator[Conn]:
    async with await AsyncConnection.connect(fresh_database, autocommit=True) as opened:
        yield opened


async def count(conn: Conn, table: str) -> int:
    row = await (await conn.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
    assert row is not None
    return int(row[0])


async def test_what_is_pending_is_applied_once_and_then_there_is_nothing_to_do(conn: Conn) -> None:
    assert await up(conn, [FIRST, SECOND]) == [FIRST, SECOND]
    assert await up(conn, [FIRST, SECOND]) == []
    assert (await status(conn, [FIRST, SECOND])).applied == (1, 2)
    indexes = await conn.execute("SELECT FROM pg_indexes WHERE indexname = 'one_a'")
    assert indexes.rowcount == 1


async def test_an_empty_database_has_everything_pending(conn: Conn) -> None:
    found = await status(conn, [FIRST, SECOND])
    assert (found.applied, found.pending, found.newer) == ((), (FIRST, SECOND), ())


async def test_a_file_that_fails_leaves_nothing_of_itself_and_keeps_those_before_it(conn: Conn) -> None:
    broken = Migration(2, "broken", "CREATE TABLE three (a int PRIMARY KEY); SELECT 1 / 0;")
    with pytest.raises(errors.DivisionByZero):
        await up(conn, [FIRST, broken])
    assert (await status(conn, [FIRST, broken])).pending == (broken,)
    with pytest.raises(errors.UndefinedTable):
        await count(conn, "three")
    assert await up(conn, [FIRST, SECOND]) == [SECOND]


async def test_a_file_without_transaction_may_fail_halfway_and_is_tried_again_from_its_beginning(conn: Conn) -> None:
    await up(conn, [FIRST])
    await conn.execute("INSERT INTO one VALUES (0)")
    text = "-- no-transaction\nCREATE TABLE IF NOT EXISTS kept (a int PRIMARY KEY);\nSELECT 1 / a FROM one;\n"
    with pytest.raises(errors.DivisionByZero):
        await up(conn, [FIRST, Migration(2, "halfway", text)])
    assert await count(conn, "kept") == 0
    await conn.execute("DELETE FROM one")
    assert [done.version for done in await up(conn, [FIRST, Migration(2, "halfway", text)])] == [2]


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ([Migration(1, "first", FIRST.text + " "), SECOND], "0001_first.sql was applied and is not the same"),
        ([SECOND], "0001_first.sql was applied and is missing"),
    ],
)
async def test_a_file_that_was_applied_must_stay_as_it_was(conn: Conn, known: list[Migration], told: str) -> None:
    await up(conn, [FIRST, SECOND])
    with pytest.raises(Problem) as problem:
        await up(conn, known)
    assert (problem.value.code, problem.value.exit) == ("CA-307", Exit.CONFIGURATION)
    assert told in problem.value.why


async def test_a_number_that_was_left_out_is_not_applied_later(conn: Conn) -> None:
    third = Migration(3, "third", "SELECT 1;")
    await up(conn, [FIRST, third])
    with pytest.raises(Problem, match=r"0002_second\.sql was not applied, but a later one was"):
        await up(conn, [FIRST, SECOND, third])


async def test_an_older_program_runs_on_a_newer_schema(conn: Conn) -> None:
    await up(conn, [FIRST, SECOND])
    assert await up(conn, [FIRST]) == []
    assert (await status(conn, [FIRST])).newer == (2,)


async def test_of_eight_that_start_at_once_one_applies_even_an_index_made_concurrently(fresh_database: str) -> None:
    conns = [await AsyncConnection.connect(fresh_database, autocommit=True) for _ in range(8)]
    applied = await asyncio.gather(*(up(conn, [FIRST, SECOND]) for conn in conns))
    for conn in conns:
        await conn.close()
    assert sorted(len(done) for done in applied) == [0, 0, 0, 0, 0, 0, 0, 2]


@pytest.mark.long
def test_of_eight_processes_that_start_at_once_one_applies(fresh_database: str) -> None:
    script = (
        "import asyncio, sys\n"
        "from psycopg import AsyncConnection\n"
        "from communication_agent.db.migrate import up\n"
        "async def main():\n"
        "    async with await AsyncConnection.connect(sys.argv[1], autocommit=True) as conn:\n"
        "        print(len(await up(conn)))\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, fresh_database]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    said = sorted(int(process.communicate(timeout=60)[0]) for process in running)
    assert said == [0] * 7 + [len(packaged_migrations())]


async def test_a_lock_that_is_not_to_be_had_is_asked_for_again(
    conn: Conn, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "20ms")
    await up(conn, [FIRST])
    refusals = asyncio.Event()

    def patience(tries: int) -> float:
        if tries == 2:
            refusals.set()
        return 0.01

    async with await AsyncConnection.connect(fresh_database) as holder:
        await holder.execute("LOCK TABLE one")
        altering = asyncio.create_task(
            up(conn, [FIRST, Migration(2, "alter", "ALTER TABLE one ADD COLUMN b int;")], patience=patience)
        )
        await asyncio.wait_for(refusals.wait(), 10)
        await holder.commit()
        assert len(await asyncio.wait_for(altering, 10)) == 1


async def test_a_lock_that_never_comes_ends_with_an_error(conn: Conn, fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "5ms")
    await up(conn, [FIRST])
    async with await AsyncConnection.connect(fresh_database) as holder:
        await holder.execute("LOCK TABLE one")
        with pytest.raises(errors.LockNotAvailable):
            await up(conn, [FIRST, Migration(2, "alter", "ALTER TABLE one ADD COLUMN b int;")], patience=lambda _: 0)
    assert await up(conn, [FIRST]) == []  # and the next one is not shut out


async def test_a_user_who_may_make_no_tables_is_told_what_is_missing(conn: Conn, fresh_database: str) -> None:
    user = f"reader_of_{conn.info.dbname}"[:63]
    await conn.execute(f"CREATE ROLE {user} LOGIN".encode())
    async with await AsyncConnection.connect(fresh_database, user=user, autocommit=True) as reader:
        with pytest.raises(Problem) as problem:
            await up(reader, [FIRST])
    await conn.execute(f"DROP ROLE {user}".encode())
    assert problem.value.code == "CA-302"
    assert f"GRANT CREATE ON SCHEMA public TO {user}" in problem.value.do


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for name in ("0010_later.sql", "0002_second.sql", "0001_first.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    assert [found.name for found in packaged_migrations(tmp_path)] == ["first", "second", "later"]


def test_the_line_ends_of_another_system_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert packaged_migrations(tmp_path)[0].sha256 == Migration(1, "a", "SELECT 1;\nSELECT 2;\n").sha256


@pytest.mark.parametrize("names", [["1_short.sql"], ["0001_Upper.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_a_folder_with_names_that_cannot_be_ordered_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ValueError, match=r"number|named"):
        packaged_migrations(tmp_path)


async def test_the_engine_alone_looks_at_what_was_applied(conn: Conn) -> None:
    await up(conn, [FIRST])
    rights = await conn.execute("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = 'schema_migrations'")
    assert await rights.fetchone() == (True,)
