"""The live queue: claim, begin, finish, put back; every write names id, fence and the state it expects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import AsyncConnection

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.query import Row, rows
from communication_agent.db.rows import job_of
from communication_agent.db.statements import statements
from communication_agent.domain import Job, State
from communication_agent.ids import new_seq

SQL = statements("jobs")
WORKERS = statements("workers")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A message as it was frozen before its dispatch: `payload` is its canonical JSON."""

    job: Job
    channel: str
    recipient: str
    provider: str
    payload: str
    payload_hash: str
    facts: str  # JSON


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a job: its outcome, why, and the provider's id when it was sent."""

    job: Job
    outcome: State
    reason: str | None = None
    provider_id: str | None = None
    expected: State | None = None  # the state it is in; None = job.state


@dataclass(frozen=True, slots=True)
class PutBack:
    """A job that stays: where it goes, when it is looked at again, and why."""

    job: Job
    to: State
    reason: str | None
    run_at: datetime | None = None
    check_at: datetime | None = None
    burned: bool = False
    died: bool = False  # its worker died: the count of deaths stays, and the fence moves on
    absent: bool = False  # a search found nothing, once more
    unknown_since: datetime | None = None  # since when an attempt may have arrived; None = as the job says


@dataclass(slots=True)
class JobRepository:
    """Moves jobs through their states for one worker; times are business times, leases run on the database's clock."""

    central: CentralDatabase
    worker: str
    lease: float  # seconds
    _turn: int = field(default=0)

    async def claim(self, limit: int, now: datetime) -> list[Job]:
        """Take up to `limit` ready jobs, lane by lane, in fair shares over the tenants that have work."""
        distributed = self.central.distributed
        async with self.central.engine() as conn:
            ready = await rows(conn, SQL["lanes_with_ready" if distributed else "tenants_with_ready"], {})
            shares = self._shares(ready, limit)
            if not shares:
                return []
            return [job_of(row) for row in await (self._one_by_one if distributed else self._at_once)(conn, shares, now)]

    async def _at_once(self, conn: AsyncConnection, shares: Sequence[tuple[str, int, int]], now: datetime) -> list[Row]:
        tenants, lanes, caps = (list(column) for column in zip(*shares, strict=True))
        values = {"tenants": tenants, "lanes": lanes, "caps": caps, "worker": self.worker, "lease": self.lease, "now": now}
        return await rows(conn, SQL["claim"], values)

    async def _one_by_one(self, conn: AsyncConnection, shares: Sequence[tuple[str, int, int]], now: datetime) -> list[Row]:
        # A distributed central locks rows of one tenant a statement.
        found: list[Row] = []
        for tenant_id, lane, cap in shares:
            values = {"tenant_id": tenant_id, "lane": lane, "cap": cap, "worker": self.worker, "lease": self.lease, "now": now}
            found += await rows(conn, SQL["claim_of_tenant"], values)
        return found

    def _shares(self, ready: list[Row], limit: int) -> list[tuple[str, int, int]]:
        # The urgent lane is served first; within a lane everybody gets the same, and the start moves on each time.
        shares: list[tuple[str, int, int]] = []
        for lane in (0, 1, 2):
            tenants = [str(row["tenant_id"]) for row in ready if row["lane"] == lane]
            room = limit - sum(cap for *_, cap in shares)
            if not tenants or room <= 0:
                continue
            start = self._turn % len(tenants)
            picked = (tenants[start:] + tenants[:start])[:room]
            shares += [(tenant, lane, room // len(picked) + (place < room % len(picked))) for place, tenant in enumerate(picked)]
        self._turn += 1
        return shares

    async def promote(self, now: datetime, limit: int = 1000) -> int:
        """Make waiting jobs ready whose time has come; returns how many."""
        values = {"now": now, "limit": limit, "worker": self.worker}
        async with self.central.engine() as conn:
            if not self.central.distributed:
                return _moved(await rows(conn, SQL["promote"], {**values, "seq": new_seq()}))
            due = await rows(conn, SQL["tenants_with_due"], values)
            return sum(
                [
                    _moved(await rows(conn, SQL["promote_of_tenant"], {**values, "tenant_id": row["tenant_id"], "seq": new_seq()}))
                    for row in due
                ]
            )

    async def next_run_at(self) -> datetime | None:
        """When the next waiting job is due."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["next_run_at"], {})
        value = found[0]["run_at"]
        return value if isinstance(value, datetime) else None

    async def renew(self, ids: Sequence[UUID]) -> None:
        """Keep the jobs that this worker has in hand."""
        async with self.central.engine() as conn:
            await conn.execute(SQL["renew"].text, {"worker": self.worker, "lease": self.lease, "ids": list(ids)})

    async def frozen(self, tenant_id: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """What earlier attempts froze, by job id."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["frozen"], {"tenant_id": tenant_id, "ids": list(ids)})
        return {UUID(str(row["id"])): row for row in found}

    async def begin_dispatch(
        self, conn: AsyncConnection, tenant_id: str, frozen: Sequence[Frozen], deadline: float, now: datetime
    ) -> set[UUID]:
        """Freeze and mark as dispatching, in the caller's transaction; returns the ids that are really ours."""
        await conn.execute(SQL["freeze"].text, _freezing(tenant_id, frozen, now))
        begun = await rows(
            conn,
            SQL["begin_dispatch"],
            {
                "tenant_id": tenant_id,
                "ids": [f.job.id for f in frozen],
                "fences": [f.job.fence for f in frozen],
                "deadline": deadline,
                "lease": self.lease,
                "now": now,
                "worker": self.worker,
            },
        )
        return {UUID(str(row["id"])) for row in begun}

    async def finish(
        self, conn: AsyncConnection, tenant_id: str, endings: Sequence[Ending], now: datetime, actor: str = ""
    ) -> set[UUID]:
        """Move ended jobs to the history in the caller's transaction; returns the ids whose fence still held."""
        ended = await rows(
            conn,
            SQL["finish"],
            {
                "tenant_id": tenant_id,
                "ids": [e.job.id for e in endings],
                "fences": [e.job.fence for e in endings],
                "expected": [str(e.expected or e.job.state) for e in endings],
                "outcomes": [str(e.outcome) for e in endings],
                "reasons": [e.reason for e in endings],
                "now": now,
                "actor": actor or self.worker,
            },
        )
        ids = {UUID(str(row["id"])) for row in ended}
        sent = [e for e in endings if e.job.id in ids and e.outcome is State.SENT]
        if sent:
            await conn.execute(
                SQL["mark_sent"].text,
                {
                    "tenant_id": tenant_id,
                    "ids": [e.job.id for e in sent],
                    "created": [e.job.created_at for e in sent],
                    "provider_ids": [e.provider_id for e in sent],
                    "now": now,
                },
            )
        unsent = [e.job.id for e in endings if e.job.id in ids and e.outcome is not State.SENT]
        if unsent:
            await conn.execute(SQL["give_back_contacts"].text, {"tenant_id": tenant_id, "jobs": unsent})
        return ids

    async def put_back(
        self, conn: AsyncConnection, tenant_id: str, moves: Sequence[PutBack], now: datetime, actor: str = ""
    ) -> set[UUID]:
        """Move jobs to another live state in the caller's transaction; returns the ids whose fence still held."""
        found = await rows(conn, SQL["put_back"], _putting_back(tenant_id, moves, now, actor or self.worker))
        return {UUID(str(row["id"])) for row in found}

    async def expired(self, limit: int = 500) -> list[Job]:
        """Jobs whose worker let the lease run out."""
        async with self.central.engine() as conn:
            return [job_of(row) for row in await rows(conn, SQL["expired"], {"limit": limit})]

    async def unsettled(self, now: datetime, limit: int = 200) -> list[Job]:
        """Uncertain jobs to examine, and held ones whose time is over."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["unsettled"], {"now": now, "limit": limit})
        return [job_of(row) for row in found]

    async def one(self, tenant_id: str, job_id: UUID) -> Job | None:
        """A live job."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["one"], {"tenant_id": tenant_id, "id": job_id})
        return job_of(found[0]) if found else None

    async def release_paused(self, tenant_id: str, reasons: Sequence[str], now: datetime) -> None:
        """Let jobs that wait for a pause be looked at now."""
        async with self.central.engine() as conn:
            await conn.execute(SQL["release_paused"].text, {"tenant_id": tenant_id, "reasons": list(reasons), "now": now})

    async def waiting_for_database(self) -> list[str]:
        """Tenants whose jobs wait for the dealer's database."""
        async with self.central.engine() as conn:
            return [str(row["tenant_id"]) for row in await rows(conn, SQL["waiting_for_database"], {})]

    async def beat(self, now: datetime) -> None:
        """Say that this worker is alive."""
        async with self.central.engine() as conn:
            await conn.execute(WORKERS["beat"].text, {"worker": self.worker, "now": now, "detail": "{}"})

    async def leave(self, now: datetime) -> None:
        """This worker ends; who was not seen for a day is forgotten too."""
        async with self.central.engine() as conn:
            await conn.execute(WORKERS["leave"].text, {"worker": self.worker, "old": now - timedelta(days=1)})

    async def depth(self) -> list[Mapping[str, object]]:
        """Live jobs by state and lane, with the oldest run_at of each."""
        async with self.central.engine() as conn:
            return [*await rows(conn, SQL["depth"], {})]


def _moved(found: Sequence[Row]) -> int:
    return int(str(found[0]["moved"]))


def _freezing(tenant_id: str, frozen: Sequence[Frozen], now: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "ids": [f.job.id for f in frozen],
        "created": [f.job.created_at for f in frozen],
        "channels": [f.channel for f in frozen],
        "recipients": [f.recipient for f in frozen],
        "providers": [f.provider for f in frozen],
        "payloads": [f.payload for f in frozen],
        "hashes": [f.payload_hash for f in frozen],
        "facts": [f.facts for f in frozen],
        "now": now,
    }


def _putting_back(tenant_id: str, moves: Sequence[PutBack], now: datetime, actor: str) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "ids": [m.job.id for m in moves],
        "fences": [m.job.fence for m in moves],
        "from_states": [str(m.job.state) for m in moves],
        "to_states": [str(m.to) for m in moves],
        "run_ats": [m.run_at for m in moves],
        "reasons": [m.reason for m in moves],
        "burned": [int(m.burned) for m in moves],
        "deaths": [m.job.deaths if m.died else 0 for m in moves],
        "checks": [m.job.checks + m.absent for m in moves],
        "fence_steps": [int(m.died) for m in moves],
        "check_ats": [m.check_at for m in moves],
        "unknown_sinces": [m.unknown_since or m.job.unknown_since for m in moves],
        "seq": new_seq(),
        "now": now,
        "actor": actor,
    }
