"""What the console and the preference page read: always one tenant's rows, on a connection that sees no others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from communication_agent.db.query import Row, rows
from communication_agent.db.statements import Statement, statements

SQL = statements("console")
WINDOW = 10_000  # the newest messages of a tenant, within which is counted and searched
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DealerCard:
    """What a customer may know about the dealer."""

    name: str
    phone: str | None
    address: str | None
    brand_color: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How many messages of one kind ended on a civil day; outcome sent, skipped, failed, cancelled or rerouted."""

    communication: str
    outcome: str
    reason: str | None
    channel: str | None
    day: date
    messages: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages of a type wait for one thing, and when the first of them is looked at again."""

    communication: str
    reason: str
    messages: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Scan:
    """One slot of one task: what it found, or why it failed."""

    task: str
    slot: str
    state: str
    found: int | None
    enqueued: int | None
    lapsed: int | None
    error: str | None
    started_at: datetime
    finished_at: datetime | None
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of messages is narrowed to; `customers` are those whose name matches `text`."""

    outcome: str | None = None
    communication: str | None = None
    channel: str | None = None
    text: str | None = None
    customers: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, object]:
        """The parameters of `page` and `counts`; percent signs and underscores in the text mean themselves."""
        like = f"%{literal(self.text)}%" if self.text else None
        narrowed = {"outcome": self.outcome, "communication": self.communication, "channel": self.channel}
        return {**narrowed, "like": like, "customers": list(self.customers)}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of the newest messages match, by outcome; `more` when there are older ones, `floor` is the oldest looked at."""

    by_outcome: dict[str, int]
    more: bool
    floor: UUID | None


@dataclass(frozen=True, slots=True)
class Found:
    """One message in a list; `at` is when it ended or is looked at again, `went_on_as` the message that took over."""

    id: UUID
    communication: str
    customer_id: str
    created_at: datetime
    at: datetime
    outcome: str
    reason: str | None
    channel: str | None
    recipient: str | None
    subject: str | None
    delivery: str | None
    went_on_as: UUID | None


@dataclass(frozen=True, slots=True)
class Whole:
    """One message as queue or history know it; what only a live job has is None for an ended one."""

    id: UUID
    communication: str
    customer_id: str
    equipment_ids: list[str]
    work_order_id: str | None
    occasions: list[str]
    source: str
    due_on: date
    as_of: date
    fallback_of: UUID | None
    state: str
    outcome: str
    reason: str | None
    run_at: datetime | None
    useful_until: datetime | None
    attempts: int
    deaths: int | None
    checks: int | None
    unknown_since: datetime | None
    check_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    job_type: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Something that an address must not get: purpose `all` or `marketing`, and why."""

    purpose: str
    reason: str
    since: datetime


