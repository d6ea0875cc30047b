"""Slots of schedules: which ran, which is whose, and up to which date everything was scanned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from psycopg import AsyncConnection

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.query import rows
from communication_agent.db.statements import statements

SQL = statements("schedules")


@dataclass(frozen=True, slots=True)
class Run:
    """The newest slot of a task that anybody opened."""

    slot: str
    state: str
    attempts: int
    abandoned: bool
    retry_at: datetime | None

    def open_to(self, slot: str, now: datetime) -> bool:
        """Whether a worker may open `slot`, given that this is the newest one."""
        if self.slot != slot:
            return self.slot < slot
        return self.abandoned or (self.state == "failed" and self.retry_at is not None and self.retry_at <= now)


@dataclass(frozen=True, slots=True)
class Slot:
    """One turn of one task of one tenant; `day` is the civil date it stands for."""

    tenant_id: str
    task: str
    name: str
    day: date

    @property
    def values(self) -> dict[str, object]:
        """Its key, for statements."""
        return {"tenant_id": self.tenant_id, "task": self.task, "slot": self.name, "scanned_until": self.day}


@dataclass(frozen=True, slots=True)
class ScheduleRepository:
    """Leases slots for one worker."""

    central: CentralDatabase
    worker: str
    lease: float  # seconds; a scan that takes longer is taken over and finds its occasions taken

    async def latest(self) -> dict[tuple[str, str], Run]:
        """The newest run by tenant and task."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["latest_runs"], {})
        return {
            (str(r["tenant_id"]), str(r["task"])): Run(
                str(r["slot"]),
                str(r["state"]),
                cast("int", r["attempts"]),
                bool(r["abandoned"]),
                cast("datetime | None", r["retry_at"]),
            )
            for r in found
        }

    async def take(self, slot: Slot, now: datetime) -> bool:
        """Open the slot or take it over; False when somebody else has it or it is done."""
        values = {**slot.values, "worker": self.worker, "lease": self.lease, "now": now}
        async with self.central.engine() as conn:
            return bool(await rows(conn, SQL["take_slot"], values) or await rows(conn, SQL["take_over"], values))

    async def watermark(self, slot: Slot) -> date | None:
        """The last due date scanned completely before this slot; None at the first one."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["watermark"], slot.values)
        return cast("date | None", found[0]["until"])

    async def finish(self, conn: AsyncConnection, slot: Slot, counts: Mapping[str, int], now: datetime) -> bool:
        """Close the slot in the transaction of its jobs; counts are found, enqueued, lapsed. False: it is not ours any more."""
        return bool(await rows(conn, SQL["finish_slot"], {**slot.values, **counts, "worker": self.worker, "now": now}))

    async def fail(self, slot: Slot, error: str, retry_at: datetime) -> None:
        """Remember why it failed and when to try again."""
        async with self.central.engine() as conn:
            await conn.execute(SQL["fail_slot"].text, {**slot.values, "error": error, "retry_at": retry_at, "worker": self.worker})

    async def mark_off(self, slot: Slot, now: datetime) -> None:
        """A type that is switched off moves on all the same."""
        async with self.central.engine() as conn:
            await conn.execute(SQL["mark_off"].text, {**slot.values, "now": now})

    async def runs_of(self, tenant_id: str, limit: int = 100) -> list[Mapping[str, object]]:
        """The newest runs of a tenant, for people."""
        async with self.central.engine() as conn:
            return [*await rows(conn, SQL["runs_of"], {"tenant_id": tenant_id, "limit": limit})]
