"""SPINE 2: job → gate → words → out → outcome, in two phases, so that no crash loses or doubles a message."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never
from uuid import UUID

from communication_agent import outcome, telemetry
from communication_agent.cases import CaseFile, CaseReader
from communication_agent.clock import Clock, boot_seconds, jitter
from communication_agent.db.attachment_repository import AttachmentRepository
from communication_agent.db.job_repository import Ending, JobRepository, PutBack
from communication_agent.db.outcome_ledger import OutcomeLedger
from communication_agent.db.query import Connection
from communication_agent.delivery import account, deliver
from communication_agent.domain import (
    Hold,
    Job,
    Message,
    Outcome,
    Purpose,
    Receipt,
    Retry,
    Send,
    Skip,
    Snooze,
    State,
    Unavailable,
    Unknown,
    Verdict,
)
from communication_agent.errors import Problem
from communication_agent.outcome import Limits
from communication_agent.policy import decide
from communication_agent.preparation import Preparation, Prepared
from communication_agent.provider import Dispatch, Provider
from communication_agent.tenant import TenantSettings

DATABASE_RETRY = timedelta(minutes=1)


@dataclass(slots=True)
class JobProcessor:
    """Claims jobs and brings each to an outcome; one tenant's slowness holds up nobody else."""

    cases: CaseReader
    jobs: JobRepository
    ledger: OutcomeLedger
    attachments: AttachmentRepository
    providers: Mapping[str, Provider]
    limits: Limits
    clock: Clock
    at_once: int  # messages in hand
    timeout: float = 15.0  # seconds for one whole request
    _groups: set[asyncio.Task[None]] = field(init=False, default_factory=set["asyncio.Task[None]"])
    _hand: set[UUID] = field(init=False, default_factory=set[UUID])
    _freed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    async def round(self) -> bool:
        """Promote what is due, claim what fits and start on it; True when there was something to do."""
        now = self.clock.now()
        promoted = await self.jobs.promote(now)
        room = self.at_once - len(self._hand)
        claimed = await self.jobs.claim(room, now) if room > 0 else []
        for tenant_id in dict.fromkeys(job.tenant_id for job in claimed):
            self._start(tenant_id, [job for job in claimed if job.tenant_id == tenant_id])
        if self._groups and not claimed:
            await self._until_freed()
            return True
        return bool(claimed or promoted)

    async def _until_freed(self) -> None:
        # A slot is free as soon as its own message has ended, however long its neighbours take.
        self._freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._freed.wait()

    @property
    def in_hand(self) -> list[UUID]:
        """The jobs that something here is working on."""
        return [*self._hand]

    def _let_go(self, jobs: Iterable[Job]) -> None:
        self._hand.difference_update(job.id for job in jobs)
        self._freed.set()

    def _start(self, tenant_id: str, jobs: list[Job]) -> None:
        self._hand.update(job.id for job in jobs)
        task = asyncio.create_task(self._guarded(tenant_id, jobs))
        self._groups.add(task)
        task.add_done_callback(partial(self._ended, jobs))

    def _ended(self, jobs: Sequence[Job], task: "asyncio.Task[None]") -> None:
        self._groups.discard(task)
        self._let_go(jobs)
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out and the jobs come back; a bug is counted, never swallowed.
            telemetry.loop_failed("processor", error)

    async def drain(self) -> None:
        """Wait until everything in hand has ended."""
        while self._groups:
            await asyncio.wait(self._groups)

    async def _guarded(self, tenant_id: str, jobs: Sequence[Job]) -> None:
        try:
            await self._group(tenant_id, jobs)
        except Exception as error:
            if len(jobs) == 1:
                raise
            # One job that breaks the code must not take the others with it; what has left already is protected by its state.
            telemetry.loop_failed("processor", error)
            for job in jobs:
                await self._alone(tenant_id, job)

    async def _alone(self, tenant_id: str, job: Job) -> None:
        try:
            await self._group(tenant_id, [job])
        except Exception as error:  # noqa: BLE001 - its lease runs out; at the third time it is held for a person
            telemetry.loop_failed("processor", error)

    async def _group(self, tenant_id: str, jobs: Sequence[Job]) -> None:
        now = self.clock.now()
        try:
            tenant = await self.cases.tenants.load(tenant_id)
            files = await self.cases.read(tenant, jobs, now)
        except Problem as problem:
            await self._wait_for_database(tenant_id, jobs, problem, now)
            return
        prepared = await self._prepare(tenant, files, now)
        begun = await self._begin(tenant, prepared) if prepared else []
        leaving = {p.job.id for p, _ in begun}
        self._let_go(job for job in jobs if job.id not in leaving)
        await self._dispatch(tenant, begun)

    async def _wait_for_database(self, tenant_id: str, jobs: Sequence[Job], problem: Problem, now: datetime) -> None:
        telemetry.tenant_unreachable(tenant_id, problem.code, len(jobs))
        moves = [PutBack(job, State.SCHEDULED, "tenant_database", run_at=now + DATABASE_RETRY) for job in jobs]
        async with self.cases.central.engine() as conn, conn.transaction():
            await self.jobs.put_back(conn, tenant_id, moves, now)

    async def _prepare(self, tenant: TenantSettings, files: Sequence[CaseFile], now: datetime) -> list[Prepared]:
        """Gate and words; whoever may not go is settled here."""
        verdicts = [decide(file.case) for file in files]
        going = [(file, verdict) for file, verdict in zip(files, verdicts, strict=True) if isinstance(verdict, Send)]
        earlier = await self.jobs.frozen(tenant.id, [file.case.job.id for file, _ in going]) if going else {}
        writer = Preparation(self.cases, self.providers)
        results = [writer.prepare(tenant, file, earlier.get(file.case.job.id), send, now) for file, send in going]
        broken = [result for result in results if isinstance(result, Ending)]
        moved = [replace(result, job=_claimed(result.job)) for result in results if isinstance(result, PutBack)]
        rest = [(f, v) for f, v in zip(files, verdicts, strict=True) if not isinstance(v, Send)]
        if rest or broken or moved:
            async with self.cases.central.engine() as conn, conn.transaction():
                await self._settle_verdicts(conn, tenant, rest, now)
                await self.jobs.put_back(conn, tenant.id, moved, now)
                await self._end(conn, tenant, broken, now)
        return [result for result in results if isinstance(result, Prepared)]

    async def _begin(self, tenant: TenantSettings, prepared: Sequence[Prepared]) -> list[tuple[Prepared, float]]:
        """The gate again on re-read facts and the durable intent, in one transaction; what may leave, with its moment."""
        now = self.clock.now()
        async with self.cases.central.engine() as conn, conn.transaction():
            marketing = any(p.file.case.communication.purpose is Purpose.MARKETING for p in prepared)
            files = await self.cases.again(conn, tenant, [p.file for p in prepared], now, lock=marketing)
            verdicts = _one_each(files, [decide(file.case) for file in files], now)
            going = [p for p, verdict in zip(prepared, verdicts, strict=True) if _goes_to(verdict, p.message)]
            rest = [(f, v) for f, v, p in zip(files, verdicts, prepared, strict=True) if not _goes_to(v, p.message)]
            await self._settle_verdicts(conn, tenant, rest, now)
            begun = (
                await self.jobs.begin_dispatch(conn, tenant.id, [p.frozen for p in going], self._deadline, now)
                if going
                else set[UUID]()
            )
            ours = [p for p in going if p.job.id in begun]
            turns = [(p.job.customer_id, p.job.id) for p in ours if p.file.case.communication.purpose is Purpose.MARKETING]
            if turns:
                await self.cases.consents.take(conn, tenant.id, turns, now)
        moment = boot_seconds()
        return [(p, moment) for p in ours]

    @property
    def _deadline(self) -> float:
        return self.limits.dispatch_deadline.total_seconds()

    async def _dispatch(self, tenant: TenantSettings, begun: Sequence[tuple[Prepared, float]]) -> None:
        """Send side by side, and settle whatever has come back so far in one transaction."""
        sending = {asyncio.create_task(self._send(tenant, p, moment)): p for p, moment in begun}
        while sending:
            done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            await self._settle(tenant, [(sending.pop(task), task.result()) for task in done])

    async def _send(self, tenant: TenantSettings, prepared: Prepared, moment: float) -> Receipt:
        try:
            files = {a.sha256: await self.attachments.read(tenant.id, a.sha256) for a in prepared.message.attachments}
            credentials = account(tenant, prepared.provider, self.cases.config)
        except (LookupError, Problem) as error:
            return Unavailable(f"not_ready: {error}")  # nothing has left yet
        if boot_seconds() - moment > self._deadline:
            # Frozen, suspended or starved: what was decided then is not sent now.
            return Unavailable("dispatch_deadline")
        return await deliver(prepared.provider, Dispatch(prepared.message, credentials, files, self.timeout))

    async def _settle(self, tenant: TenantSettings, receipts: Sequence[tuple[Prepared, Receipt]]) -> None:
        now = self.clock.now()
        outcomes = [(p, self._outcome(p, receipt, now)) for p, receipt in receipts]
        async with self.cases.central.engine() as conn, conn.transaction():
            jobs = [_dispatching(p.job, receipt, now) for p, receipt in receipts]
            await self.ledger.record(conn, tenant.id, [(job, o) for job, (_, o) in zip(jobs, outcomes, strict=True)], now)
        self._let_go(p.job for p, _ in receipts)
        for p, result in outcomes:
            telemetry.message_settled(tenant.id, p.job.communication, p.message.channel, p.provider.name, result)
            if isinstance(result, Retry) and result.reason == "credentials_refused":
                scope = f"channel:{p.message.channel}"
                await self.cases.tenants.pause(tenant.id, scope, "credentials_refused", self.jobs.worker, now)

    def _outcome(self, p: Prepared, receipt: Receipt, now: datetime) -> Outcome:
        return outcome.settle(
            p.job,
            receipt,
            p.provider,
            p.file.case.communication,
            self.limits,
            now,
            jitter(),
            channel=p.message.channel,
            unknown_since=p.job.unknown_since,
        )

    async def _settle_verdicts(
        self, conn: Connection, tenant: TenantSettings, rest: Sequence[tuple[CaseFile, Verdict]], now: datetime
    ) -> None:
        endings: list[Ending] = []
        moves: list[PutBack] = []
        for file, verdict in rest:
            job = _claimed(file.case.job)
            match verdict:
                case Skip(reason, detail):
                    endings.append(Ending(job, State.SKIPPED, _worded(reason, detail)))
                case Snooze(until, reason, detail):
                    moves.append(PutBack(job, State.SCHEDULED, _worded(reason, detail), run_at=until))
                case Hold(reason, detail):
                    moves.append(PutBack(job, State.HELD, _worded(reason, detail)))
                case Send():
                    # The frozen words went to another address than the one that is right now: look again at once.
                    moves.append(PutBack(job, State.SCHEDULED, "address_changed", run_at=now))
                case _:
                    assert_never(verdict)
        await self._end(conn, tenant, endings, now)
        if moves:
            await self.jobs.put_back(conn, tenant.id, moves, now)

    async def _end(self, conn: Connection, tenant: TenantSettings, endings: Sequence[Ending], now: datetime) -> None:
        if endings:
            await self.jobs.finish(conn, tenant.id, [replace(e, job=_claimed(e.job)) for e in endings], now)
            for ending in endings:
                telemetry.job_ended(tenant.id, ending.job.communication, ending.outcome, ending.reason)


def _one_each(files: Sequence[CaseFile], verdicts: Sequence[Verdict], now: datetime) -> list[Verdict]:
    # Two marketing jobs of one customer in one batch: the first takes the turn, the others see it taken.
    taken: set[str] = set()
    result: list[Verdict] = []
    for file, verdict in zip(files, verdicts, strict=True):
        case, current = file.case, verdict
        if isinstance(verdict, Send) and case.communication.purpose is Purpose.MARKETING:
            if case.job.customer_id in taken:
                current = decide(replace(case, last_marketing_at=now))
            taken.add(case.job.customer_id)
        result.append(current)
    return result


def _goes_to(verdict: Verdict, message: Message) -> bool:
    return isinstance(verdict, Send) and (verdict.channel, verdict.address) == (message.channel, message.to)


def _claimed(job: Job) -> Job:
    return replace(job, state=State.CLAIMED)


def _dispatching(job: Job, receipt: Receipt, now: datetime) -> Job:
    since = job.unknown_since or (now if isinstance(receipt, Unknown) else None)
    return replace(job, state=State.DISPATCHING, unknown_since=since)


def _worded(reason: str, detail: str) -> str:
    return f"{reason}: {detail}" if detail else reason
