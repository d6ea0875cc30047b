"""One session with a dealer's database: candidates, snapshots, explanations; the views' rows as nouns."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString, cast

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import Composed

from communication_agent.communication import Communication
from communication_agent.db import audience_sql
from communication_agent.db.audience_sql import Window
from communication_agent.db.dealer_errors import explained
from communication_agent.db.dealer_rows import (
    AddressRow,
    CustomerRow,
    EquipmentRow,
    WorkOrderRow,
    address_of,
    customer_of,
    equipment_of,
    work_order_of,
)
from communication_agent.db.statements import statements
from communication_agent.domain import Channel, ConditionResult, Customer, Equipment, Job, Snapshot, WorkOrder
from communication_agent.tenant import TenantSettings

SQL = statements("dealer")


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """One row of an audience for one customer: what is due when, and each condition with its value."""

    customer_id: str
    equipment_id: str | None
    work_order_id: str | None
    due_on: date | None
    occasion: str | None
    in_window: bool
    next_due_on: date | None
    conditions: tuple[ConditionResult, ...]
    misses: tuple[str | None, ...]
    facts: Mapping[str, str]

    @property
    def due(self) -> bool:
        """Whether the scan finds this row."""
        return self.in_window and all(condition.holds for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Dealer:
    """A session with one dealer's database; every read is the state of this moment."""

    conn: AsyncConnection
    tenant: TenantSettings

    async def candidates(self, communication: Communication, window: Window, knobs: Mapping[str, int]) -> AsyncIterator[bytes]:
        """The due rows as COPY blocks, never as Python objects."""
        values = audience_sql.parameters(window, self.tenant.time_zone, knobs)
        try:
            async with self.conn.cursor() as cursor, cursor.copy(audience_sql.candidates(communication), values) as copy:
                async for block in copy:
                    yield bytes(block)
        except psycopg.Error as error:
            raise explained(error, self.tenant) from error

    async def rows(
        self, communication: Communication, customer_ids: Sequence[str], window: Window, knobs: Mapping[str, int]
    ) -> list[AudienceRow]:
        """Every audience row of these customers, due or not, the newest machine first; no customers, no rows."""
        if communication.audience is None or not customer_ids:
            return []
        facts = tuple(communication.audience.facts)
        query = audience_sql.rows_of_customers(communication, facts)
        values = audience_sql.parameters(window, self.tenant.time_zone, knobs) | {"customers": array_literal(customer_ids)}
        return [_audience_row(row, communication, knobs, facts) for row in await self._all(query, values)]

    async def snapshots(
        self, communication: Communication, jobs: Sequence[Job], as_of: date, knobs: Mapping[str, int]
    ) -> list[Snapshot]:
        """What the views say now about these jobs of one type and day, in their order."""
        window = Window(as_of, as_of, as_of)
        customers = await self.customers([job.customer_id for job in jobs])
        rows = await self.rows(communication, [*{job.customer_id for job in jobs}], window, knobs)
        picked = [_pick(communication, job, rows) for job in jobs]
        machines = await self._equipment(
            [job.equipment_ids[0] for job in jobs if job.equipment_ids] + [r.equipment_id for r in picked if r and r.equipment_id]
        )
        unnamed = [job.customer_id for job in jobs if not job.equipment_ids]
        newest = await self._newest(unnamed) if communication.audience is None else {}
        orders = await self._work_orders([job.work_order_id for job in jobs if job.work_order_id])
        return [
            _snapshot(communication, job, row, customers.get(job.customer_id), machines, orders, newest)
            for job, row in zip(jobs, picked, strict=True)
        ]  # fmt: skip

    async def customers(self, ids: Sequence[str]) -> dict[str, Customer]:
        """Customers with their addresses, by id; an id that the key type cannot hold is nobody's."""
        values = {"ids": array_literal([*set(ids)])}
        try:
            rows = cast("list[CustomerRow]", await self._rows(SQL["customers"].text, values))
        except psycopg.Error as error:
            if not isinstance(error, psycopg.errors.DataError):
                raise explained(error, self.tenant) from error
            return {id_: one for id_ in ids if len(ids) > 1 for one in (await self.customers([id_])).values()}
        emails = cast("list[AddressRow]", await self._all(SQL["emails"].text, values))
        phones = cast("list[AddressRow]", await self._all(SQL["phones"].text, values))
        addresses = [(r["customer_id"], address_of(Channel.EMAIL, r)) for r in emails] + [
            (r["customer_id"], address_of(Channel.SMS, r)) for r in phones
        ]
        return {r["id"]: customer_of(r, tuple(a for owner, a in addresses if owner == r["id"])) for r in rows}

    async def find(self, text: str, limit: int = 20) -> list[Customer]:
        """Customers by id or part of their name, the best match first."""
        found = [
            str(row["id"])
            for row in await self._all(SQL["find_customers"].text, {"text": text, "like": f"%{text}%", "limit": limit})
        ]
        customers = await self.customers(found) if found else {}
        return [customers[id_] for id_ in found]

    async def machines_of(self, customer_id: str) -> list[Equipment]:
        """A customer's machines, the newest first."""
        return [
            equipment_of(cast("EquipmentRow", row))
            for row in await self._all(SQL["equipment_of"].text, {"ids": array_literal([customer_id])})
        ]

    async def work_orders_of(self, customer_id: str) -> list[WorkOrder]:
        """A customer's last fifty work orders, the newest first."""
        rows = await self._all(SQL["work_orders_of"].text, {"ids": array_literal([customer_id])})
        return [work_order_of(cast("WorkOrderRow", row)) for row in rows]

    async def count_customers(self) -> int:
        """How many customers the dealer has."""
        return cast("int", (await self._all(SQL["some_customers"].text, {}))[0]["customers"])

    async def columns(self) -> dict[str, dict[str, str]]:
        """View → column → data type, of what schema comm offers."""
        found: dict[str, dict[str, str]] = {}
        for row in await self._all(SQL["columns"].text, {}):
            found.setdefault(str(row["table_name"]), {})[str(row["column_name"])] = str(row["data_type"])
        return found

    async def plan(self, communication: Communication, window: Window, knobs: Mapping[str, int]) -> list[object]:
        """PostgreSQL's plan of the type's audience, as EXPLAIN (FORMAT JSON) tells it."""
        values = audience_sql.parameters(window, self.tenant.time_zone, knobs)
        rows = await self._all(audience_sql.plan_of_candidates(communication), values)
        return cast("list[object]", rows[0]["QUERY PLAN"])

    async def _newest(self, customer_ids: Sequence[str]) -> dict[str, Equipment]:
        # A door that names no machine means the newest that the customer still has.
        rows = await self._lenient(SQL["equipment_of"].text, customer_ids)
        owned = [cast("EquipmentRow", row) for row in rows if row["disposed_on"] is None]
        return {str(row["customer_id"]): equipment_of(row) for row in reversed(owned)}

    async def _equipment(self, ids: Sequence[str]) -> dict[str, Equipment]:
        rows = await self._lenient(SQL["equipment"].text, ids)
        return {str(row["id"]): equipment_of(cast("EquipmentRow", row)) for row in rows}

    async def _work_orders(self, ids: Sequence[str]) -> dict[str, WorkOrder]:
        rows = await self._lenient(SQL["work_orders"].text, ids)
        return {str(row["id"]): work_order_of(cast("WorkOrderRow", row)) for row in rows}

    async def _lenient(self, query: LiteralString, ids: Sequence[str]) -> list[dict[str, object]]:
        # One malformed id from outside must not hide the others.
        if not ids:
            return []
        try:
            return await self._rows(query, {"ids": array_literal([*set(ids)])})
        except psycopg.Error as error:
            if not isinstance(error, psycopg.errors.DataError):
                raise explained(error, self.tenant) from error
            return [row for id_ in set(ids) if len(ids) > 1 for row in await self._lenient(query, [id_])]

    async def _all(self, query: LiteralString | Composed, values: Mapping[str, object]) -> list[dict[str, object]]:
        try:
            return await self._rows(query, values)
        except psycopg.Error as error:
            raise explained(error, self.tenant) from error

    async def _rows(self, query: LiteralString | Composed, values: Mapping[str, object]) -> list[dict[str, object]]:
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchall()


