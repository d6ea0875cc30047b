"""Settles what nobody knows: jobs of dead workers, sends whose answer was lost, and what a person left held too long."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from communication_agent import outcome, telemetry
from communication_agent.cases import CaseReader
from communication_agent.clock import Clock
from communication_agent.db.job_repository import PutBack
from communication_agent.db.outcome_ledger import OutcomeLedger
from communication_agent.delivery import account, unpack
from communication_agent.domain import Held, Job, Message, Outcome, Receipt, Retry, State, Uncertain
from communication_agent.outcome import ABSENT_ONCE, NEVER_ARRIVED, OUTCOME_UNKNOWN, Limits
from communication_agent.provider import Dispatch, Provider


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Runs beside the processor, in any number of processes: every write is fenced."""

    cases: CaseReader
    ledger: OutcomeLedger
    providers: Mapping[str, Provider]
    limits: Limits
    clock: Clock

    async def round(self) -> bool:
        """One look at dead workers' jobs and at unsettled ones; True when something moved."""
        now = self.clock.now()
        reaped = [await self._guarded(self._reap, job, now) for job in await self.ledger.jobs.expired()]
        settled = [await self._guarded(self._settle, job, now) for job in await self.ledger.jobs.unsettled(now)]
        return any(reaped) or any(settled)

    async def _guarded(self, duty: Callable[[Job, datetime], Awaitable[bool]], job: Job, now: datetime) -> bool:
        # What cannot be settled for one tenant must not keep the others' messages unsettled.
        try:
            return await duty(job, now)
        except Exception as error:  # noqa: BLE001 - the next round looks again
            telemetry.loop_failed("reconciler", error)
            return False

    async def _reap(self, job: Job, now: datetime) -> bool:
        where = outcome.reap(job.state, job.deaths)
        lost = where.to is State.UNCERTAIN
        move = PutBack(
            job,
            where.to,
            where.reason,
            check_at=await self._first_look(job, now) if lost else None,
            died=True,
            unknown_since=job.unknown_since or (now if lost else None),
        )
        async with self.cases.central.engine() as conn, conn.transaction():
            return bool(await self.ledger.jobs.put_back(conn, job.tenant_id, [move], now, "reaper"))

    async def _first_look(self, job: Job, now: datetime) -> datetime:
        # Where the same message sent twice arrives once, there is nothing to wait for.
        known = await self._frozen(job)
        if known is None or known[1].idempotent:
            return now
        return now + outcome.grace(known[1], self.limits)

    async def _settle(self, job: Job, now: datetime) -> bool:
        result = outcome.lapse(job, now) if job.state is State.HELD else await self._examine(job, now)
        if result is None:
            return False
        async with self.cases.central.engine() as conn, conn.transaction():
            if isinstance(result, Uncertain):
                move = PutBack(
                    job,
                    State.UNCERTAIN,
                    result.reason,
                    check_at=result.check_at,
                    absent=result.reason == ABSENT_ONCE,
                    unknown_since=job.unknown_since or now,
                )
                return bool(await self.ledger.jobs.put_back(conn, job.tenant_id, [move], now, "reconciler"))
            # Proof that it never arrived: what follows is a fresh attempt.
            proven = replace(job, unknown_since=None) if isinstance(result, Retry) and result.reason == NEVER_ARRIVED else job
            await self.ledger.record(conn, job.tenant_id, [(proven, result)], now)
        return True

    async def _examine(self, job: Job, now: datetime) -> Outcome:
        known = await self._frozen(job)
        if known is None:
            return Held(OUTCOME_UNKNOWN)
        found = await self._find(job, *known)
        return outcome.examine(job, found, job.checks, known[1], self.limits, now, unknown_since=job.unknown_since or now)

    async def _find(self, job: Job, message: Message, provider: Provider) -> Receipt | None:
        if provider.find is None:
            return None
        tenant = await self.cases.tenants.load(job.tenant_id)
        return await provider.find(Dispatch(message, account(tenant, provider, self.cases.config)))

    async def _frozen(self, job: Job) -> tuple[Message, Provider] | None:
        row = (await self.ledger.jobs.frozen(job.tenant_id, [job.id])).get(job.id)
        provider = self.providers.get(str(row["provider"])) if row else None
        return (unpack(str(row["payload"])), provider) if row and provider else None
