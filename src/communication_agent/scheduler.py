"""SPINE 1: when → who → job. Any worker may run any slot; the ledger makes every occasion single."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from communication_agent import telemetry
from communication_agent.cases import CaseReader
from communication_agent.clock import civil_date, civil_instant
from communication_agent.communication import Communication, Every, Schedule
from communication_agent.db.audience_sql import Window
from communication_agent.db.occasion_repository import Known, OccasionRepository, ScanPlan
from communication_agent.db.query import Connection
from communication_agent.db.schedule_repository import Run, ScheduleRepository, Slot
from communication_agent.domain import Channel, Job, JobType
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings

RETRY_MINUTES = (1, 5, 15, 60)
AT_ONCE = 4  # dealers scanned side by side: each holds a central connection while its rows flow


def newest_slot(schedule: Schedule, now: datetime, zone: ZoneInfo) -> date:
    """The day of the newest slot that has begun at `now`: the wall shows scan_at or later."""
    today = civil_date(now, zone)
    day = today if now >= civil_instant(today, schedule.scan_at, zone) else today - timedelta(days=1)
    while not falls_on(schedule, day):
        day -= timedelta(days=1)
    return day


def falls_on(schedule: Schedule, day: date) -> bool:
    """Whether the schedule has a slot on this civil date."""
    if schedule.months and day.month not in schedule.months:
        return False
    match schedule.every:
        case Every.DAY:
            return True
        case Every.WEEK:
            return day.weekday() == schedule.weekday
        case Every.MONTH:
            return day.day == schedule.monthday


def period_start(schedule: Schedule, day: date) -> date:
    """The last due date before the period that ends with `day`: a day, seven days or a month earlier."""
    match schedule.every:
        case Every.DAY:
            return day - timedelta(days=1)
        case Every.WEEK:
            return day - timedelta(days=7)
        case Every.MONTH:
            return _month_before(day)


def window_of(communication: Communication, schedule: Schedule, day: date, watermark: date | None) -> Window:
    """(max(watermark, day − period − lateness), day]; without a watermark one period only: no blast of history."""
    start = period_start(schedule, day)
    if watermark is None:
        return Window(day, start, day)
    return Window(day, max(watermark, start - timedelta(days=communication.lateness_days)), day)


def planned_at(schedule: Schedule, day: date, zone: ZoneInfo) -> datetime:
    """When the messages of a day's scan are planned to leave."""
    return civil_instant(day, schedule.send_at, zone)


def useful_until(communication: Communication, due_on: date, tenant: TenantSettings) -> datetime:
    """The midnight after the last useful day, as the scan's INSERT computes it."""
    return civil_instant(due_on + timedelta(days=communication.useful_days + 1), time(0), tenant.zone)