class ConsoleRepository:
    """Reads on the caller's connection, made by `CentralDatabase.tenant` unless it says otherwise."""

    async def tenant_names(self, engine: AsyncConnection) -> list[tuple[str, str]]:
        """Every tenant's id and name, on a connection of the engine."""
        return [(str(row["tenant_id"]), str(row["name"])) for row in await rows(engine, SQL["tenant_names"], {})]

    async def dealer_card(self, conn: AsyncConnection, tenant_id: str) -> DealerCard | None:
        """The dealer as customers know it, None when there is none."""
        return _first(await _all(conn, DealerCard, SQL["dealer_card"], {"tenant_id": tenant_id}))

    async def ended(self, conn: AsyncConnection, tenant_id: str, span: tuple[datetime, datetime], zone: str) -> list[Ended]:
        """What came of the messages that ended from span[0] until before span[1], by civil day of `zone`."""
        values = {"tenant_id": tenant_id, "since": span[0], "until": span[1], "zone": zone}
        return await _all(conn, Ended, SQL["ended"], values)

    async def waiting(self, conn: AsyncConnection, tenant_id: str) -> list[Waiting]:
        """What waits, by type and reason."""
        return await _all(conn, Waiting, SQL["waiting"], {"tenant_id": tenant_id})

    async def last_failure(self, conn: AsyncConnection, tenant_id: str, now: datetime) -> datetime | None:
        """When a message last failed, within a year."""
        found = await rows(conn, SQL["last_failure"], {"tenant_id": tenant_id, "since": now - timedelta(days=365)})
        return cast("datetime | None", found[0]["at"])

    async def scans(self, conn: AsyncConnection, tenant_id: str, day: date) -> list[Scan]:
        """The scans of a civil day."""
        return await _all(conn, Scan, SQL["scans"], {"tenant_id": tenant_id, "slot": day.isoformat()})

    async def counts(self, conn: AsyncConnection, tenant_id: str, filters: Filters) -> Counts:
        """How many of the newest messages match the filters, for each outcome."""
        found = await rows(conn, SQL["counts"], {**filters.values, "tenant_id": tenant_id, "window": WINDOW})
        by_outcome = {str(row["outcome"]): cast("int", row["messages"]) for row in found}
        more = sum(cast("int", row["seen"]) for row in found) >= WINDOW
        return Counts(by_outcome, more, min(cast("UUID", row["oldest"]) for row in found) if more else None)

    async def page(
        self, conn: AsyncConnection, tenant_id: str, filters: Filters, *, before: UUID | None, floor: UUID | None, limit: int
    ) -> list[Found]:
        """Up to `limit` messages older than `before`, the newest first; `floor` is the oldest to look at."""
        values = {**filters.values, "tenant_id": tenant_id, "before": before, "floor": floor, "limit": limit}
        return await _all(conn, Found, SQL["page"], values)

    async def of_customer(self, conn: AsyncConnection, tenant_id: str, customer_id: str, limit: int) -> list[Found]:
        """A customer's messages, the newest first."""
        return await _all(conn, Found, SQL["of_customer"], {"tenant_id": tenant_id, "customer_id": customer_id, "limit": limit})

    async def urgent(self, conn: AsyncConnection, tenant_id: str, limit: int) -> list[Found]:
        """Held and uncertain messages, the newest first."""
        return await _all(conn, Found, SQL["urgent"], {"tenant_id": tenant_id, "limit": limit})

    async def whole(self, conn: AsyncConnection, tenant_id: str, id_: UUID) -> Whole | None:
        """One message of the tenant, None when it has none of that id."""
        return _first(await _all(conn, Whole, SQL["whole"], {"tenant_id": tenant_id, "id": id_}))

    async def fallback(self, conn: AsyncConnection, tenant_id: str, message: Whole) -> UUID | None:
        """The message that took over."""
        values = {"tenant_id": tenant_id, "customer_id": message.customer_id, "id": message.id}
        return cast("UUID | None", _value(await rows(conn, SQL["fallback"], values), "id"))

    async def newest_sent_email(self, conn: AsyncConnection, tenant_id: str) -> UUID | None:
        """The email that left last."""
        return cast("UUID | None", _value(await rows(conn, SQL["newest_sent_email"], {"tenant_id": tenant_id}), "id"))

    async def recent_customers(self, conn: AsyncConnection, tenant_id: str, limit: int) -> list[tuple[str, datetime]]:
        """Who was written to lately, and when."""
        found = await rows(conn, SQL["recent_customers"], {"tenant_id": tenant_id, "limit": limit})
        return [(str(row["customer_id"]), cast("datetime", row["at"])) for row in found]

    async def attachment(self, conn: AsyncConnection, tenant_id: str, sha256: str) -> bytes | None:
        """The bytes of an attachment, None when they are gone."""
        return cast(
            "bytes | None", _value(await rows(conn, SQL["attachment"], {"tenant_id": tenant_id, "sha256": sha256}), "content")
        )

    async def written_to(self, conn: AsyncConnection, tenant_id: str, customer_id: str, channel: str) -> list[str]:
        """The addresses that a customer was written to on a channel."""
        values = {"tenant_id": tenant_id, "customer_id": customer_id, "channel": channel}
        return [str(row["recipient"]) for row in await rows(conn, SQL["written_to"], values)]

    async def stops(self, conn: AsyncConnection, tenant_id: str, channel: str, address_hash: str) -> list[Stop]:
        """What the address of this hash must not get."""
        return await _all(conn, Stop, SQL["stops"], {"tenant_id": tenant_id, "channel": channel, "address_hash": address_hash})


def literal(text: str) -> str:
    """The text as a part of a LIKE pattern that means nothing but itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _all(conn: AsyncConnection, noun: type[T], statement: Statement, values: Mapping[str, object]) -> list[T]:
    async with conn.cursor(row_factory=class_row(noun)) as cursor:
        await cursor.execute(statement.text, values)
        return await cursor.fetchall()


def _first(found: Sequence[T]) -> T | None:
    return found[0] if found else None


def _value(found: Sequence[Row], name: str) -> object:
    return found[0][name] if found else None
