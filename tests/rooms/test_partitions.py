"""The promises of monthly partitions: there before they are needed, closed to other tenants, and gone when they are old."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from communication_agent.db import migrate
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.partitions import KEPT, drop_expired, make_ahead
from support.central import config_for

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
EVENT = (
    "INSERT INTO delivery_events (tenant_id, id, at, provider, kind, detail)"
    " VALUES (%(tenant)s, %(id)s, %(at)s, 'resend', 'delivered', '{}')"
)
WHERE = "SELECT tableoid::regclass::text, extract(day FROM at)::int FROM delivery_events ORDER BY at"

Conn = AsyncConnection[TupleRow]


@pytest_asyncio.fixture
async def own(central_copy: str, tmp_path: Path) -> AsyncIterator[CentralDatabase]:
    """A central database whose schema the test may change."""
    opened = await CentralDatabase.open(config_for(central_copy, tmp_path))
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def conn(own: CentralDatabase) -> AsyncIterator[Conn]:
    async with own.engine() as engine:
        yield engine


async def event(conn: Conn, at: datetime, number: int = 1, tenant: str = "elm") -> None:
    await conn.execute(EVENT, {"tenant": tenant, "id": UUID(int=number), "at": at})


async def test_this_month_and_the_next_two_are_made_once(conn: Conn) -> None:
    made = await make_ahead(conn, NOW)
    assert sorted(made) == sorted(f"{table}_{month}" for table in KEPT for month in ("2026_11", "2026_12", "2027_01"))
    assert await make_ahead(conn, NOW) == []
    assert await make_ahead(conn, datetime(2026, 12, 1, tzinfo=UTC)) == [f"{table}_2027_02" for table in sorted(KEPT)]


async def test_every_partitioned_table_has_its_time_of_keeping(conn: Conn) -> None:
    rows = await (await conn.execute("SELECT partrelid::regclass::text FROM pg_partitioned_table")).fetchall()
    assert sorted(KEPT) == sorted(name for (name,) in rows)


async def test_a_row_goes_where_its_instant_belongs_to_the_microsecond(conn: Conn) -> None:
    await make_ahead(conn, NOW)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    await event(conn, december - timedelta(microseconds=1), 1)
    await event(conn, december, 2)
    await event(conn, datetime(2025, 5, 5, tzinfo=UTC), 3)
    assert await (await conn.execute(WHERE)).fetchall() == [
        ("delivery_events_default", 5),
        ("delivery_events_2026_11", 30),
        ("delivery_events_2026_12", 1),
    ]


async def test_rows_that_came_before_their_partition_move_into_it_and_none_is_lost(conn: Conn) -> None:
    for number, day in enumerate((1, 22, 30)):
        await event(conn, datetime(2026, 11, day, tzinfo=UTC), number)
    await event(conn, datetime(2026, 10, 31, tzinfo=UTC), 9)
    await make_ahead(conn, NOW)
    assert await (await conn.execute(WHERE)).fetchall() == [
        ("delivery_events_default", 31),
        ("delivery_events_2026_11", 1),
        ("delivery_events_2026_11", 22),
        ("delivery_events_2026_11", 30),
    ]


async def test_a_partition_has_the_keys_indexes_checks_and_closed_doors_of_its_parent(conn: Conn) -> None:
    await make_ahead(conn, NOW)
    catalog = (
        "SELECT relrowsecurity, relforcerowsecurity,"
        " (SELECT count(*) FROM pg_index WHERE indrelid = c.oid),"
        " (SELECT array_agg(pg_get_constraintdef(oid) ORDER BY pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('c', 'p')),"
        " (SELECT array_agg(polname::text || pg_get_expr(polqual, polrelid) ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid)"
        " FROM pg_class c WHERE relname = %(name)s"
    )
    for table in KEPT:
        rows = [await (await conn.execute(catalog, {"name": name})).fetchone() for name in (table, f"{table}_2026_12")]
        assert rows[0] == rows[1], table


async def test_a_door_sees_its_own_rows_and_reaches_no_partition_directly(own: CentralDatabase) -> None:
    async with own.engine() as conn:
        await make_ahead(conn, NOW)
        await event(conn, NOW, 1, "elm")
        await event(conn, NOW, 2, "oak")
    async with own.tenant("elm") as conn:
        assert await (await conn.execute("SELECT tenant_id FROM delivery_events")).fetchall() == [("elm",)]
        rights = await conn.execute("SELECT has_table_privilege('delivery_events_2026_11', 'SELECT')")
        assert await rights.fetchone() == (False,)


async def test_only_what_is_past_its_months_is_dropped(conn: Conn) -> None:
    for month in (datetime(2025, 7, 1, tzinfo=UTC), NOW):
        await make_ahead(conn, month)
    await event(conn, datetime(2025, 9, 30, tzinfo=UTC), 1)
    await event(conn, datetime(2020, 1, 1, tzinfo=UTC), 2)
    assert await drop_expired(conn, datetime(2026, 10, 1, tzinfo=UTC)) == ["delivery_events_2025_07", "delivery_events_2025_08"]
    assert await drop_expired(conn, NOW) == ["delivery_events_2025_09"]
    assert await (await conn.execute(WHERE)).fetchall() == [("delivery_events_default", 1)]


async def test_of_several_that_make_them_at_once_each_is_made_once(own: CentralDatabase) -> None:
    async def make() -> list[str]:
        async with own.engine() as conn:
            return await make_ahead(conn, NOW)

    made = await asyncio.gather(*(make() for _ in range(4)))
    assert sorted(len(names) for names in made) == [0, 0, 0, 3 * len(KEPT)]


async def test_a_busy_table_is_left_for_the_next_time(own: CentralDatabase, conn: Conn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "20ms")
    async with own.engine() as busy, busy.transaction():
        await event(busy, NOW)
        made = await make_ahead(conn, NOW)
        assert not [name for name in made if name.startswith("delivery_events")]
        assert len(made) == 3 * (len(KEPT) - 1)
    assert len(await make_ahead(conn, NOW)) == 3
    async with own.engine() as busy, busy.transaction():
        await busy.execute("SELECT FROM delivery_events")
        assert await drop_expired(conn, NOW + timedelta(days=1000), {**KEPT, "delivery_events": 0}) != []
        assert await drop_expired(conn, NOW + timedelta(days=1000), {**KEPT, "delivery_events": 0}) == []