def job_type_of(communication: Communication, tenant: TenantSettings) -> JobType:
    """What a job of this type asks for, with the tenant's choice of channel."""
    match tenant.channels.get(communication.name, communication.channel):
        case "email" | Channel.EMAIL:
            return JobType.SEND_EMAIL
        case "sms" | Channel.SMS:
            return JobType.SEND_SMS
        case _:
            return JobType.NOTIFY_CUSTOMER


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Opens due slots and turns the dealer's rows into jobs."""

    cases: CaseReader
    occasions: OccasionRepository
    schedules: ScheduleRepository

    async def tick(self, now: datetime) -> bool:
        """Run every slot that is due; True when one was run to its end."""
        latest = await self.schedules.latest()
        room = asyncio.Semaphore(AT_ONCE)

        async def guarded(tenant: TenantSettings) -> bool:
            # What breaks for one dealer is counted and shown, and is nobody else's problem.
            async with room:
                try:
                    return await self._tenant(tenant, latest, now)
                except Exception as error:  # noqa: BLE001 - the next tick tries again
                    telemetry.loop_failed("scheduler", error)
                    return False

        return any(await asyncio.gather(*(guarded(tenant) for tenant in await self.cases.tenants.all())))

    async def _tenant(self, tenant: TenantSettings, latest: Mapping[tuple[str, str], Run], now: datetime) -> bool:
        # One after the other over one connection; the tenants run side by side.
        done = [
            await self._task(tenant, communication, latest.get((tenant.id, name)), now) for name, communication in self._scheduled()
        ]
        return any(done)

    def _scheduled(self) -> list[tuple[str, Communication]]:
        return [(name, c) for name, c in self.cases.communications.items() if c.schedule and c.audience]

    async def _task(self, tenant: TenantSettings, communication: Communication, run: Run | None, now: datetime) -> bool:
        schedule = communication.schedule
        if schedule is None:
            return False
        day = newest_slot(schedule, now, tenant.zone)
        slot = Slot(tenant.id, communication.name, day.isoformat(), day)
        if run is None and day != civil_date(now, tenant.zone):
            return False  # a new tenant or type begins with its next slot, not with one that passed before it was there
        if run is not None and not run.open_to(slot.name, now):
            return False
        if not tenant.type_is_on(communication.name):
            await self.schedules.mark_off(slot, now)
            return False
        return await self.schedules.take(slot, now) and await self._run(tenant, communication, schedule, slot, run, now)

    async def _run(
        self, tenant: TenantSettings, communication: Communication, schedule: Schedule, slot: Slot, run: Run | None, now: datetime
    ) -> bool:
        try:
            counts = await self.scan(tenant, communication, schedule, slot, now)
        except Problem as problem:
            tried = run.attempts if run and run.slot == slot.name else 0
            retry_at = now + timedelta(minutes=RETRY_MINUTES[min(tried, len(RETRY_MINUTES) - 1)])
            await self.schedules.fail(slot, str(problem), retry_at)
            telemetry.slot_failed(tenant.id, slot.task, slot.name, problem.code)
            return False
        telemetry.slot_done(tenant.id, slot.task, slot.name, **counts)
        return True

    async def scan(
        self, tenant: TenantSettings, communication: Communication, schedule: Schedule, slot: Slot, now: datetime
    ) -> dict[str, int]:
        """Candidates → ledger → jobs and the end of the slot in one transaction; counts found, enqueued, lapsed."""
        window = window_of(communication, schedule, slot.day, watermark := await self.schedules.watermark(slot))
        lapsed = await self._lapsed(tenant, communication, window, watermark)
        async with self.cases.central.engine() as conn, conn.transaction():
            counts = {**await self._enqueue(conn, tenant, communication, schedule, window, now), "lapsed": lapsed}
            if not await self.schedules.finish(conn, slot, counts, now):
                raise Problem("CA-602", f"The slot {slot.task} {slot.name} is somebody else's now.", "its lease ran out", "nothing")
        return counts

    async def enqueue(self, tenant: TenantSettings, communication: Communication, day: date, now: datetime) -> dict[str, int]:
        """Make jobs for one day by hand: ledger entries yes, watermark no; counts found, enqueued."""
        schedule = _schedule_of(communication)
        window = window_of(communication, schedule, day, None)
        async with self.cases.central.engine() as conn, conn.transaction():
            return await self._enqueue(conn, tenant, communication, schedule, window, now)

    async def rehearse(
        self, tenant: TenantSettings, communication: Communication, day: date, now: datetime
    ) -> tuple[list[Job], list[Known]]:
        """What a scan of that day would make, and what was asked for already: the same statements, rolled back."""
        schedule = _schedule_of(communication)
        window = window_of(communication, schedule, day, None)
        knobs = self.cases.knobs(communication, tenant)
        plan = _plan(tenant, communication, schedule, day, now)
        async with self.cases.gateway.session(tenant) as dealer:
            return await self.occasions.rehearse(plan, dealer.candidates(communication, window, knobs))

    async def _enqueue(
        self,
        conn: Connection,
        tenant: TenantSettings,
        communication: Communication,
        schedule: Schedule,
        window: Window,
        now: datetime,
    ) -> dict[str, int]:
        knobs = self.cases.knobs(communication, tenant)
        plan = _plan(tenant, communication, schedule, window.today, now)
        async with self.cases.gateway.session(tenant) as dealer:
            counts = await self.occasions.enqueue_scan(conn, plan, dealer.candidates(communication, window, knobs))
        return {"found": counts.found, "enqueued": counts.enqueued}

    async def _lapsed(self, tenant: TenantSettings, communication: Communication, window: Window, watermark: date | None) -> int:
        # Too old to be sent after a long outage: counted and shown, never sent.
        if watermark is None or watermark >= window.since or (communication.audience and communication.audience.state):
            return 0
        knobs = self.cases.knobs(communication, tenant)
        late = Window(window.today, watermark, window.since)
        async with self.cases.gateway.session(tenant) as dealer:
            return sum([block.count(b"\n") async for block in dealer.candidates(communication, late, knobs)])


def _plan(tenant: TenantSettings, communication: Communication, schedule: Schedule, day: date, now: datetime) -> ScanPlan:
    return ScanPlan(
        tenant_id=tenant.id,
        communication=communication.name,
        job_type=job_type_of(communication, tenant),
        today=day,
        zone=tenant.time_zone,
        lane=communication.lane,
        useful_days=communication.useful_days,
        run_at=max(now, planned_at(schedule, day, tenant.zone)),
        now=now,
    )


def _schedule_of(communication: Communication) -> Schedule:
    if communication.schedule is None:
        raise Problem(
            "CA-201",
            f"{communication.name} is not scanned for.",
            "it is made by another system's queue row or by an inbound mail",
            "communication-agent types list   shows which types have a schedule",
        )
    return communication.schedule


def _month_before(day: date) -> date:
    # The same day of the month before, or that month's last one.
    first = day.replace(day=1)
    last = first - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))
