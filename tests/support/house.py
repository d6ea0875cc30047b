"""The whole program on a test's own databases: an App with a pretended clock and a dealer whose rows the test writes."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from communication_agent.app import App, opened, run_once
from communication_agent.clock import Clock
from communication_agent.config import Config
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.message_repository import Listed
from communication_agent.db.sample_dealer import GREEN_VALLEY, load_reference_schema, load_sample_dealer
from communication_agent.domain import Job
from communication_agent.tenant import TenantSettings
from support.central import _copy, config_for

LOOPS = frozenset({"scheduler", "processor", "intake"})
MONDAY = datetime.fromisoformat("2026-11-23T10:00:00-05:00")


def settings_for(dsn: str, tenant_id: str = "hilltop", **changes: object) -> TenantSettings:
    """A tenant on the database that `dsn` names; everything it sends goes to the outbox unless `changes` say otherwise."""
    parts = conninfo_to_dict(dsn)
    database = {"host": parts["host"], "dbname": parts["dbname"], "user": parts["user"], "sslmode": "disable"}
    return TenantSettings.model_validate({
        "id": tenant_id,
        "name": "Hilltop Mowers",
        "sms_name": "Hilltop",
        "time_zone": "America/New_York",
        "phone": "(614) 555-0142",
        "address": "2100 Mill Road, Delaware, OH 43015",
        "hours": "Mon-Fri 8-5:30, Sat 8-1",
        "sender_name": "Dana Whitfield",
        "booking_url": "https://hilltop.example/book",
        "database": database,
        "email": {"from": "Hilltop Mowers <service@hilltop.example>", "reply_to": "dana@hilltop.example"},
        "sms": {"from": "+16145550142"},
    } | changes)  # fmt: skip


@asynccontextmanager
async def house_at(config: Config, now: datetime, **changes: object) -> AsyncGenerator[App]:
    """The App at a pretended instant."""
    async with opened(config.model_copy(update={"communication_agent_now": now, **changes})) as app:
        yield app


def at(app: App, now: datetime) -> App:
    """The same App at another instant."""
    clock = Clock.pretending(now)
    processor = replace(app.processor, clock=clock)
    return replace(app, clock=clock, processor=processor, reconciler=replace(app.reconciler, clock=clock))


async def everything(app: App) -> list[str]:
    """One `run --once`."""
    return await run_once(app, LOOPS)


async def listed(app: App, tenant_id: str = "hilltop") -> list[Listed]:
    """Every message of a tenant."""
    async with app.central.engine() as conn:
        return list(await app.messages.list(conn, tenant_id))


async def live_jobs(app: App, tenant_id: str = "hilltop") -> list[Job]:
    """The live jobs of a tenant."""
    found = [await app.jobs.one(tenant_id, message.id) for message in await listed(app, tenant_id) if message.outcome == "waiting"]
    return [job for job in found if job]


class DealerRows:
    """Writes rows into a dealer's tables as their own system would."""

    def __init__(self, conn: AsyncConnection) -> None:
        self.conn = conn
        self.last = 0

    def _next(self) -> int:
        self.last += 1
        return self.last

    async def customer(self, *, email: str | None = "", phone: str | None = None, **columns: object) -> int:
        """A customer with an address of their own unless told otherwise; returns the id."""
        id_ = self._next()
        values = {"id": id_, "first_name": "Karen", "last_name": "Smith", **columns}
        await self._insert("customers", values)
        if email is not None:
            await self._insert(
                "emails", {"customer_id": id_, "address": email or f"customer{id_}@mail.example", "is_primary": True}
            )
        if phone is not None:
            await self._insert("phones", {"customer_id": id_, "number": phone, "is_primary": True})
        return id_

    async def machine(self, customer_id: int, **columns: object) -> int:
        """A machine; returns the id."""
        id_ = self._next()
        machine = {"id": id_, "customer_id": customer_id, "make": "Meadowlark", "model": "ZT-48", "kind": "zero-turn mower"}
        await self._insert("equipment", {**machine, "power_source": "gas", "serial_number": f"MLZ48-{id_}", **columns})
        return id_

    async def bought(self, day: date, **columns: object) -> int:
        """A customer who bought a machine on that day; returns the customer's id."""
        customer_id = await self.customer(**columns)  # pyright: ignore[reportArgumentType] - tests name columns freely
        await self.machine(customer_id, purchase_date=day)
        return customer_id

    async def work_order(self, customer_id: int, equipment_id: int, **columns: object) -> int:
        """A work order; returns the id."""
        id_ = self._next()
        order = {"id": id_, "number": f"WO-{id_}", "customer_id": customer_id, "equipment_id": equipment_id}
        await self._insert("work_orders", {**order, "kind": "service", "status": "open", **columns})
        return id_

    async def _insert(self, table: str, values: dict[str, object]) -> None:
        from psycopg import sql

        query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        )
        await self.conn.execute(query, list(values.values()))


@pytest.fixture(scope="session")
def dealer_template(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the reference schema and no rows."""
    import asyncio

    async def load() -> None:
        async with await AsyncConnection.connect(postgres.dsn("dealer_template"), autocommit=True) as conn:
            await load_reference_schema(conn)

    postgres.create_database("dealer_template")
    asyncio.run(load())
    return "dealer_template"


@pytest.fixture(scope="session")
def sample_template(postgres: EmbeddedPostgres, dealer_template: str) -> str:
    """The connection string of the sample dealer as of MONDAY; read only for tests."""
    import asyncio

    _copy(postgres, dealer_template, "sample_template")

    async def load() -> None:
        async with await AsyncConnection.connect(postgres.dsn("sample_template"), autocommit=True) as conn:
            await load_sample_dealer(conn, dealer=GREEN_VALLEY, today=MONDAY.date())

    asyncio.run(load())
    return postgres.dsn("sample_template")


@pytest.fixture
def dealer_dsn(postgres: EmbeddedPostgres, dealer_template: str) -> Iterator[str]:
    """The connection string of an empty dealer's database of the test's own."""
    name = f"dealer_{uuid4().hex}"
    _copy(postgres, dealer_template, name)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest_asyncio.fixture
async def dealer(dealer_dsn: str) -> AsyncIterator[DealerRows]:
    """The dealer's tables, to write into."""
    async with await psycopg.AsyncConnection.connect(dealer_dsn, autocommit=True) as conn:
        yield DealerRows(conn)


@pytest_asyncio.fixture
async def house(central_url: str, dealer_dsn: str, tmp_path: Path) -> AsyncIterator[App]:
    """The program on Monday, November 23, 2026, 10:00 in New York, with the tenant `hilltop` on `dealer`'s tables."""
    async with house_at(config_for(central_url, tmp_path), MONDAY) as app:
        await app.tenants.save(settings_for(dealer_dsn), app.clock.now())
        yield app