def array_literal(ids: Sequence[str]) -> str:
    """Ids as an untyped array literal, so that they take the view's own key type and its index serves them."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "") + '"' for value in ids)
    return "{" + ",".join(quoted) + "}"


def _pick(communication: Communication, job: Job, rows: Sequence[AudienceRow]) -> AudienceRow | None:
    # The machine that the message names: the newest of the job's whose conditions still hold, else the newest.
    if communication.audience is None:
        return None
    own = [r for r in rows if r.customer_id == job.customer_id and _is_of(r, job)]
    still = [r for r in own if all(c.holds for c in r.conditions)]
    return (still or own or [None])[0]


def _is_of(row: AudienceRow, job: Job) -> bool:
    if row.work_order_id is not None and job.work_order_id is not None:
        return row.work_order_id == job.work_order_id
    return row.equipment_id in job.equipment_ids or not job.equipment_ids


def _snapshot(
    communication: Communication,
    job: Job,
    row: AudienceRow | None,
    customer: Customer | None,
    machines: Mapping[str, Equipment],
    orders: Mapping[str, WorkOrder],
    newest: Mapping[str, Equipment],
) -> Snapshot:
    equipment_id = (row.equipment_id if row else None) or (job.equipment_ids[0] if job.equipment_ids else None)
    conditions = row.conditions if row else ()
    if row is None and communication.audience is not None:
        conditions = (ConditionResult("still_there", "machine and customer are still on file together", holds=False, value=None),)
    return Snapshot(
        customer=customer,
        equipment=machines.get(equipment_id or "") or (newest.get(job.customer_id) if not equipment_id else None),
        work_order=orders.get(job.work_order_id or ""),
        conditions=conditions,
        facts=row.facts if row else {},
    )


def _audience_row(
    row: Mapping[str, object], communication: Communication, knobs: Mapping[str, int], facts: Sequence[str]
) -> AudienceRow:
    declared = communication.audience.conditions if communication.audience else ()
    return AudienceRow(
        customer_id=str(row["customer_id"]),
        equipment_id=_text(row["equipment_id"]),
        work_order_id=_text(row["work_order_id"]),
        due_on=cast("date | None", row["due_on"]),
        occasion=_text(row["occasion"]),
        in_window=bool(row["in_window"]),
        next_due_on=cast("date | None", row["next_due_on"]),
        conditions=tuple(
            ConditionResult(c.code, c.sentence.format_map(knobs), bool(row[f"holds_{n}"]), _text(row[f"value_{n}"]))
            for n, c in enumerate(declared)
        ),
        misses=tuple(_text(row[f"miss_{n}"]) for n in range(len(declared))),
        facts={name: _text(row[f"fact_{name}"]) or "" for name in facts},
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
