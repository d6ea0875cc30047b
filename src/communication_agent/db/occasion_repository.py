"""The ledger and the birth of jobs: every door ends here, and an occasion becomes a job at most once."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from psycopg import AsyncConnection

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.query import Row, jsonb, rows
from communication_agent.db.rows import attachments_json, job_of
from communication_agent.db.statements import statements
from communication_agent.domain import Job, JobType, State
from communication_agent.ids import id_prefix, new_seq

SQL = statements("occasions")
ALREADY_ASKED = "already_asked"


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """One scan of one type of one tenant: what its jobs have in common."""

    tenant_id: str
    communication: str
    job_type: JobType
    today: date
    zone: str
    lane: int
    useful_days: int
    run_at: datetime  # when its messages are planned to leave
    now: datetime


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """What a scan found (messages that were due) and how many of them were new."""

    found: int
    enqueued: int


@dataclass(frozen=True, slots=True)
class Known:
    """A candidate whose occasions were all asked for before."""

    customer_id: str
    due_on: date
    equipment_ids: tuple[str, ...]
    work_order_id: str | None
    occasions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OccasionRepository:
    """Writes the ledger and new jobs, always in one transaction."""

    central: CentralDatabase

    async def enqueue_scan(self, conn: AsyncConnection, plan: ScanPlan, blocks: AsyncIterable[bytes]) -> ScanCounts:
        """Pipe the dealer's COPY rows into ledger and queue, in the caller's transaction."""
        counts, _ = await self._take(conn, plan, blocks)
        await conn.execute(SQL["drop_candidates"].text)
        return counts

    async def rehearse(self, plan: ScanPlan, blocks: AsyncIterable[bytes]) -> tuple[list[Job], list[Known]]:
        """The same statements in a transaction that is rolled back: the jobs that would be made, and the ones asked for already."""
        async with self.central.engine() as conn, conn.transaction(force_rollback=True):
            _, prefix = await self._take(conn, plan, blocks)
            span = {"tenant_id": plan.tenant_id, "first": _span(prefix, 0), "last": _span(prefix, 0xFFFFFFFF)}
            jobs = [job_of(row) for row in await rows(conn, SQL["made_jobs"], span)]
            return jobs, [_known(row) for row in await rows(conn, SQL["known_candidates"], span)]

    async def _take(self, conn: AsyncConnection, plan: ScanPlan, blocks: AsyncIterable[bytes]) -> tuple[ScanCounts, str]:
        prefix = id_prefix()
        await conn.execute(SQL["create_candidates"].text)
        async with conn.cursor().copy(SQL["copy_candidates"].text) as copy:
            async for block in blocks:
                await copy.write(block)
        counts = (await rows(conn, SQL["take_occasions"], _scan_values(plan, prefix)))[0]
        if counts["enqueued"]:
            await conn.execute(SQL["notify"].text, {"tenant_id": plan.tenant_id})
        return ScanCounts(cast("int", counts["found"]), cast("int", counts["enqueued"])), prefix

    async def enqueue_one(self, conn: AsyncConnection, job: Job, *, key: str, now: datetime) -> UUID | None:
        """Make one job with its occasion in the caller's transaction; None when the occasion was asked for already."""
        values = {
            "tenant_id": job.tenant_id,
            "key": key,
            "communication": job.communication,
            "customer_id": job.customer_id,
            "due_on": job.due_on,
            "job_id": job.id,
            "now": now,
        }
        if not await rows(conn, SQL["take_one"], values):
            return None
        await self.make_job(conn, job, now=now)
        return job.id

    async def make_job(self, conn: AsyncConnection, job: Job, *, now: datetime) -> None:
        """Insert a job whose occasion is taken, in the caller's transaction, and wake the processors."""
        waiting = job.run_at > now
        values = {
            "tenant_id": job.tenant_id,
            "id": job.id,
            "job_type": str(job.job_type),
            "communication": job.communication,
            "customer_id": job.customer_id,
            "equipment_ids": list(job.equipment_ids),
            "work_order_id": job.work_order_id,
            "occasions": list(job.occasions),
            "source": job.source,
            "due_on": job.due_on,
            "as_of": job.as_of or job.due_on,
            "facts": jsonb(dict(job.facts)),
            "attachments": attachments_json(job.attachments),
            "fallback_of": job.fallback_of,
            "lane": job.lane,
            "seq": new_seq(),
            "state": str(State.SCHEDULED if waiting else State.READY),
            "reason": "planned" if waiting else None,
            "run_at": job.run_at,
            "useful_until": job.useful_until,
            "now": now,
        }
        await conn.execute(SQL["make_job"].text, values)
        await conn.execute(SQL["notify"].text, {"tenant_id": job.tenant_id})

    async def owner(self, tenant_id: str, key: str) -> UUID | None:
        """The job that an occasion belongs to."""
        return (await self.owners(tenant_id, [key])).get(key)

    async def owners(self, tenant_id: str, keys: Sequence[str]) -> dict[str, UUID]:
        """Which of these occasions were asked for already, and by which job."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["owners"], {"tenant_id": tenant_id, "keys": list(keys)})
        return {str(row["key"]): cast("UUID", row["job_id"]) for row in found}


def _span(prefix: str, number: int) -> UUID:
    return UUID(hex=f"{prefix}{number:08x}")


def _known(row: Row) -> Known:
    return Known(
        str(row["customer_id"]),
        cast("date", row["due_on"]),
        tuple(cast("list[str]", row["equipment_ids"])),
        cast("str | None", row["work_order_id"]),
        tuple(cast("list[str]", row["occasions"])),
    )


def _scan_values(plan: ScanPlan, prefix: str) -> dict[str, object]:
    waiting = plan.run_at > plan.now
    return {
        "prefix": prefix,
        "tenant_id": plan.tenant_id,
        "communication": plan.communication,
        "job_type": str(plan.job_type),
        "today": plan.today,
        "zone": plan.zone,
        "lane": plan.lane,
        "seq": new_seq(),
        "state": str(State.SCHEDULED if waiting else State.READY),
        "reason": "planned" if waiting else None,
        "run_at": plan.run_at,
        "useful_days": plan.useful_days,
        "now": plan.now,
    }
